"""Product inventories in the database, and what was written about the orders that change them."""

from typing import Any, cast
from uuid import UUID

import msgspec

from ordering.db.engine import Database
from ordering.domain.ids import parse_id

__all__ = ["all_inventories", "audit", "events", "installed", "put_back"]

_ALL = "SELECT coalesce(jsonb_agg(to_jsonb(p) ORDER BY id), '[]')::text FROM product_inventory p"
_RESTORE = (
    "INSERT INTO product_inventory"
    " SELECT * FROM jsonb_populate_recordset(NULL::product_inventory, $1::jsonb)"
)


async def all_inventories(database: Database) -> str:
    """Read every product inventory, for `put_back`."""
    async with database.acquire() as connection:
        return await connection.fetchval(_ALL)


async def put_back(database: Database, inventories: str) -> None:
    """Let there be these product inventories, whatever tests have made of them."""
    if await all_inventories(database) == inventories:
        return
    async with database.transaction() as connection:
        await connection.execute("DELETE FROM product_inventory")
        await connection.execute(_RESTORE, inventories)


async def installed(database: Database, identity: UUID | str) -> dict[str, Any]:
    """Read a product inventory by its id or external id; without what is null."""
    async with database.acquire() as connection:
        text = await connection.fetchval(
            "SELECT jsonb_strip_nulls(to_jsonb(p))::text FROM product_inventory p"
            " WHERE id = $1 OR external_id = $2",
            parse_id(identity) if isinstance(identity, str) else identity,
            str(identity),
        )
    return cast("dict[str, Any]", msgspec.json.decode(text))


async def audit(database: Database) -> list[dict[str, Any]]:
    """Read what was written about changes of orders, after their creation."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT version, operation, change_types, changes, changed_by FROM order_revision"
            " WHERE operation <> 'create' ORDER BY id"
        )
    return [
        {
            "version": row["version"],
            "operation": row["operation"],
            "changeTypes": msgspec.json.decode(row["change_types"]),
            "changes": msgspec.json.decode(row["changes"]),
            "changedBy": row["changed_by"],
        }
        for row in rows
    ]


async def events(database: Database) -> list[str]:
    """List the events of orders after their creation."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT event_type FROM order_event WHERE event_type <> 'productOrderCreateEvent'"
            " ORDER BY id"
        )
    return [row["event_type"] for row in rows]
