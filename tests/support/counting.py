"""A database that notes the statements that go through it."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database
from support.wrapping import WrappedConnection, WrappedDatabase

__all__ = ["CountingDatabase"]

T = TypeVar("T")


class _Noting(WrappedConnection):
    """A connection that notes each statement before it passes it on."""

    def __init__(self, inner: Connection, statements: list[str]) -> None:
        super().__init__(inner)
        self._statements = statements

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        del args
        self._statements.append(query)
        return await send()


class CountingDatabase(WrappedDatabase):
    """Borrows the connections of another database; `statements` is what was run on them."""

    def __init__(self, inner: Database) -> None:
        self.statements: list[str] = []
        super().__init__(inner, lambda connection: _Noting(connection, self.statements))
