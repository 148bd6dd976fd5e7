"""The inbound queue in this process: put records in, drain them, look at them."""

from typing import Any
from uuid import UUID

import msgspec

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import new_id
from ordering.inbound.accept import NewRequest, insert_requests
from ordering.inbound.claim import Claim, claim
from ordering.inbound.process import Processor
from ordering.settings import Settings

__all__ = ["created", "make_processor", "put", "record", "states", "take"]


def make_processor(database: Database, keeper: CatalogKeeper, **settings: Any) -> Processor:
    """Make a processor that names itself `tester`, and whose waits are not spread."""
    return Processor(database, keeper, Settings(**settings), "tester", spread=lambda: 1.0)


async def put(database: Database, *payloads: object) -> list[UUID]:
    """Queue payloads as they are, without validation; bytes need not be JSON."""
    bodies = [each if isinstance(each, bytes) else msgspec.json.encode(each) for each in payloads]
    requests = [
        NewRequest(
            id=new_id(),
            initiated_by="cpq",
            payload=body.decode(),
            payload_bytes=len(body),
        )
        for body in bodies
    ]
    async with database.transaction() as connection:
        await insert_requests(connection, requests)
    return [request.id for request in requests]


async def record(database: Database, identity: UUID) -> dict[str, Any]:
    """Read one record; jsonb columns are decoded."""
    async with database.acquire() as connection:
        row: Any = await connection.fetchrow(
            "SELECT * FROM inbound_request WHERE id = $1", identity
        )
    found = dict(row.items())
    for name in ("error", "attempt_history"):
        found[name] = found[name] and msgspec.json.decode(found[name])
    return found


async def states(database: Database) -> dict[str, int]:
    """Count the records by state."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT state, count(*) AS records FROM inbound_request GROUP BY state"
        )
    return {row["state"]: row["records"] for row in rows}


async def created(database: Database) -> set[UUID]:
    """List the orders that there are."""
    async with database.acquire() as connection:
        return {row["id"] for row in await connection.fetch("SELECT id FROM customer_order")}


async def take(database: Database, batch: int = 100, lease_s: float = 60) -> Claim:
    """Claim records as a worker would."""
    async with database.acquire() as connection:
        return await claim(
            connection, batch=batch, max_bytes=10**9, lease_s=lease_s, system_id="tester"
        )
