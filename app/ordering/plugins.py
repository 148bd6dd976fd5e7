"""Finds the rules and field mappings that installed distributions add (docs/plugins.md).

A distribution offers them as entry points of the groups `RULES` and `MAPPINGS`; that it is
installed is all that switches them on (docs/decisions/0014-plug-ins.md).
"""

import logging
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from ordering.domain.extension import FieldMapping, OrderDraft, Problem, References, Rule
from ordering.domain.messages import REASONS

__all__ = ["MAPPINGS", "RULES", "PluginError", "Plugins", "load_plugins"]

#: The groups of entry points.
RULES = "product_ordering.rules"
MAPPINGS = "product_ordering.mappings"

_log = logging.getLogger(__name__)


class PluginError(Exception):
    """A plug-in cannot be loaded, or raised; a defect. `plugin` names it, and what it raised."""

    def __init__(self, text: str, plugin: str) -> None:
        super().__init__(text)
        self.plugin = plugin


class Plugins(NamedTuple):
    """What plug-ins add, in the order of their names. Each raises nothing but `PluginError`."""

    rules: tuple[Rule, ...] = ()
    mappings: tuple[FieldMapping, ...] = ()


@cache
def load_plugins() -> Plugins:
    """Load what is installed, once per process, and list it in the log.

    Raises `PluginError`, naming the entry point and its distribution, where one cannot be loaded.
    """
    return Plugins(
        rules=tuple(_guard_rule(*each) for each in _load(RULES)),
        mappings=tuple(_guard_mapping(*each) for each in _load(MAPPINGS)),
    )


def _load(group: str) -> Iterator[tuple[Callable[..., Any], str]]:
    """Load the entry points of a group; yields each with its name for the log."""
    for entry in sorted(entry_points(group=group), key=lambda each: (each.name, _origin(each))):
        name = f"{entry.name} of {_origin(entry)}"
        try:
            loaded: object = entry.load()
        except Exception as error:
            text = f"the plug-in {name} ({entry.group}: {entry.value}) cannot be loaded: {error!r}"
            raise PluginError(text, f"{name}: {type(error).__name__}") from error
        if not callable(loaded):
            text = f"the plug-in {name} ({entry.group}: {entry.value}) is no function"
            raise PluginError(text, name)
        _log.info("loaded the plug-in %s (%s)", name, entry.group)
        yield loaded, name


def _origin(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""


def _guard_rule(rule: Callable[..., Any], name: str) -> Rule:
    def guarded(draft: OrderDraft, found: References) -> Iterator[Problem]:
        try:
            for problem in rule(draft, found):
                yield _checked(problem)
        except Exception as error:
            raise _raised(name, error) from error

    return guarded


def _guard_mapping(mapping: Callable[..., Any], name: str) -> FieldMapping:
    def guarded(draft: OrderDraft) -> None:
        try:
            _check_nothing(mapping(draft))
        except Exception as error:
            raise _raised(name, error) from error

    return guarded


def _checked(problem: object) -> Problem:
    if not isinstance(problem, Problem) or problem.code not in REASONS:
        raise TypeError("a rule yields problems, with codes that clients know")
    return problem


def _check_nothing(returned: object) -> None:
    if returned is not None:
        raise TypeError("a field mapping changes the draft and returns nothing")


def _raised(name: str, error: Exception) -> PluginError:
    told = f"{name}: {type(error).__name__}"
    return PluginError(f"a plug-in raised: {told}", told)
