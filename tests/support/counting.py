"""A database that notes the statements that go through it."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ordering.db.connection import Connection, Isolation, Row
from ordering.db.engine import Database

__all__ = ["CountingDatabase"]


class _Noting:
    """A connection that notes each statement before it passes it on."""

    def __init__(self, inner: Connection, statements: list[str]) -> None:
        self._inner = inner
        self._statements = statements

    async def execute(self, query: str, *args: Any) -> str:
        self._statements.append(query)
        return await self._inner.execute(query, *args)

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        self._statements.append(query)
        return await self._inner.fetch(query, *args)

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        self._statements.append(query)
        return await self._inner.fetchrow(query, *args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        self._statements.append(query)
        return await self._inner.fetchval(query, *args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> str:
        self._statements.append(f"COPY {table_name}")
        return await self._inner.copy_records_to_table(table_name, records=records, columns=columns)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]:
        return self._inner.transaction(isolation=isolation, readonly=readonly)


class CountingDatabase(Database):
    """Borrows the connections of another database; `statements` is what was run on them."""

    def __init__(self, inner: Database) -> None:
        super().__init__("unused")
        self._inner = inner
        self.statements: list[str] = []

    @asynccontextmanager
    async def _noted(self) -> AsyncGenerator[Connection]:
        async with self._inner.acquire() as connection:
            yield _Noting(connection, self.statements)

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        return self._noted()
