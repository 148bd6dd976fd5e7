"""Engines, pools and transactions.

A `Database` has an engine of its own, with Piccolo's pool, and is handed to whoever talks to
PostgreSQL, so that this is visible in the signatures. The module's `ENGINE` is the one that
Piccolo's tables, migrations and command line find by name.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from piccolo.engine.postgres import PostgresEngine

from ordering.db.connection import Connection
from ordering.db.driver import asyncpg

__all__ = ["COMMAND_TIMEOUT_S", "ENGINE", "Database"]

_log = logging.getLogger(__name__)
_STATEMENT_TIMEOUT_MS = 60_000
_IDLE_TIMEOUT_MS = 30_000
_CONNECT_TIMEOUT_S = 10.0
#: Seconds after which a client that went silent is looked for, and how often before it is given up.
_KEEPALIVES = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}
_CLOSE_TIMEOUT_S = 10.0
#: Seconds after which a statement is planned anew: its plan was made for its tables' sizes then.
_PLANS_KEPT_S = 30

#: For who runs ordinary statements only: the server's own timeout comes first if it is there.
COMMAND_TIMEOUT_S = _STATEMENT_TIMEOUT_MS / 1000 + 5


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

    `statement_timeout_ms` and `lock_timeout_ms` bound every statement on the server side, and
    `idle_timeout_ms` how long a transaction may wait for its next one: neither a lost client nor
    one that has stopped may keep its locks for ever. `command_timeout_s` bounds
    them on this side too, for a server that has gone silent; leave it out where statements may
    take longer. `acquire_timeout_s` bounds the wait for a connection, and for one to be given back.
    `through_indexes` is for who works on tables that fill fast: a plan that is made while one is
    nearly empty is kept for a while, and must not read it through then; a table without an index
    that serves is read through all the same (docs/decisions/0027-batches-in-hand.md).
    `engine` is for the migrations, which run on Piccolo's own.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_ms: int = _STATEMENT_TIMEOUT_MS,
        lock_timeout_ms: int = 10_000,
        idle_timeout_ms: int = _IDLE_TIMEOUT_MS,
        command_timeout_s: float | None = None,
        acquire_timeout_s: float = 10.0,
        through_indexes: bool = False,
        engine: PostgresEngine | None = None,
    ) -> None:
        config: dict[str, Any] = {
            "dsn": url,
            "min_size": min(2, pool_size),
            "max_size": pool_size,
            "reset": _keep_session,
            "timeout": _CONNECT_TIMEOUT_S,
            "command_timeout": command_timeout_s,
            "max_cached_statement_lifetime": _PLANS_KEPT_S,
            "server_settings": {
                "application_name": "product-ordering",
                "statement_timeout": str(statement_timeout_ms),
                "lock_timeout": str(lock_timeout_ms),
                "idle_in_transaction_session_timeout": str(idle_timeout_ms),
                **_KEEPALIVES,
                # Our statements are long and quick: to compile one takes longer than to run it.
                "jit": "off",
                # To plan one takes as long as to run it, and none needs to know the values: tests
                # look at the plans that serve any (docs/decisions/0028-plans.md).
                "plan_cache_mode": "force_generic_plan",
                "enable_seqscan": "off" if through_indexes else "on",
                "timezone": "UTC",
            },
        }
        self._engine = engine or _Engine(config={}, extensions=())
        self._engine.config = config
        self._acquire_timeout_s = acquire_timeout_s
        self._turns = asyncio.Semaphore(pool_size)

    async def open(self) -> None:
        """Open the pool. Raises `OSError` or `asyncpg.PostgresError` if the server refuses."""
        await cast("Any", self._engine).start_connection_pool()

    async def close(self) -> None:
        """Close the pool; what does not come back in ten seconds is cut off."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._engine.close_connection_pool()
        except TimeoutError:
            # asyncpg cuts the connections off by itself when its closing is cancelled.
            _log.warning("connections were still in use %s s after closing", _CLOSE_TIMEOUT_S)
            self._engine.pool = None

    @asynccontextmanager
    async def acquire(self) -> AsyncGenerator[Connection]:
        """Borrow a connection from the pool; raises `TimeoutError` if none becomes free.

        In the order of asking: the pool by itself lets those who come overtake those who wait.
        Raises the driver's `InterfaceError` when the pool is closed.
        """
        pool = cast("Any", self._engine.pool)
        if pool is None:
            raise asyncpg.InterfaceError("the pool is closed")
        async with asyncio.timeout(self._acquire_timeout_s) as patience, self._turns:
            connection = await pool.acquire()
            try:
                patience.reschedule(None)
                yield connection
            finally:
                # A server that has gone silent is not waited for much longer.
                await pool.release(connection, timeout=self._acquire_timeout_s)

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """Borrow a connection with an open transaction, committed unless an error leaves it."""
        async with self.acquire() as connection, connection.transaction():
            yield connection
