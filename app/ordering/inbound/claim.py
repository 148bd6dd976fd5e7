"""Claims: how a record is taken, kept, given back, and taken from who no longer answers.

The statements of the inbound queue's life, and nothing but them; `README.md` in this folder tells
why they are safe.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from ordering.db.connection import Connection, Row
from ordering.domain.errors import Problem
from ordering.domain.ids import new_id
from ordering.domain.states import InboundStatus
from ordering.inbound.failures import Aftermath, note_attempt

__all__ = [
    "Claim",
    "Claimed",
    "Rotation",
    "claim",
    "complete",
    "fail",
    "give_back",
    "postpone",
    "renew",
    "rescue",
]

# Whose turn it is: an account's, else a consumer's; requests that name neither share one. This is
# the expression of an index, so its text is that of the migration.
_PARTY = "coalesce(account_id, consumer_id, '00000000-0000-0000-0000-000000000000'::uuid)"
_FRESH = "state = 'new' AND attempts = 0"
_DUE = "(due_at IS NULL OR due_at <= now())"
_HALF = "(($4::int + 1) / 2)"
_VISITS = "(($4::int + 9) / 10)"
_BY_ARRIVAL = f"""
    SELECT id, priority, number, payload_bytes FROM inbound_request
    WHERE {_FRESH} AND {_DUE}
    ORDER BY priority DESC, number
    LIMIT $4::int
    FOR UPDATE SKIP LOCKED
