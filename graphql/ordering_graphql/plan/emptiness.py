"""Filters that lack a condition, as those have whose variable was forgotten.

A filter that is null, left out or `{}` means everything, and says so. An object *within* one that
has no condition would mean everything too, without saying so: it is refused.
"""

from collections.abc import Iterator, Sequence
from typing import Any, cast

from ordering.domain import messages
from ordering_graphql.plan.binding import ArgumentError
from ordering_graphql.plan.values import Given

__all__ = ["emptiness_faults"]


def emptiness_faults(given: Given, path: Sequence[str]) -> list[ArgumentError]:
    """Tell of each object within a filter that has no condition; `path` leads to the filter."""
    return [ArgumentError(messages.CONDITION_LACKING, each) for each in _below(given, tuple(path))]


def _below(given: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Find the empty objects in an object or a list; members that are null are not in it."""
    if isinstance(given, dict):
        members = cast("dict[str, Any]", given).items()
    elif isinstance(given, list):
        members = ((str(at), each) for at, each in enumerate(cast("list[Any]", given)))
    else:
        return
    for name, each in members:
        if each == {}:
            yield (*path, name)
        yield from _below(each, (*path, name))
