"""A database whose connections stop at a statement until they are told to go on."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database
from support.wrapping import WrappedConnection, WrappedDatabase

__all__ = ["StoppingDatabase"]

T = TypeVar("T")

_PATIENCE_S = 10


class _Stopping(WrappedConnection):
    """A connection that asks before each statement whether to stop."""

    def __init__(self, inner: Connection, database: "StoppingDatabase") -> None:
        super().__init__(inner)
        self._database = database

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        del args
        await self._database.come_by(query)
        return await send()


class StoppingDatabase(WrappedDatabase):
    """Borrows the connections of another database; stops once, before a statement with `text`.

    `statements` is what was run, or stopped at.
    """

    def __init__(self, inner: Database, text: str) -> None:
        super().__init__(inner, lambda connection: _Stopping(connection, self))
        self.statements: list[str] = []
        self._text = text
        self._reached, self._go_on = asyncio.Event(), asyncio.Event()

    async def come_by(self, query: str) -> None:
        """Note a statement, and wait if it is the one to stop at."""
        self.statements.append(query)
        if self._text in query and not self._reached.is_set():
            self._reached.set()
            await self._go_on.wait()

    @asynccontextmanager
    async def stopped(self, operation: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
        """Start an operation on this database; what is in the block is done while it is stopped."""
        task = asyncio.create_task(operation)
        async with asyncio.timeout(_PATIENCE_S):
            await self._reached.wait()
        try:
            yield task
        finally:
            self._go_on.set()
