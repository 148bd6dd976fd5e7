"""Lock the product inventories that lines are about."""

from collections.abc import Sequence
from typing import Any

from ordering.db.connection import Connection
from ordering.domain.inventory import (
    Inventories,
    ProductInventory,
    external_name,
    inventory_ids,
)
from ordering.domain.order import LineItem

__all__ = ["lock_inventories"]

#: In the order of their ids, so that no two orders wait for each other.
_LOCK = """
SELECT id, external_id, status, location_id, characteristics FROM product_inventory
WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""

#: The key of the advisory lock of whoever is about to give inventories their external ids.
_NAMING = 7_220_641


async def lock_inventories(connection: Connection, lines: Sequence[LineItem]) -> Inventories:
    """Read the inventories that lines are about, and keep others from changing them.

    Whoever gives external ids waits for whoever does so already: what is looked up as free stays
    free. One lock for all external ids, since a large order has more than the server has locks.
    """
    rows: list[Any] = await connection.fetch(_LOCK, inventory_ids(lines))
    names = [name for line in lines if (name := external_name(line))]
    taken: list[str] = []
    if names:
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _NAMING)
        taken = await connection.fetchval(
            "SELECT array_agg(external_id) FROM product_inventory"
            " WHERE external_id = ANY($1::text[])",
            names,
        )
    found = [ProductInventory(**dict(row.items())) for row in rows]
    return Inventories(by_id={each.id: each for each in found}, taken=taken or ())
