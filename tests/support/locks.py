"""See who waits for whom in PostgreSQL."""

import asyncio

from ordering.db.connection import Connection

__all__ = ["waiters"]

_WAITING = "SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"


async def waiters(connection: Connection, count: int) -> None:
    """Return once so many sessions wait for a lock."""
    async with asyncio.timeout(10):
        while await connection.fetchval(_WAITING) < count:
            pass
