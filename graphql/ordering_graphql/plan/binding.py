"""Parameters of a statement: where each value comes from, and what may be wrong with it."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from ordering.access.roles import MAY, Permission
from ordering.domain import messages
from ordering.domain.errors import AccessDeniedError, InvalidRequestError
from ordering.domain.ids import parse_id
from ordering.domain.messages import Message
from ordering_graphql.plan.cursors import read_cursor
from ordering_graphql.plan.values import Value, Variables
from ordering_graphql.reading import NodeSource

__all__ = [
    "ArgumentError",
    "Asker",
    "Binder",
    "CursorKey",
    "NodeKey",
    "Parameters",
    "lacking",
]

_MOST_OF_BIGINT = 2**63 - 1
#: U+0000 as JSON writes it, and not a backslash with letters behind it.
_NUL = re.compile(r"(?<!\\)(\\\\)*\\u0000")
#: A number as it is shown: each node has one id.
_DIGITS = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


class Asker(NamedTuple):
    """Who asks, and with which variables."""

    variables: Variables
    permissions: Collection[Permission]


class ArgumentError(Exception):
    """An argument has a value that cannot be, or a field is not for everybody.

    `path` leads to it through the names of the answer; `code` is told with it.
    """

    def __init__(
        self,
        message: Message,
        path: Sequence[str],
        *,
        code: str = InvalidRequestError.__name__,
        **values: object,
    ) -> None:
        super().__init__(message.text.format(**values))
        self.path = tuple(path)
        self.code = code.removesuffix("Error")


def lacking(permission: Permission, path: Sequence[str]) -> ArgumentError:
    """Tell that a field needs a role that the client lacks."""
    roles = ", ".join(sorted(MAY[permission]))
    return ArgumentError(messages.ROLE_LACKING, path, code=AccessDeniedError.__name__, roles=roles)


#: Reads a parameter's value. Raises `ArgumentError`.
Binder = Callable[[Asker], Any]


class Parameters:
    """The parameters of a statement, each with its binder, in the order of their numbers."""

    def __init__(self) -> None:
        self.binders: list[Binder] = []
        self._known: dict[object, str] = {}

    def add(self, value: Value, kind: str) -> str:
        """Add a value, or find it again, and return how the statement names it."""
        convert = _CONVERT[kind]
        read = value.read
        return self._add((read, kind), kind, lambda asker: convert(read(asker.variables)))

    def bind(self, key: object, kind: str, binder: Binder) -> str:
        """Add a parameter that is more than a value; `key` finds it again."""
        return self._add(key, kind, binder)

    def idle_in(self, statement: str) -> str:
        """Write a clause, always true, with the parameters that a statement lacks.

        A cursor is checked where only the total is asked for too, and PostgreSQL refuses
        parameters whose types it cannot tell.
        """
        idle = [name for name in self._known.values() if name not in statement]
        conditions = " AND ".join(f"({name} IS NULL) IS NOT NULL" for name in idle)
        return f" WHERE {conditions}" if conditions else ""

    def _add(self, key: object, kind: str, binder: Binder) -> str:
        if key not in self._known:
            self.binders.append(binder)
            self._known[key] = f"${len(self.binders)}::{kind}"
        return self._known[key]


def _text(value: Any) -> str | None:
    """Read a text. PostgreSQL's text cannot hold U+0000: nothing is found under such a one."""
    text = str(value)
    return None if "\0" in text else text


def _texts(values: Sequence[Any]) -> list[str]:
    found = [_text(value) for value in values]
    return [text for text in found if text is not None]


def _uuid(value: Any) -> UUID | None:
    return parse_id(str(value))


def _uuids(values: Sequence[Any]) -> list[UUID]:
    found = [_uuid(value) for value in values]
    return [identity for identity in found if identity is not None]


def _json(value: Any) -> str | None:
    """Write JSON. PostgreSQL's cannot hold U+0000 and no number without bounds: as in `_text`."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return None
    return None if _NUL.search(text) else text


def _same(value: Any) -> Any:
    return value


#: From a coerced value to what the driver sends, by SQL type. Null finds nothing.
_CONVERT: Mapping[str, Callable[[Any], Any]] = {
    "text": _text,
    "text[]": _texts,
    "uuid": _uuid,
    "uuid[]": _uuids,
    "timestamptz": _same,
    "boolean": _same,
    "jsonb": _json,
}


class CursorKey(NamedTuple):
    """Reads one key out of `after` or `before`."""

    value: Value
    sort: str
    kinds: tuple[str, ...]
    number: int
    path: tuple[str, ...]

    def bind(self, asker: Asker) -> Any:
        """Read the key. Raises `ArgumentError` for what is no cursor of this list and order."""
        try:
            return read_cursor(self.value.read(asker.variables), self.sort, self.kinds)[self.number]
        except ValueError:
            raise ArgumentError(messages.CURSOR_UNKNOWN, self.path, name=self.path[-1]) from None


class NodeKey(NamedTuple):
    """Reads the key of a node of one type out of its id; null for ids of other types."""

    value: Value
    source: NodeSource
    path: tuple[str, ...]

    def bind(self, asker: Asker) -> Any:
        """Read the key. Raises `ArgumentError` for a type that is not for everybody."""
        text = str(self.value.read(asker.variables))
        prefix, needs = self.source.prefix, self.source.source.needs
        if not text.startswith(prefix) or (not prefix and ":" in text):
            return None
        if needs is not None and needs not in asker.permissions:
            raise lacking(needs, self.path)
        key = text.removeprefix(prefix)
        if self.source.kind == "uuid":
            return parse_id(key)
        number = int(key) if _DIGITS.fullmatch(key) else _MOST_OF_BIGINT + 1
        return number if number <= _MOST_OF_BIGINT else None
