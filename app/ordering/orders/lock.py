"""Lock the order that a request wants to change."""

from collections.abc import Collection

from ordering.db.connection import Connection
from ordering.domain import messages
from ordering.domain.errors import NotFoundError, OutdatedError, Problem
from ordering.domain.order import Order
from ordering.orders.reader import lock_order_rows

__all__ = ["ANY_TAG", "lock_order"]

#: Stands for whatever tag the order has.
ANY_TAG = "*"


async def lock_order(
    connection: Connection, text: str, tags: Collection[str] | None = None
) -> Order:
    """Lock an order, found by its id or external id, until the end of the transaction.

    `tags` are those that the client knows, if it names any (`Order.tag`). Raises `NotFoundError`
    if there is no such order, also while it waits in the inbound queue, and `OutdatedError` if it
    has another tag.
    """
    order = await lock_order_rows(connection, text)
    if order is None:
        raise NotFoundError([Problem.of(messages.ORDER_NOT_FOUND)])
    if tags is not None and ANY_TAG not in tags and order.tag not in tags:
        raise OutdatedError([Problem.of(messages.OUTDATED, tag=order.tag)])
    return order
