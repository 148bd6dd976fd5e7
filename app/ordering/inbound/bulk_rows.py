"""The rows of bulks: opened, claimed, advanced with each batch, ended; their lines read back.

Who receives a bulk has a lease on it, like a worker on what it claimed: a process that is killed
leaves a bulk that is `receiving` with a lease that runs out, which counts as `interrupted`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from ordering.db.array_insert import ArrayInsert
from ordering.db.connection import Connection, Row
from ordering.db.tables import BulkLine
from ordering.domain.errors import Problem
from ordering.domain.ids import parse_id
from ordering.domain.states import BulkState, LineOutcome

__all__ = [
    "Bulk",
    "LineRange",
    "LineResult",
    "Opened",
    "StoredLine",
    "advance",
    "copy_lines",
    "end",
    "open_bulk",
    "read_bulk",
    "read_lines",
    "renew",
]


class Bulk(msgspec.Struct, frozen=True, kw_only=True):
    """A bulk, and how many of its lines had which outcome."""

    id: UUID
    initiated_by: str
    state: BulkState
    accepted: int
    duplicates: int
    refused: int
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


class LineResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line; `order_id` where there is or will be an order, else `problems`."""

    number: int
    outcome: LineOutcome
    order_id: UUID | None = None
    external_id: str | None = None
    problems: Sequence[Problem] = ()


class StoredLine(NamedTuple):
    """A result as it is stored, with what tells whether a repeat is the same line."""

    result: LineResult
    digest: int


class Opened(NamedTuple):
    """A bulk that may be received now; lines up to `last_line` were before.

    `was_finished` tells that these were all: a repeat that breaks off takes nothing away from it.
    Without a key there can be no repeat.
    """

    id: UUID
    token: UUID
    last_line: int
    has_key: bool
    was_finished: bool = False


class LineRange(NamedTuple):
    """Lines behind `after` and up to `until`, of one outcome if any is named, so many at most."""

    after: int
    until: int
    limit: int
    outcome: LineOutcome | None = None


class _Row(msgspec.Struct):
    number: int
    outcome: str
    order_id: UUID | None
    external_id: str | None
    problems: str | None
    digest: int


_INSERT = ArrayInsert(BulkLine, _Row.__struct_fields__, leading=["bulk_id"])

_LEASE = "clock_timestamp() + make_interval(secs => {seconds})"

# A bulk that nobody receives any more is gone on with; one that somebody does is left alone.
# Whether it was finished is seen before that; the line tells whether it is still the same since.
_OPEN = """
WITH before AS (
    SELECT state, last_line FROM bulk WHERE initiated_by = $2 AND request_key = $3
)
INSERT INTO bulk AS known (id, initiated_by, request_key, state, claim_token, lease_expires_at,
                           created_at, updated_at)
VALUES ($1, $2, $3, 'receiving', $4, {lease}, now(), now())
ON CONFLICT (initiated_by, request_key) WHERE request_key IS NOT NULL
DO UPDATE SET state = 'receiving', claim_token = excluded.claim_token,
              lease_expires_at = excluded.lease_expires_at, ended_at = NULL, updated_at = now()
WHERE known.state <> 'receiving' OR known.lease_expires_at < now()
RETURNING id, last_line, coalesce(
    (SELECT state = 'finished' AND before.last_line = known.last_line FROM before), false
) AS was_finished
"""

_ADVANCE = """
UPDATE bulk SET accepted = accepted + $3, duplicates = duplicates + $4, refused = refused + $5,
                last_line = greatest(last_line, $6), lease_expires_at = {lease},
                updated_at = now()
WHERE id = $1 AND claim_token = $2
RETURNING id
"""

_RENEW = """
UPDATE bulk SET lease_expires_at = {lease}, updated_at = now()
WHERE id = $1 AND claim_token = $2
RETURNING id
"""

_OPEN_ONE = _OPEN.format(lease=_LEASE.format(seconds="$5"))
_ADVANCE_ONE = _ADVANCE.format(lease=_LEASE.format(seconds="$7"))
_RENEW_ONE = _RENEW.format(lease=_LEASE.format(seconds="$3"))

