"""Waiting lines: a request about a product inventory follows the earlier ones about the same.

Such a request is stored `pending` and names in `execute_after` the one that it waits for: the
latest unfinished one that shares a product inventory with it (or, where the settings say so, the
account). When that one ends, in whatever way, the waiting one goes on (docs/decisions/
0017-queue-order.md).

What makes it safe: who joins a line and who ends a request both lock the names of what it is about
before they look for each other, and keep the locks until they commit. So the later of the two sees
what the other did. Rows that wait are locked after the names, never before: else two who want both
would wait for each other. What is left to chance all the same is healed by `heal`.
"""

from collections.abc import Sequence
from uuid import UUID

from ordering.db.advisory import LOCK_NAMES, LockKind
from ordering.db.connection import Connection

__all__ = [
    "find_predecessors",
    "free_waiting",
    "heal",
    "line_names",
    "lock_lines",
    "put_in_place",
]

_UNFINISHED = "state IN ('new', 'in_progress', 'pending')"
_HEAL_AT_ONCE = 1000

# The latest unfinished request that shares an inventory or, if asked for, the account with `one`.
# Aggregates, not ORDER BY and LIMIT: those would lead the planner into the index of all numbers.
_LATEST = """
SELECT found.id FROM (
    SELECT (array_agg(id ORDER BY number DESC))[1] AS id, max(number) AS number
    FROM inbound_request
    WHERE inventory_ids IS NOT NULL AND {unfinished} AND {earlier}
      AND inventory_ids ?| ARRAY(SELECT jsonb_array_elements_text(one.inventory_ids))
    UNION ALL
    (SELECT id, number FROM inbound_request
     WHERE account_id = one.account_id AND {unfinished} AND {earlier}
     ORDER BY number DESC LIMIT 1)
) AS found
WHERE found.id IS NOT NULL ORDER BY found.number DESC LIMIT 1
"""

_FIND = """
SELECT ({latest})
FROM unnest($1::jsonb[], $2::uuid[]) WITH ORDINALITY AS one (inventory_ids, account_id, place)
ORDER BY place
"""
_FIND_PREDECESSORS = _FIND.format(latest=_LATEST.format(unfinished=_UNFINISHED, earlier="true"))

# What `line_names` names.
_STANDING = """inbound_request CROSS JOIN LATERAL (
        SELECT 'inventory ' || jsonb_array_elements_text(inventory_ids) AS name
        UNION ALL
        SELECT 'account ' || account_id WHERE $2 AND account_id IS NOT NULL
    ) AS about
    WHERE id = ANY($1::uuid[])"""
_LOCK_LINES = LOCK_NAMES.format(kind=int(LockKind.LINE), names=_STANDING)

# The latest before each among these, found at once: to look each of a long line up in it takes
# the square of its length.
_QUEUE = """
WITH line AS (
    SELECT id, lag(id) OVER arrival AS ahead, lag(number) OVER arrival AS number
    FROM {standing} WINDOW arrival AS (PARTITION BY name ORDER BY number)
), behind AS (
    SELECT id, (array_agg(ahead ORDER BY number DESC))[1] AS ahead
    FROM line WHERE ahead IS NOT NULL GROUP BY id
)
UPDATE inbound_request AS request SET execute_after = behind.ahead
FROM behind WHERE request.id = behind.id AND request.id = ANY($1::uuid[])
RETURNING request.id
"""
_QUEUE_UP = _QUEUE.format(standing=_STANDING)

# Who waited for one may have to wait for another still: it may share one thing with the first and
# another thing with the second.
_GO_ON = """
WITH one AS (
    SELECT waiting.id, waiting.number, waiting.inventory_ids,
           CASE WHEN $2 THEN waiting.account_id END AS account_id
    FROM inbound_request AS waiting
    WHERE waiting.state = 'pending' AND waiting.execute_after = ANY($1::uuid[])
    ORDER BY waiting.id
    FOR UPDATE
), ahead AS (
    SELECT one.id, ({latest}) AS predecessor FROM one
)
UPDATE inbound_request AS waiting
SET state = CASE WHEN ahead.predecessor IS NULL THEN 'new' ELSE 'pending' END,
    execute_after = coalesce(ahead.predecessor, nullif(waiting.execute_after, waiting.id)),
    updated_at = now()
FROM ahead WHERE waiting.id = ahead.id
RETURNING waiting.state = 'new'
"""
_FREE = _GO_ON.format(latest=_LATEST.format(unfinished=_UNFINISHED, earlier="number < one.number"))

