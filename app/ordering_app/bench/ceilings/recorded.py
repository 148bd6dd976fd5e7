"""What a reader asks of a connection, recorded once, to be asked again and again.

So a ceiling runs the very statements of the service, in the same kind of transaction, whatever
they come to be in the future, and leaves out whatever is done with their rows.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from ordering.db.connection import Connection, Isolation, Row
from ordering_app.bench.model import BenchError

__all__ = ["Recorder"]


class Recorder:
    """A connection that notes what is asked through it, and can ask it of another one.

    It expects a reader's habits: at most one transaction, around all statements.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._calls: list[tuple[str, str, tuple[Any, ...]]] = []
        self._transactions: list[dict[str, Any]] = []

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement and return its command tag."""
        return await self._noted("execute", query, args)

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Run a statement and return all its rows."""
        return await self._noted("fetch", query, args)

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        """Run a statement and return its first row, if any."""
        return await self._noted("fetchrow", query, args)

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement and return the first column of its first row."""
        return await self._noted("fetchval", query, args)

    async def _noted(self, method: str, query: str, args: tuple[Any, ...]) -> Any:
        self._calls.append((method, query, args))
        return await getattr(self._connection, method)(query, *args)

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]:
        """Open a transaction. Raises `BenchError` if it is not around all statements."""
        if self._calls or self._transactions:
            raise BenchError("what is recorded is not one transaction around all statements")
        options: dict[str, Any] = {"isolation": isolation, "readonly": readonly}
        self._transactions.append(options)
        return self._open(options)

    @asynccontextmanager
    async def _open(self, options: dict[str, Any]) -> AsyncGenerator[None]:
        async with self._connection.transaction(**options):
            yield

    async def ask_again(self, connection: Connection) -> None:
        """Ask all of it of this connection, and leave the rows alone."""
        if not self._transactions:
            await self._ask(connection)
            return
        async with connection.transaction(**self._transactions[0]):
            await self._ask(connection)

    async def _ask(self, connection: Connection) -> None:
        for method, query, args in self._calls:
            await getattr(connection, method)(query, *args)
