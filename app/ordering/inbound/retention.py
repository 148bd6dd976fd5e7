"""What has ended is kept for a while, then deleted: in small batches, by one worker at a time.

The source archives successful records after 10 days and failed ones after 30. Idempotency keys are
kept for 24 hours at least. Bulks are kept as long as requests that ended like the worst of their
lines. Records that have not ended are never touched.
"""

from datetime import timedelta

import msgspec

from ordering.db.advisory import Turn, take_turn
from ordering.db.engine import Database
from ordering.settings import Settings

__all__ = ["Removed", "Retention"]

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

# The key of a bulk goes first, then its lines, the bulk when it has none left. From the first step
# on a repeat is a bulk of its own: it would not know which lines it had been.
_OLD_BULKS = """
    SELECT id FROM bulk
    WHERE {whose} AND updated_at < now() - $1::interval AND coalesce(lease_expires_at < now(), true)
      AND (refused > 0) = {refused}
    ORDER BY updated_at LIMIT $2
"""
_VOID = """
UPDATE bulk SET request_key = NULL WHERE id = ANY (ARRAY({bulks} FOR UPDATE SKIP LOCKED))
RETURNING id
"""
# By their places in the table: joined by key, PostgreSQL reads it through for each batch.
_LINES = """
DELETE FROM bulk_line WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM bulk_line WHERE bulk_id = ANY (ARRAY({bulks})) LIMIT $2
))
RETURNING number
"""
_BULKS = """
DELETE FROM bulk WHERE id = ANY (ARRAY({bulks}))
  AND NOT EXISTS (SELECT FROM bulk_line WHERE bulk_id = bulk.id)
RETURNING id
"""
_KEYED = [
    _OLD_BULKS.format(whose="request_key IS NOT NULL", refused=each) for each in ("false", "true")
]
_GOOD, _BAD = [
    _OLD_BULKS.format(whose="request_key IS NULL", refused=each) for each in ("false", "true")
]


class Removed(msgspec.Struct, frozen=True):
    """How many rows were deleted."""

    completed: int = 0
    failed: int = 0
    keys: int = 0
    lines: int = 0
    bulks: int = 0


class Retention:
    """Deletes what is kept no longer."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        success = timedelta(days=settings.retention_success_days)
        failure = timedelta(days=settings.retention_failure_days)
        self._voided = [
            (_VOID.format(bulks=bulks), kept)
            for bulks, kept in zip(_KEYED, (success, failure), strict=True)
        ]
        self._kept = (
            [(_COMPLETED, success)],
            [(_FAILED, failure)],
            [(_KEYS, timedelta(hours=settings.idempotency_hours))],
            [(_LINES.format(bulks=_GOOD), success), (_LINES.format(bulks=_BAD), failure)],
            [(_BULKS.format(bulks=_GOOD), success), (_BULKS.format(bulks=_BAD), failure)],
        )

    async def sweep(self) -> Removed:
        """Delete all that is due, unless another worker does; returns how many rows of each kind.

        A batch is a transaction; being canceled loses at most the one in hand.
        """
        for each in self._voided:
            await self._empty(*each)
        removed = [
            sum([await self._empty(*each) for each in statements]) for statements in self._kept
        ]
        return Removed(*removed)

    async def _empty(self, statement: str, kept: timedelta) -> int:
        removed = batch = await self._batch(statement, kept)
        while batch == _BATCH:
            batch = await self._batch(statement, kept)
            removed += batch
        return removed

    async def _batch(self, statement: str, kept: timedelta) -> int:
        async with self._database.transaction() as connection:
            if not await take_turn(connection, Turn.SWEEPING):
                return 0
            return len(await connection.fetch(statement, kept, _BATCH))