# The oldest predecessors come first, and those are the ones that have ended if any has.
_LOOK = """
SELECT max(waiting.place) AS looked_at,
       (array_agg(waiting.execute_after ORDER BY waiting.place DESC))[1] AS last,
       coalesce(array_agg(DISTINCT waiting.execute_after) FILTER (WHERE earlier.id IS NULL), '{{}}')
           AS ended
FROM (
    SELECT execute_after, row_number() OVER (ORDER BY execute_after) AS place
    FROM inbound_request WHERE state = 'pending' AND execute_after > $1
    ORDER BY execute_after LIMIT $2
) AS waiting
LEFT JOIN inbound_request AS earlier
    ON earlier.id = waiting.execute_after AND earlier.{unfinished}
"""
_LOOK_AT_WAITING = _LOOK.format(unfinished=_UNFINISHED)


def line_names(inventories: Sequence[str], account: UUID | None) -> set[str]:
    """Name the lines that a request about these inventories (ids) and this account stands in."""
    names = {f"inventory {each}" for each in inventories}
    return names | {f"account {account}"} if account else names


async def find_predecessors(
    connection: Connection, requests: Sequence[tuple[str | None, UUID | None]]
) -> Sequence[UUID | None]:
    """Find for each request to come the latest unfinished one that it has to follow.

    A request is its inventories, a JSON array, and its account if accounts wait too. The names of
    their lines must be locked (`line_names`).
    """
    inventories = [each for each, _ in requests]
    accounts = [account for _, account in requests]
    rows = await connection.fetch(_FIND_PREDECESSORS, inventories, accounts)
    return [row[0] for row in rows]


async def lock_lines(connection: Connection, ids: Sequence[UUID], *, by_account: bool) -> None:
    """Lock the names of the lines that these requests stand in, until the transaction ends."""
    await connection.execute(_LOCK_LINES, list(ids), by_account)


async def free_waiting(
    connection: Connection, ended: Sequence[UUID], *, by_account: bool = False
) -> int:
    """Let go on what waited for these requests, which this transaction has ended.

    To be called last, since those who join the same lines wait until the transaction ends.
    `by_account` tells that the settings let requests of one account follow each other. Returns how
    many became new; those that have to wait for others still, wait for those.
    """
    await lock_lines(connection, ended, by_account=by_account)
    freed = await connection.fetch(_FREE, list(ended), by_account)
    return sum(row[0] for row in freed)


async def put_in_place(
    connection: Connection, ids: Sequence[UUID], *, by_account: bool = False
) -> None:
    """Have pending requests, each of which waits for itself, follow those that they have to follow.

    These are unfinished ones that arrived before; who has none becomes new. The lines must be
    locked (`lock_lines`).
    """
    behind = {row[0] for row in await connection.fetch(_QUEUE_UP, list(ids), by_account)}
    await free_waiting(
        connection, [each for each in ids if each not in behind], by_account=by_account
    )


async def heal(connection: Connection, after: UUID, *, by_account: bool = False) -> UUID:
    """Free what waits for requests that have ended or are gone; wants a transaction.

    Looks at a thousand that wait for those with ids beyond `after`, and returns where to look next
    time: at the start again where none were left.
    """
    row = await connection.fetchrow(_LOOK_AT_WAITING, after, _HEAL_AT_ONCE)
    if row is None or row["last"] is None:
        return UUID(int=0)
    if row["ended"]:
        await free_waiting(connection, row["ended"], by_account=by_account)
    return row["last"] if row["looked_at"] == _HEAL_AT_ONCE else UUID(int=0)
