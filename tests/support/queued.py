"""Records of the inbound queue in any state, single ones and a great many."""

from typing import Any
from uuid import UUID

from ordering.db.engine import Database
from support import payloads
from support.queue import put

__all__ = ["generate", "queued"]

#: What the tables' CHECKs ask of a record in a state.
_FITTING = {
    "new": "",
    "pending": ", execute_after = coalesce(execute_after, gen_random_uuid())",
    "in_progress": ", claim_token = id, lease_expires_at = now() + interval '1 h'",
    "completed": ", status = coalesce(status, 'success'), status_code = 201,"
    " ended_at = coalesce(ended_at, now())",
    "error": ", status = 'failure', status_code = 400, ended_at = coalesce(ended_at, now())",
}


async def queued(database: Database, state: str = "new", age: str = "0", **columns: Any) -> UUID:
    """Put a record into the queue past all rules; `age` is a PostgreSQL interval."""
    (identity,) = await put(database, payloads.order())
    async with database.acquire() as connection:
        for name, value in columns.items():
            await connection.execute(
                f"UPDATE inbound_request SET {name} = $2 WHERE id = $1", identity, value
            )
        await connection.execute(
            f"UPDATE inbound_request SET state = $2 {_FITTING[state]},"
            " created_at = created_at - $3::text::interval WHERE id = $1",
            identity,
            state,
            age,
        )
    return identity


_GENERATE = """
INSERT INTO inbound_request (
    id, resource, state, status, status_code, external_id, account_id, initiated_by, payload,
    claim_token, lease_expires_at, execute_after, created_at, updated_at, ended_at)
SELECT gen_random_uuid(), 'productOrder', state,
       CASE state WHEN 'error' THEN 'failure'
           WHEN 'completed' THEN CASE WHEN n % 5000 = 0 THEN 'partial_success' ELSE 'success' END
       END,
       CASE state WHEN 'error' THEN 400 WHEN 'completed' THEN 201 ELSE 202 END,
       'PO-' || n, ('00000000-0000-7000-8000-' || lpad((n % 500)::text, 12, '0'))::uuid, 'cpq',
       repeat('x', 200), CASE state WHEN 'in_progress' THEN gen_random_uuid() END,
       CASE state WHEN 'in_progress' THEN now() + interval '1 h' END,
       CASE state WHEN 'pending' THEN gen_random_uuid() END,
       now() - ($1 - n) * interval '10 s', now(),
       CASE WHEN state IN ('completed', 'error') THEN now() - ($1 - n) * interval '10 s' END
FROM (
    SELECT n, CASE WHEN n % 100 < 70 THEN 'completed' WHEN n % 100 < 80 THEN 'error'
        WHEN n % 100 < 98 THEN 'new' WHEN n % 100 < 99 THEN 'pending' ELSE 'in_progress'
        END AS state
    FROM generate_series(1, $1) AS n
) AS numbered
"""

_GENERATE_KEYS = """
INSERT INTO idempotency_key (client, path, key, request_hash, status_code, created_at)
SELECT 'cpq', '/', n::text, '', 201, now() - ($1 - n) * interval '10 s'
FROM generate_series(1, $1) AS n
"""

_GENERATE_BULKS = """
WITH bulks AS (
    INSERT INTO bulk (id, initiated_by, request_key, state, accepted, refused, last_line,
                      created_at, updated_at, ended_at)
    SELECT gen_random_uuid(), 'cpq', CASE n % 4 WHEN 0 THEN n::text END, 'finished',
           100 - n % 2, n % 2, 100, ended, ended, ended
    FROM generate_series(1, $1::int / 100) AS n, LATERAL (
        SELECT now() - ($1::int - 100 * n) * interval '10 s' AS ended
    ) AS past
    RETURNING id
)
INSERT INTO bulk_line (bulk_id, number, outcome, order_id, digest)
SELECT id, number, 'accepted', gen_random_uuid(), 0 FROM bulks, generate_series(1, 100) AS number
"""


async def generate(database: Database, number: int) -> None:
    """Fill an empty queue: records in every state, one every ten seconds up to now.

    Of 100 records 70 are completed, 10 in error, 18 new, 1 pending, 1 in progress; each of 500
    accounts has its share. As many idempotency keys are stored, and as many lines in bulks of 100.
    """
    async with database.acquire() as connection:
        await connection.execute(_GENERATE, number)
        await connection.execute(_GENERATE_KEYS, number)
        await connection.execute(_GENERATE_BULKS, number)
        await connection.execute("VACUUM ANALYZE inbound_request, idempotency_key, bulk, bulk_line")