_END = """
UPDATE bulk SET state = CASE WHEN last_line = $4 THEN 'finished' ELSE $3 END, claim_token = NULL,
                lease_expires_at = NULL, ended_at = now(), updated_at = now()
WHERE id = $1 AND claim_token = $2
"""

_READ = """
SELECT id, initiated_by,
       CASE WHEN lease_expires_at < now() THEN 'interrupted' ELSE state END AS state,
       accepted, duplicates, refused, created_at, updated_at,
       CASE WHEN lease_expires_at < now() THEN updated_at ELSE ended_at END AS ended_at
FROM bulk WHERE id = $1
"""

_LINES = """
SELECT number, outcome, order_id, external_id, problems, digest FROM bulk_line
WHERE bulk_id = $1 AND number > $2 AND number <= $3 {which} ORDER BY number LIMIT $4
"""
_EVERY_LINE = _LINES.format(which="")
#: By outcome: written out, so that the index of those that were not accepted can serve.
_LINES_OF = {each: _LINES.format(which=f"AND outcome = '{each}'") for each in LineOutcome}


async def open_bulk(
    connection: Connection, fresh: Opened, client: str, key: str | None, *, lease_s: int
) -> Opened | None:
    """Store a bulk, or claim the one that the client sent under this key before.

    Returns None if that one is being received.
    """
    row = await connection.fetchrow(_OPEN_ONE, fresh.id, client, key, fresh.token, float(lease_s))
    return (
        None
        if row is None
        else Opened(row["id"], fresh.token, row["last_line"], key is not None, row["was_finished"])
    )


async def copy_lines(connection: Connection, bulk: UUID, lines: Sequence[StoredLine]) -> None:
    """Store results, in one statement."""
    rows = [
        (
            bulk,
            _Row(
                number=result.number,
                outcome=result.outcome.value,
                order_id=result.order_id,
                external_id=result.external_id,
                problems=msgspec.json.encode(result.problems).decode() if result.problems else None,
                digest=digest,
            ),
        )
        for result, digest in lines
    ]
    await _INSERT.copy(connection, rows)


async def advance(
    connection: Connection, bulk: Opened, results: Sequence[LineResult], *, lease_s: int
) -> bool:
    """Count further lines and renew the lease; tells whether the bulk is still ours."""
    outcomes = [result.outcome for result in results]
    found = await connection.fetchrow(
        _ADVANCE_ONE,
        bulk.id,
        bulk.token,
        *(outcomes.count(each) for each in LineOutcome),
        results[-1].number,
        float(lease_s),
    )
    return found is not None


async def renew(connection: Connection, bulk: Opened, *, lease_s: int) -> bool:
    """Renew the lease of a bulk whose next line is long in coming; tells whether it is ours."""
    found = await connection.fetchrow(_RENEW_ONE, bulk.id, bulk.token, float(lease_s))
    return found is not None


async def end(connection: Connection, bulk: Opened, state: BulkState) -> None:
    """End a bulk, if it is still ours; one that was finished, and got no further line, stays so."""
    finished_at = bulk.last_line if bulk.was_finished else None
    await connection.execute(_END, bulk.id, bulk.token, state.value, finished_at)


async def read_bulk(connection: Connection, text: str) -> Bulk | None:
    """Find a bulk by its id."""
    row = await connection.fetchrow(_READ, parse_id(text))
    if row is None:
        return None
    return msgspec.convert(dict(zip(Bulk.__struct_fields__, row, strict=True)), Bulk)


async def read_lines(connection: Connection, bulk: UUID, which: LineRange) -> list[StoredLine]:
    """Read results in the order of their lines."""
    statement = _EVERY_LINE if which.outcome is None else _LINES_OF[which.outcome]
    rows = await connection.fetch(statement, bulk, which.after, which.until, which.limit)
    return [StoredLine(_read(row), row["digest"]) for row in rows]


def _read(row: Row) -> LineResult:
    return LineResult(
        number=row["number"],
        outcome=LineOutcome(row["outcome"]),
        order_id=row["order_id"],
        external_id=row["external_id"],
        problems=msgspec.json.decode(row["problems"] or "[]", type=list[Problem]),
    )
