"""What has ended is kept for a while, then deleted: in small batches, by one worker at a time.

The source archives successful records after 10 days and failed ones after 30. Idempotency keys are
kept for 24 hours at least. Records that have not ended are never touched.
"""

from datetime import timedelta

import msgspec

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.settings import Settings

__all__ = ["ADVISORY_LOCK", "Removed", "Retention"]

#: Holds other workers off for the length of one batch.
ADVISORY_LOCK = 0x0_0DE_212

_BATCH = 500

_ENDED = """
DELETE FROM inbound_request WHERE id = ANY (ARRAY(
    SELECT id FROM inbound_request WHERE state = '{state}' AND ended_at < now() - $1::interval
    ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
RETURNING id
"""
_COMPLETED = _ENDED.format(state="completed")
_FAILED = _ENDED.format(state="error")

_KEYS = """
DELETE FROM idempotency_key WHERE id = ANY (ARRAY(
    SELECT id FROM idempotency_key WHERE created_at < now() - $1::interval
    ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
))
RETURNING id
"""


class Removed(msgspec.Struct, frozen=True):
    """How many rows were deleted."""

    completed: int = 0
    failed: int = 0
    keys: int = 0


class Retention:
    """Deletes what is kept no longer."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._kept = (
            (_COMPLETED, timedelta(days=settings.retention_success_days)),
            (_FAILED, timedelta(days=settings.retention_failure_days)),
            (_KEYS, timedelta(hours=settings.idempotency_hours)),
        )

    async def sweep(self) -> Removed:
        """Delete all that is due, unless another worker does; returns how many rows of each kind.

        A batch is a transaction; being canceled loses at most the one in hand.
        """
        return Removed(*[await self._empty(*each) for each in self._kept])

    async def _empty(self, statement: str, kept: timedelta) -> int:
        removed = batch = await self._batch(statement, kept)
        while batch == _BATCH:
            batch = await self._batch(statement, kept)
            removed += batch
        return removed

    async def _batch(self, statement: str, kept: timedelta) -> int:
        async with self._database.transaction() as connection:
            if not await _is_ours(connection):
                return 0
            return len(await connection.fetch(statement, kept, _BATCH))


async def _is_ours(connection: Connection) -> bool:
    # Held until the end of the transaction: nothing to give back, whatever becomes of us.
    return await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", ADVISORY_LOCK)
