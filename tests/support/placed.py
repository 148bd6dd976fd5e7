"""Orders in the database: placed, moved to a state, and compared."""

import json
from typing import Any, cast

import msgspec

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.reader import Branch, find_order
from ordering.orders.rows import insert_orders
from support import payloads
from support.servers import DYNAMIC_TABLES

__all__ = ["in_state", "normal", "place", "snapshot"]


async def place(
    database: Database, keeper: CatalogKeeper, *orders: payloads.Payload
) -> list[Order]:
    """Create orders past all rules, in one statement."""
    drafts = [decode_order(payloads.to_json(order)).draft for order in orders]
    async with database.transaction() as connection:
        found = await find_references(connection, keeper.catalog, drafts)
        captured = [
            capture(draft, found, Circumstances(order_id=new_id(), client="cpq", moment=now()))
            for draft in drafts
        ]
        await insert_orders(connection, captured)
    return captured


async def in_state(database: Database, order: Order, state: str) -> Order:
    """Move an order and all its lines to a state, whatever the rules say; returns it as it is."""
    async with database.acquire() as connection:
        await connection.execute(
            "UPDATE customer_order SET state = $2 WHERE id = $1", order.id, state
        )
        await connection.execute(
            "UPDATE order_line_item SET state = $2 WHERE order_id = $1", order.id, state
        )
        moved = await find_order(connection, show_id(order.id), Branch.ALL)
    assert moved is not None
    return moved


def normal(order: Order) -> Order:
    """Make JSON texts comparable: PostgreSQL keeps jsonb's members in an order of its own."""

    def walk(value: object) -> object:
        if isinstance(value, str) and value[:1] in "{[":
            return json.dumps(json.loads(value), sort_keys=True)
        if isinstance(value, list):
            return [walk(item) for item in cast("list[object]", value)]
        if isinstance(value, msgspec.Struct):
            changes = {name: walk(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **changes)
        return value

    return cast("Order", walk(order))


async def snapshot(database: Database) -> dict[str, list[Any]]:
    """Read every row that requests may change."""
    rows: dict[str, list[Any]] = {}
    async with database.acquire() as connection:
        for table in (*DYNAMIC_TABLES, "product_inventory"):
            found = await connection.fetch(f"SELECT t::text FROM {table} t ORDER BY 1")
            rows[table] = [row["t"] for row in found]
    return rows
