"""Claims: how a record is taken, kept, given back, and taken from who no longer answers.

The statements of the inbound queue's life, and nothing but them; `README.md` in this folder tells
why they are safe.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.domain.errors import Problem
from ordering.domain.ids import new_id
from ordering.domain.states import InboundStatus

__all__ = [
    "Claim",
    "Claimed",
    "claim",
    "complete",
    "fail",
    "give_back",
    "postpone",
    "release",
    "renew",
    "rescue",
]

# A batch is bounded in number and in bytes. A record that was tried before may be what kills
# workers, so it is taken alone: its neighbours must not count attempts because of it.
_CLAIM = """
WITH candidates AS (
    SELECT id, priority, number, attempts, payload_bytes FROM inbound_request
    WHERE state = 'new' AND (due_at IS NULL OR due_at <= now())
    ORDER BY priority DESC, number
    LIMIT $1
    FOR UPDATE SKIP LOCKED
), placed AS (
    SELECT id, attempts, row_number() OVER arrival AS place,
           sum(payload_bytes) OVER arrival AS bytes, max(attempts) OVER arrival AS tried
    FROM candidates WINDOW arrival AS (ORDER BY priority DESC, number)
), next AS (
    SELECT id FROM placed WHERE place = 1 OR (tried = 0 AND bytes <= $5)
)
UPDATE inbound_request AS request
SET state = 'in_progress', claim_token = $2, claimed_at = now(),
    lease_expires_at = now() + $3, attempts = request.attempts + 1, system_id = $4,
    updated_at = now()
FROM next WHERE request.id = next.id
RETURNING request.id, request.number, request.payload, request.initiated_by,
          request.created_at, request.attempts
"""

# Rows that are being completed are locked and need no lease; the others get a new one.
_RENEW = """
UPDATE inbound_request SET lease_expires_at = now() + $2
WHERE id IN (
    SELECT id FROM inbound_request
    WHERE claim_token = $1 AND state = 'in_progress' FOR UPDATE SKIP LOCKED
)
"""

# The token fences: a claim that was rescued meanwhile completes nothing.
_COMPLETE = """
UPDATE inbound_request AS request
SET state = 'completed', status = done.status, status_code = 201, claim_token = NULL,
    lease_expires_at = NULL, error = NULL, error_message = NULL, ended_at = now(),
    updated_at = now()
FROM unnest($2::uuid[], $3::text[]) AS done (id, status)
WHERE request.id = done.id AND request.claim_token = $1
RETURNING request.id
"""

_FAIL = """
UPDATE inbound_request
SET state = 'error', status = 'failure', status_code = 400, claim_token = NULL,
    lease_expires_at = NULL, error = $3, error_message = $4, ended_at = now(), updated_at = now(),
    attempt_history = coalesce(attempt_history, '[]') || jsonb_build_array(jsonb_build_object(
        'attempt', attempts, 'at', now(), 'systemId', system_id, 'error', $4::text))
WHERE id = $2 AND claim_token = $1
RETURNING id
"""

_POSTPONE = """
UPDATE inbound_request
SET state = 'new', claim_token = NULL, lease_expires_at = NULL, claimed_at = NULL,
    due_at = now() + $3, updated_at = now(),
    attempt_history = coalesce(attempt_history, '[]') || jsonb_build_array(jsonb_build_object(
        'attempt', attempts, 'at', now(), 'systemId', system_id, 'error', $4::text))
WHERE id = ANY($2::uuid[]) AND claim_token = $1
RETURNING id
"""

# Handing back undoes the claim; it was no attempt.
_GIVE_BACK = """
UPDATE inbound_request
SET state = 'new', claim_token = NULL, lease_expires_at = NULL, claimed_at = NULL,
    attempts = attempts - 1, updated_at = now()