"""

# One half of a batch goes by turns: a tenth as many parties as there are places are visited, in the
# order of their ids, from where the last claim left off, each by one probe of the index whatever
# the length of its line. The other half, and what the turns leave of the first, goes by priority
# and arrival. More visits would cost: each takes rows from other pages than the last.
_NEXT_BY_TURNS = """
WITH RECURSIVE visited AS (
    (SELECT {party} AS party, 1 AS visits FROM inbound_request
     WHERE {fresh} AND {party} >= $6 ORDER BY {party} LIMIT 1)
    UNION ALL
    SELECT following.party, visited.visits + 1
    FROM visited CROSS JOIN LATERAL (
        SELECT {party} AS party FROM inbound_request
        WHERE {fresh} AND {party} > visited.party ORDER BY {party} LIMIT 1
    ) AS following
    WHERE visited.visits < {visits}
), by_turns AS (
    SELECT first.*, row_number() OVER (
        PARTITION BY visited.party ORDER BY first.priority DESC, first.number) AS round
    FROM visited CROSS JOIN LATERAL (
        SELECT id, priority, number, payload_bytes FROM inbound_request
        WHERE {fresh} AND {due} AND {party} = visited.party
        ORDER BY priority DESC, number
        LIMIT (SELECT ({half} + count(*) - 1) / count(*) FROM visited)
        FOR UPDATE SKIP LOCKED
    ) AS first
), by_arrival AS ({by_arrival}), candidates AS (
    (SELECT *, 1 AS half FROM by_turns
     ORDER BY round, priority DESC, number LIMIT {half})
    UNION ALL
    SELECT *, 0, 2 FROM by_arrival
), each_once AS (
    SELECT DISTINCT ON (id) * FROM candidates ORDER BY id, half
), placed AS (
    SELECT id, row_number() OVER line AS place, sum(payload_bytes) OVER line AS bytes
    FROM each_once WINDOW line AS (ORDER BY half, round, priority DESC, number)
), next AS (
    SELECT id, coalesce(
        (SELECT party FROM visited WHERE visits = {visits}),
        'ffffffff-ffff-ffff-ffff-ffffffffffff') AS last_party
    FROM placed WHERE place <= $4::int AND (place = 1 OR bytes <= $5::bigint)
)
"""

# All by priority and arrival. A text of its own, not the one above with no turns in it, which
# takes longer (docs/decisions/0027-batches-in-hand.md).
_NEXT_BY_ARRIVAL = """
WITH by_arrival AS ({by_arrival}), placed AS (
    SELECT id, row_number() OVER line AS place, sum(payload_bytes) OVER line AS bytes
    FROM by_arrival WINDOW line AS (ORDER BY priority DESC, number)
), next AS (
    SELECT id, NULL::uuid AS last_party FROM placed WHERE place = 1 OR bytes <= $5::bigint
)
"""

# A record that was tried before may be what kills workers, so it is taken alone: its neighbours
# must not count attempts because of it.
_NEXT_TRIED = """
WITH next AS (
    SELECT id, NULL::uuid AS last_party FROM inbound_request
    WHERE state = 'new' AND attempts > 0
      AND coalesce(due_at, timestamptz '-infinity') <= now()
    ORDER BY coalesce(due_at, timestamptz '-infinity'), number
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
"""

# By an array of ids, not a join: how many come is not known when it is planned
# (docs/decisions/0028-plans.md), and for what would be a tenth of the table a join reads all of it.
_TAKE = """
UPDATE inbound_request AS request
SET state = 'in_progress', claim_token = $1, claimed_at = now(),
    lease_expires_at = now() + $2, attempts = request.attempts + 1, system_id = $3,
    updated_at = now()
WHERE request.id = ANY (ARRAY(SELECT id FROM next))
RETURNING request.id, request.number, request.payload, request.initiated_by,
          request.created_at, request.attempts, request.inventory_ids IS NOT NULL,
          (SELECT last_party FROM next LIMIT 1) AS last_party
"""
_CLAIM_BY_TURNS = (
    _NEXT_BY_TURNS.format(
        party=_PARTY, fresh=_FRESH, due=_DUE, half=_HALF, visits=_VISITS, by_arrival=_BY_ARRIVAL
    )
    + _TAKE
)
_CLAIM_BY_ARRIVAL = _NEXT_BY_ARRIVAL.format(by_arrival=_BY_ARRIVAL) + _TAKE
_CLAIM_TRIED = _NEXT_TRIED + _TAKE

# Rows that are being completed are locked and need no lease; the others get a new one.
_RENEW = """
UPDATE inbound_request SET lease_expires_at = now() + $2
WHERE id IN (
    SELECT id FROM inbound_request
    WHERE claim_token = $1 AND state = 'in_progress' FOR UPDATE SKIP LOCKED
)
"""

# The token fences: a claim that was rescued meanwhile completes nothing. By an array, as above.
_COMPLETE = """
UPDATE inbound_request
SET state = 'completed', status = ($3::text[])[array_position($2::uuid[], id)],
    status_code = 201, claim_token = NULL, lease_expires_at = NULL, error = NULL,
    error_message = NULL, ended_at = now(), updated_at = now()
WHERE id = ANY ($2::uuid[]) AND claim_token = $1
RETURNING id
"""

_ATTEMPT = note_attempt("'systemId', system_id, 'error', $4::text")

_FAIL = f"""
UPDATE inbound_request
SET state = 'error', status = 'failure', status_code = 400, claim_token = NULL,
    lease_expires_at = NULL, error = $3, error_message = $4, ended_at = now(), updated_at = now(),
    attempt_history = {_ATTEMPT}
WHERE id = $2 AND claim_token = $1
RETURNING id
"""

_POSTPONE = f"""
UPDATE inbound_request
SET state = 'new', claim_token = NULL, lease_expires_at = NULL, claimed_at = NULL,
    due_at = now() + $3, updated_at = now(),
    attempt_history = {_ATTEMPT}
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

# A claim whose worker is gone counts as an attempt, and the last attempt ends in error. A row that
# is being completed is locked by its transaction and is skipped, however old its lease.
_RESCUE = f"""
WITH ended AS (
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
    attempt_history = {note_attempt("'systemId', system_id, 'error', 'lease expired'")}
FROM ended WHERE request.id = ended.id
RETURNING request.id, request.state = 'error' AS failed
"""

_RESCUE_AT_ONCE = 1000
_LOST = Problem("The workers that took this request did not finish it, time after time", "", 1)
_LOST_TEXTS = (_LOST.message, msgspec.json.encode([_LOST]).decode())


class Claimed(msgspec.Struct, frozen=True):
    """A record in our hands; `names_inventory` tells that others may wait for its end."""

    id: UUID
    number: int
    payload: str
    initiated_by: str
    created_at: datetime
    attempts: int
    names_inventory: bool


class Claim(msgspec.Struct, frozen=True):
    """A batch of records that one token holds, in the order of their arrival."""

    token: UUID
    records: Sequence[Claimed]


class Rotation(msgspec.Struct):
    """Whose turn it is, from one claim of a worker to the next.

    Every other claim visits parties, from `party` on. The claims between look first for a record
    that was tried before, so that neither the new nor the tried ones wait for ever.
    """

    party: UUID = UUID(int=0)
    visits: bool = True


async def claim(
    connection: Connection,
    *,
    batch: int,
    max_bytes: int,
    lease_s: float,
    system_id: str,
    rotation: Rotation | None = None,
) -> Claim:
    """Take records that are new and due, for `lease_s` seconds.

    Up to `batch` of them, and up to `max_bytes` of payload unless the first alone has more; or one
    that was tried before. `rotation` is moved on.
    """
    turn = rotation or Rotation()
    taking = (new_id(), timedelta(seconds=lease_s), system_id)
    visits = turn.visits
    fresh = (*taking, batch, max_bytes)
    by_turns = (_CLAIM_BY_TURNS, (*fresh, turn.party))
    by_arrival = (_CLAIM_BY_ARRIVAL, fresh)
    tried = (_CLAIM_TRIED, taking)
    rows: Sequence[Row] = ()
    for statement, values in (by_turns, tried) if visits else (tried, by_arrival):
        rows = rows or await connection.fetch(statement, *values)
    turn.visits = not visits
    if visits and rows and (last := rows[0]["last_party"]):
        # After the last of all comes the first.
        turn.party = UUID(int=(last.int + 1) % 2**128)
    records = [Claimed(*list(row)[:-1]) for row in rows]
    return Claim(taking[0], sorted(records, key=lambda record: record.number))


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


async def rescue(
    connection: Connection, *, max_attempts: int, aftermath: Aftermath | None = None
) -> int:
    """Take back records whose lease has expired; returns how many. Wants a transaction.

    One that was tried `max_attempts` times ends in error instead: it may be what kills workers.
    """
    ended = await connection.fetch(_RESCUE, _RESCUE_AT_ONCE, max_attempts, *_LOST_TEXTS)
    failed = [row["id"] for row in ended if row["failed"]]
    await (aftermath or Aftermath()).of_failures(connection, failed)
    return len(ended)


async def renew(connection: Connection, token: UUID, *, lease_s: float) -> None:
    """Give what is left of a claim a new lease of `lease_s` seconds."""
    await connection.execute(_RENEW, token, timedelta(seconds=lease_s))
