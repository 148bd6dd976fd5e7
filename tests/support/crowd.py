"""Inbound queues with very many records, made by the server itself, and how it works on them."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ordering.db.connection import Connection
from support.explaining import explain

__all__ = ["crowd", "explained", "scans", "touched"]

_CROWD = """
INSERT INTO inbound_request
    (id, resource, state, initiated_by, payload, account_id, consumer_id, inventory_ids,
     execute_after, claim_token, lease_expires_at, attempts, due_at, ended_at, status,
     created_at, updated_at)
SELECT (lpad(to_hex(n), 12, '0') || substr(gen_random_uuid()::text, 15))::uuid,
       'productOrder', {state}, 'cpq', '{{}}', {account}, {consumer},
       {inventories}, {after}, {token}, {lease}, {attempts}, {due}, {ended},
       {status}, now(), now()
FROM generate_series(1, $1::int) AS n
"""

_NULLS = dict.fromkeys(
    ("account", "consumer", "inventories", "after", "token", "lease", "due", "ended", "status"),
    "NULL",
)


async def crowd(connection: Connection, records: int, **columns: str) -> None:
    """Queue so many records; columns are SQL expressions of `n`, which counts them.

    Like those of real records, the ids are in the order of arrival.
    """
    defaults = {"state": "'new'", "attempts": "0"}
    await connection.execute(_CROWD.format(**(_NULLS | defaults | columns)), records)


class _UndoneError(Exception):
    """Ends a transaction that is not to be committed."""


async def explained(connection: Connection, statement: str, *values: object) -> dict[str, Any]:
    """Run a statement in a transaction that is undone; returns its plan."""
    plan: dict[str, Any] = {}
    with suppress(_UndoneError):
        async with connection.transaction():
            plan = await explain(connection, statement, *values, options="ANALYZE")
            raise _UndoneError
    return plan


def scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Find the parts of a plan that read the queue or one of its indexes."""
    if plan["Node Type"].endswith("Scan") and (
        plan.get("Relation Name") == "inbound_request" or "Index Name" in plan
    ):
        yield plan
    for part in plan.get("Plans", ()):
        yield from scans(part)


def touched(plan: dict[str, Any]) -> int:
    """Count the rows that a plan has read, also those that it did not want."""
    return sum(
        round((each["Actual Rows"] + each.get("Rows Removed by Filter", 0)) * each["Actual Loops"])
        for each in scans(plan)
    )
