"""The plans by which the service's statements run: those that serve any values."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar, cast

import msgspec

from ordering.db.connection import Connection
from ordering.db.engine import Database
from support.wrapping import WrappedConnection, WrappedDatabase

__all__ = ["ExplainingDatabase", "Scan", "explain", "touched"]

_TYPES = "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'explained'"

T = TypeVar("T")


class Scan(msgspec.Struct, frozen=True):
    """How a table is read: the kind of the scan, the table, the index."""

    kind: str
    table: str | None
    index: str | None


async def explain(
    connection: Connection, query: str, *values: object, options: str = ""
) -> dict[str, Any]:
    """Return a statement's plan; with the option ANALYZE it is run.

    A plain EXPLAIN with values would show what is planned for these, and sessions of the service
    do not plan like that.
    """
    await connection.execute(f"PREPARE explained AS {query}")
    try:
        given = await _literals(connection, values)
        run = f"EXPLAIN (FORMAT JSON{options and ', '}{options}) EXECUTE explained{given}"
        text = await connection.fetchval(run)
    finally:
        await connection.execute("DEALLOCATE explained")
    return msgspec.json.decode(text)[0]["Plan"]


async def _literals(connection: Connection, values: tuple[object, ...]) -> str:
    """Have values written as literals in parentheses; nothing for a statement without any."""
    if not values:
        return ""
    types = await connection.fetchval(_TYPES)
    shown = ", ".join(
        f"quote_nullable(${number}::{kind}::text)" for number, kind in enumerate(types, 1)
    )
    return await connection.fetchval(f"SELECT concat('(', concat_ws(', ', {shown}), ')')", *values)


class _Explaining(WrappedConnection):
    """A connection that notes the scans of each statement before it passes it on."""

    def __init__(self, inner: Connection, scans: list[Scan]) -> None:
        super().__init__(inner)
        self._scans = scans

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        if query.startswith("COPY "):
            return await send()
        plan = await explain(self.inner, query, *args)
        self._scans.extend(_scans(plan))
        return await send()


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    if node["Node Type"].endswith("Scan") and node["Node Type"] != "Bitmap Heap Scan":
        yield Scan(node["Node Type"], node.get("Relation Name"), node.get("Index Name"))
    for child in cast("list[dict[str, Any]]", node.get("Plans", [])):
        yield from _scans(child)


class ExplainingDatabase(WrappedDatabase):
    """Borrows the connections of another database; `scans` is how its tables were read."""

    def __init__(self, inner: Database) -> None:
        self.scans: list[Scan] = []
        super().__init__(inner, lambda connection: _Explaining(connection, self.scans))


def touched(node: dict[str, Any]) -> float:
    """Sum the rows that an analyzed plan's nodes looked at: returned, or thrown away."""
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Join Filter", 0)
    own = (node["Actual Rows"] + removed) * node["Actual Loops"]
    return own + sum(touched(child) for child in node.get("Plans", []))
