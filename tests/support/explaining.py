"""A database that asks for the plan of each statement before it runs it."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

import msgspec

from ordering.db.connection import Connection, Isolation, Row
from ordering.db.engine import Database

__all__ = ["ExplainingDatabase", "Scan"]


class Scan(msgspec.Struct, frozen=True):
    """How a table is read: the kind of the scan, the table, the index."""

    kind: str
    table: str | None
    index: str | None


class _Explaining:
    """A connection that notes the scans of each statement before it passes it on."""

    def __init__(self, inner: Connection, scans: list[Scan]) -> None:
        self._inner = inner
        self._scans = scans

    async def execute(self, query: str, *args: Any) -> str:
        await self._explain(query, args)
        return await self._inner.execute(query, *args)

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        await self._explain(query, args)
        return await self._inner.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        await self._explain(query, args)
        return await self._inner.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        await self._explain(query, args)
        return await self._inner.fetchval(query, *args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> str:
        return await self._inner.copy_records_to_table(table_name, records=records, columns=columns)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]:
        return self._inner.transaction(isolation=isolation, readonly=readonly)

    async def _explain(self, query: str, args: tuple[Any, ...]) -> None:
        plan = await self._inner.fetchval(f"EXPLAIN (FORMAT JSON) {query}", *args)
        self._scans.extend(_scans(msgspec.json.decode(plan)[0]["Plan"]))


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    if node["Node Type"].endswith("Scan") and node["Node Type"] != "Bitmap Heap Scan":
        yield Scan(node["Node Type"], node.get("Relation Name"), node.get("Index Name"))
    for child in cast("list[dict[str, Any]]", node.get("Plans", [])):
        yield from _scans(child)


class ExplainingDatabase(Database):
    """Borrows the connections of another database; `scans` is how its tables were read."""

    def __init__(self, inner: Database) -> None:
        super().__init__("unused")
        self._inner = inner
        self.scans: list[Scan] = []

    @asynccontextmanager
    async def _explained(self) -> AsyncGenerator[Connection]:
        async with self._inner.acquire() as connection:
            yield _Explaining(connection, self.scans)

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        return self._explained()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        async with self._inner.transaction() as connection:
            yield _Explaining(connection, self.scans)
