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
    "rescue",
]

_CLAIM = """
WITH next AS (
    SELECT id FROM inbound_request
    WHERE state = 'new' AND (due_at IS NULL OR due_at <= now())
    ORDER BY priority DESC, number
    LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE inbound_request AS request
SET state = 'in_progress', claim_token = $2, claimed_at = now(),
    lease_expires_at = now() + $3, attempts = attempts + 1, system_id = $4, updated_at = now()
FROM next WHERE request.id = next.id
RETURNING request.id, request.number, request.payload, request.initiated_by,
          request.created_at, request.attempts
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

# A row that is being completed is locked by its transaction and is skipped, however old its lease.
_RESCUE = """
WITH expired AS (
    SELECT id FROM inbound_request
    WHERE state = 'in_progress' AND lease_expires_at < now()
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
        'attempt', attempts, 'at', now(), 'systemId', system_id, 'error', 'lease expired'))
FROM expired WHERE request.id = expired.id
RETURNING request.id
"""

_RESCUE_AT_ONCE = 1000
_LOST = Problem("The workers that took this request stopped answering, time after time", "", 1)


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


async def claim(connection: Connection, *, batch: int, lease_s: float, system_id: str) -> Claim:
    """Take up to `batch` records that are new and due, for `lease_s` seconds."""
    token = new_id()
    rows = await connection.fetch(_CLAIM, batch, token, timedelta(seconds=lease_s), system_id)
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
    connection: Connection, token: UUID, identity: UUID, problems: Sequence[Problem]
) -> bool:
    """End a record in error, with its reasons; tells whether it was still ours."""
    row = await connection.fetchrow(
        _FAIL, token, identity, msgspec.json.encode(problems).decode(), problems[0].message
    )
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
    rows = await connection.fetch(
        _RESCUE,
        _RESCUE_AT_ONCE,
        max_attempts,
        _LOST.message,
        msgspec.json.encode([_LOST]).decode(),
    )
    return len(rows)
