"""What the statements need of a connection.

asyncpg carries no types, and tests put a connection that fails on purpose in its place, so the
few methods that we call are written down as a protocol.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol

from ordering.db.driver import asyncpg

__all__ = ["Connection", "Isolation", "Row", "connect"]

_CONNECT_TIMEOUT_S = 10.0

Isolation = Literal["read_committed", "repeatable_read", "serializable"]


class Row(Protocol):
    """One row of a result, read by column name or position."""

    def __getitem__(self, key: str | int) -> Any:
        """Return the value of a column."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the values in column order."""
        ...


class Connection(Protocol):
    """A session with PostgreSQL. Errors are asyncpg's (`asyncpg.PostgresError`, `OSError`)."""

    async def execute(self, query: str, *args: Any) -> str:
        """Run a statement and return its command tag."""
        ...

    async def fetch(self, query: str, *args: Any) -> list[Row]:
        """Run a statement and return all its rows."""
        ...

    async def fetchrow(self, query: str, *args: Any) -> Row | None:
        """Run a statement and return its first row, if any."""
        ...

    async def fetchval(self, query: str, *args: Any) -> Any:
        """Run a statement and return the first column of its first row."""
        ...

    async def copy_records_to_table(
        self, table_name: str, *, records: Sequence[Sequence[Any]], columns: Sequence[str]
    ) -> str:
        """Append rows to a table by COPY and return its command tag."""
        ...

    def transaction(
        self, *, isolation: Isolation | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]:
        """Open a transaction, or a savepoint when one is open (then without any options)."""
        ...


async def connect(url: str) -> Any:
    """Open a connection outside of any pool, with all that asyncpg offers. Close it yourself."""
    return await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S)
