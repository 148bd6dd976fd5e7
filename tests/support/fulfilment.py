"""What fulfilment and clients do to orders that were placed, through the use cases."""

from typing import Any
from uuid import UUID

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.orders.progress import ProgressOrder
from ordering.orders.revise import ReviseOrder
from ordering.settings import Settings
from support import payloads
from support.installed import installed

__all__ = ["act", "revise", "status"]


async def act(database: Database, order: Order, action: str, *names: str) -> Order:
    """Move an order, or the lines that are named; return it as it is then."""
    body = payloads.to_json({"action": action, "lineItemIds": list(names) or None})
    done = await ProgressOrder(database)(show_id(order.id), body, "fulfilment")
    return done.order


async def revise(
    database: Database,
    finder: ReferenceFinder,
    order: Order,
    *lines: payloads.Payload,
    **settings: Any,
) -> Order:
    """Revise lines of an order; return it as it is then."""
    body = payloads.to_json({"productOrderItem": list(lines)})
    revising = ReviseOrder(database, finder, Settings(**settings))
    return await revising(show_id(order.id), body, "portal")


async def status(database: Database, identity: UUID | str | None) -> str | None:
    """Read the status of a product inventory; None if there is none to be asked for."""
    return None if identity is None else (await installed(database, identity))["status"]
