"""A database whose connections do something around each statement."""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeVar

from ordering.db.connection import Connection, Isolation, Row
from ordering.db.engine import Database

__all__ = ["WrappedConnection", "WrappedDatabase"]

T = TypeVar("T")


class WrappedConnection(ABC):
    """A connection that passes each statement through `around`."""

    def __init__(self, inner: Connection) -> None:
        self.inner = inner

    @abstractmethod
    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        """Run a statement, which is what `send` does."""

    async def execute(self, query: str, *args: Any) -> str:
        return await self.around(lambda: self.inner.execute(query, *args), query, args)

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        return await self.around(lambda: self.inner.fetch(query, *args), query, args)

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        return await self.around(lambda: self.inner.fetchrow(query, *args), query, args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        return await self.around(lambda: self.inner.fetchval(query, *args), query, args)

    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> str:
        return await self.around(
            lambda: self.inner.copy_records_to_table(table_name, records=records, columns=columns),
            f"COPY {table_name}",
        )

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]:
        return self.inner.transaction(isolation=isolation, readonly=readonly)


class WrappedDatabase(Database):
    """Borrows the connections of another database, each in what `wrap` puts around it."""

    def __init__(self, inner: Database, wrap: Callable[[Connection], Connection]) -> None:
        super().__init__("unused")
        self._inner = inner
        self._wrap = wrap

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        async with self._inner.acquire() as connection:
            yield self._wrap(connection)
