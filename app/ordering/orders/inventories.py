"""Lock the product inventories that lines are about."""

from collections.abc import Sequence
from typing import Any

from ordering.db.connection import Connection
from ordering.domain.inventory import (
    Holder,
    Inventories,
    ProductInventory,
    inventory_ids,
    wanting,
)
from ordering.domain.order import LineItem

__all__ = ["lock_inventories"]

#: In the order of their ids, so that no two orders wait for each other.
_LOCK = """
SELECT id, external_id, status, location_id, characteristics FROM product_inventory
WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""

#: Whoever becomes a holder, or ceases to be one, has the lock on the inventory.
_HOLDERS = """
SELECT product_inventory_id, id, item_id, order_id FROM order_line_item
WHERE product_inventory_id = ANY($1::uuid[]) AND inventory_status_before IS NOT NULL
  AND state NOT IN ('completed', 'canceled')
"""


async def lock_inventories(connection: Connection, lines: Sequence[LineItem]) -> Inventories:
    """Read the inventories that lines are about, and keep others from changing them.

    `lines` are those that are about to move: of those that want to hold an inventory, the first
    has it, unless another line holds it already.
    """
    rows: list[Any] = await connection.fetch(_LOCK, inventory_ids(lines))
    found = [ProductInventory(**dict(row.items())) for row in rows]
    holders: dict[Any, Holder] = {}
    if wanted := inventory_ids(wanting(lines)):
        holders = {
            row["product_inventory_id"]: Holder(row["id"], row["item_id"], row["order_id"])
            for row in await connection.fetch(_HOLDERS, wanted)
        }
    return Inventories.of(found, holders, lines)
