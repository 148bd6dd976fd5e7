"""Claims that an outage of the database has interrupted: the worker lives and gives them back.

An outage is nobody's fault. So it does not count as an attempt, and the records are tried again
together, after a growing wait. But a record may be what breaks the database: who is interrupted a
third time is taken alone from then on, and the last interruption ends in error
(docs/decisions/0019-failures.md).
"""

import logging
from collections.abc import Mapping
from typing import NamedTuple
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering.domain.errors import Problem
from ordering.inbound.backoff import Backoff
from ordering.inbound.failures import Aftermath, note_attempt

__all__ = ["Interruptions", "Patience", "release"]

_log = logging.getLogger(__name__)

#: How often records may be interrupted and still be tried again together.
_TOGETHER = 2

_INTERRUPTED = Problem("The database failed whenever this request was processed", "", 1)

# A record that is being completed is locked, by a transaction that the server has not missed yet.
# Attempts above zero are what makes a claim take a record alone.
_RELEASE = f"""
WITH interrupted AS (
    SELECT id, interruptions + 1 AS times, interruptions + 1 >= $2::int AS last
    FROM inbound_request
    WHERE claim_token = $1 AND state = 'in_progress'
    ORDER BY id
    FOR UPDATE SKIP LOCKED
)
UPDATE inbound_request AS request
SET state = CASE WHEN last THEN 'error' ELSE 'new' END,
    status = CASE WHEN last THEN 'failure' END,
    status_code = CASE WHEN last THEN 400 ELSE 202 END,
    error_message = CASE WHEN last THEN $6 END,
    error = CASE WHEN last THEN $7::jsonb END,
    ended_at = CASE WHEN last THEN now() END,
    due_at = CASE WHEN NOT last THEN now() + interval '1 s' * $5::float8
        * least($3::float8 * power(2, times - 1), $4::float8) END,
    attempts = CASE WHEN last THEN attempts
        ELSE greatest(attempts - 1, (times > {_TOGETHER})::int) END,
    interruptions = times,
    claim_token = NULL, lease_expires_at = NULL, claimed_at = NULL, updated_at = now(),
    attempt_history = {note_attempt("'systemId', system_id, 'error', $8::text")}
FROM interrupted WHERE request.id = interrupted.id
RETURNING request.id, last
"""

_IS_LEFT = """
SELECT EXISTS (SELECT FROM inbound_request WHERE claim_token = $1 AND state = 'in_progress')
"""


class Patience(NamedTuple):
    """How long records wait after an interruption, and which interruption is the last one."""

    backoff: Backoff
    max_interruptions: int


async def release(
    connection: Connection, token: UUID, reason: str, patience: Patience, aftermath: Aftermath
) -> bool:
    """Give back what is left of a claim, to be tried again later; wants a transaction.

    Returns False if records of it are still locked by a transaction that is about to end.
    """
    first_s, most_s, spread = patience.backoff
    problem = (_INTERRUPTED.message, msgspec.json.encode([_INTERRUPTED]).decode())
    waits = (patience.max_interruptions, first_s, most_s, spread())
    rows = await connection.fetch(_RELEASE, token, *waits, *problem, reason)
    is_left = await connection.fetchval(_IS_LEFT, token)
    await aftermath.of_failures(connection, [row["id"] for row in rows if row["last"]])
    return not is_left


class Interruptions:
    """The interrupted claims of a worker, until the database takes them back.

    While it is away nothing can be given back. What is still here when the worker ends, its lease
    ends.
    """

    def __init__(self, database: Database, patience: Patience, aftermath: Aftermath) -> None:
        self._database = database
        self._patience = patience
        self._aftermath = aftermath
        self._reasons: dict[UUID, str] = {}

    @property
    def reasons(self) -> Mapping[UUID, str]:
        """What interrupted the claims that are still to be given back, by their tokens."""
        return self._reasons

    def note(self, token: UUID, reason: str) -> None:
        """Remember a claim that was interrupted."""
        self._reasons[token] = reason

    async def release(self) -> None:
        """Give back what can be; what cannot is logged and tried again at the next call."""
        for token, reason in list(self._reasons.items()):
            try:
                async with self._database.transaction() as connection:
                    done = await release(connection, token, reason, self._patience, self._aftermath)
            except DATABASE_AWAY:
                _log.warning("cannot give back an interrupted claim yet", exc_info=True)
                return
            if done:
                # Batches that were interrupted together give back each other's claims too.
                self._reasons.pop(token, None)