WHERE claim_token = $1 AND state = 'in_progress'
RETURNING id
"""

# A claim that came to nothing counts as an attempt, and the last attempt ends in error. A row that
# is being completed is locked by its transaction and is skipped, however old its lease.
_END_CLAIM = """
WITH ended AS (
    SELECT id FROM inbound_request
    WHERE state = 'in_progress' AND {condition}
    ORDER BY lease_expires_at
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE inbound_request AS request
SET state = CASE WHEN attempts >= $2 THEN 'error' ELSE 'new' END,
    status = CASE WHEN attempts >= $2 THEN 'failure' END,
    status_code = CASE WHEN attempts >= $2 THEN 400 ELSE 202 END,
    error_message = CASE WHEN attempts >= $2 THEN $3 END,
    error = CASE WHEN attempts >= $2 THEN $4::jsonb END,
    ended_at = CASE WHEN attempts >= $2 THEN now() END,
    claim_token = NULL, lease_expires_at = NULL, claimed_at = NULL, updated_at = now(),
    attempt_history = coalesce(attempt_history, '[]') || jsonb_build_array(jsonb_build_object(
        'attempt', attempts, 'at', now(), 'systemId', system_id, 'error', $5::text))
FROM ended WHERE request.id = ended.id
RETURNING request.id
"""
_RESCUE = _END_CLAIM.format(condition="lease_expires_at < now()")
_RELEASE = _END_CLAIM.format(condition="claim_token = $6")

_RESCUE_AT_ONCE = 1000
_LOST = Problem("The workers that took this request did not finish it, time after time", "", 1)
_LOST_TEXTS = (_LOST.message, msgspec.json.encode([_LOST]).decode())


class Claimed(msgspec.Struct, frozen=True):
    """A record in our hands."""

    id: UUID
    number: int
    payload: str
    initiated_by: str
    created_at: datetime
    attempts: int


class Claim(msgspec.Struct, frozen=True):
    """A batch of records that one token holds, in the order of their arrival."""

    token: UUID
    records: Sequence[Claimed]


async def claim(
    connection: Connection, *, batch: int, max_bytes: int, lease_s: float, system_id: str
) -> Claim:
    """Take records that are new and due, for `lease_s` seconds.

    Up to `batch` of them, and up to `max_bytes` of payload unless the first alone has more.
    """
    token = new_id()
    lease = timedelta(seconds=lease_s)
    rows = await connection.fetch(_CLAIM, batch, token, lease, system_id, max_bytes)
    records = [Claimed(*row) for row in rows]
    return Claim(token, sorted(records, key=lambda record: record.number))


async def complete(
    connection: Connection, token: UUID, done: Sequence[tuple[UUID, InboundStatus]]
) -> set[UUID]:
    """End records whose orders are created in the same transaction; returns those still ours."""
    rows = await connection.fetch(
        _COMPLETE, token, [identity for identity, _ in done], [status for _, status in done]
    )
    return {row["id"] for row in rows}


async def fail(
    connection: Connection,
    token: UUID,
    identity: UUID,
    problems: Sequence[Problem],
    reason: str | None = None,
) -> bool:
    """End a record in error; tells whether it was still ours.

    Clients are shown the problems; `reason` is for operators, where it tells more.
    """
    encoded = msgspec.json.encode(problems).decode()
    message = reason or problems[0].message
    row = await connection.fetchrow(_FAIL, token, identity, encoded, message)
    return row is not None


async def postpone(
    connection: Connection, token: UUID, ids: Sequence[UUID], *, wait_s: float, reason: str
) -> None:
    """Give records back to be tried again after a while; the attempt counts."""
    await connection.fetch(_POSTPONE, token, ids, timedelta(seconds=wait_s), reason)


async def give_back(connection: Connection, token: UUID) -> int:
    """Undo a claim, or what is left of it; returns how many records that were."""
    return len(await connection.fetch(_GIVE_BACK, token))


async def rescue(connection: Connection, *, max_attempts: int) -> int:
    """Take back records whose lease has expired; returns how many.

    One that was tried `max_attempts` times ends in error instead: it may be what kills workers.
    """
    ended = (_RESCUE_AT_ONCE, max_attempts, *_LOST_TEXTS, "lease expired")
    return len(await connection.fetch(_RESCUE, *ended))


async def release(connection: Connection, token: UUID, *, max_attempts: int, reason: str) -> int:
    """End what is left of a claim that failed, as a rescue would; returns how many."""
    ended = (_RESCUE_AT_ONCE, max_attempts, *_LOST_TEXTS, reason, token)
    return len(await connection.fetch(_RELEASE, *ended))


async def renew(connection: Connection, token: UUID, *, lease_s: float) -> None:
    """Give what is left of a claim a new lease of `lease_s` seconds."""
    await connection.execute(_RENEW, token, timedelta(seconds=lease_s))
