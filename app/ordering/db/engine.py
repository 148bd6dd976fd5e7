"""Engines, pools and transactions.

A `Database` has an engine of its own, with Piccolo's pool, and is handed to whoever talks to
PostgreSQL, so that this is visible in the signatures. The module's `ENGINE` is the one that
Piccolo's tables, migrations and command line find by name.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, cast

from piccolo.engine.postgres import PostgresEngine

from ordering.db.connection import Connection

__all__ = ["ENGINE", "Database"]


class _Engine(PostgresEngine):
    """Piccolo's engine, without its look at the server's version when a module is imported."""

    async def check_version(self) -> None:
        """Do nothing: the URL is not known yet."""


# `extensions=()`: a server without uuid-ossp will do, ids are made by us.
ENGINE = _Engine(config={}, extensions=())


async def _keep_session(_connection: Any) -> None:
    """Do nothing when a connection goes back to the pool.

    asyncpg rolls an open transaction back by itself. Its reset query, a round trip after every
    use, would undo settings of the session; none of our statements leaves any behind.
    """


class Database:
    """A pool of connections.

    `statement_timeout_ms` and `lock_timeout_ms` bound every statement on the server side, so that
    neither a lost client nor a long lock can hold a connection for ever. `engine` is for the
    migrations, which run on Piccolo's own.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_ms: int = 60_000,
        lock_timeout_ms: int = 10_000,
        engine: PostgresEngine | None = None,
    ) -> None:
        config: dict[str, Any] = {
            "dsn": url,
            "min_size": min(2, pool_size),
            "max_size": pool_size,
            "reset": _keep_session,
            "server_settings": {
                "application_name": "product-ordering",
                "statement_timeout": str(statement_timeout_ms),
                "lock_timeout": str(lock_timeout_ms),
                "timezone": "UTC",
            },
        }
        self._engine = engine or _Engine(config={}, extensions=())
        self._engine.config = config

    async def open(self) -> None:
        """Open the pool. Raises `OSError` or `asyncpg.PostgresError` if the server refuses."""
        await cast("Any", self._engine).start_connection_pool()

    async def close(self) -> None:
        """Close the pool, waiting for the connections in use."""
        await self._engine.close_connection_pool()

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """Borrow a connection from the pool."""
        pool = cast("Any", self._engine.pool)
        return cast("AbstractAsyncContextManager[Connection]", pool.acquire())

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Borrow a connection with an open transaction, committed unless an error leaves it."""
        async with self.acquire() as connection, connection.transaction():
            yield connection
