"""Change an order: read it, decide, write. The one place that knows the two ways to do so.

Most changes touch nothing but the rows of their order. They are decided on the order as a
statement read it, and written by another, which writes nothing if the order was changed meanwhile.
What then is left, and what reaches beyond its order, is done under the order's lock
(docs/decisions/0025-changing-orders.md).
"""

from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain import messages
from ordering.domain.change import Change
from ordering.domain.errors import NotFoundError, OutdatedError, Problem
from ordering.domain.order import Order
from ordering.orders.changes import write_change
from ordering.orders.idempotency import Once, begin_once, keep_answers
from ordering.orders.reader import Branch, find_order, lock_order_rows

__all__ = ["ANY_TAG", "AtHand", "Decide", "change_order"]

T = TypeVar("T")

#: Stands for whatever tag the order has.
ANY_TAG = "*"


class AtHand(NamedTuple):
    """An order to decide on, and a connection to ask for what else matters.

    Where `locked`, that holds the order's lock until the change is committed.
    """

    order: Order
    connection: Connection
    locked: bool


#: Decides what becomes of the order at hand; None: that is not to be decided without the lock.
Decide = Callable[[AtHand], Awaitable[Change | None]]


async def change_order(
    database: Database,
    text: str,
    decide: Decide,
    tell: Callable[[Change], T],
    *,
    tags: Collection[str] | None = None,
    once: Once[T] | None = None,
    at_lock: bool = False,
) -> T:
    """Change the order with this id or external id; returns what `tell` tells of it, committed.

    `tags` are the tags of the order that the client knows, if it names any (`Order.tag`). Committed
    with the order is the answer of a request that is to be done `once`. `at_lock` says beforehand
    that it is not to be decided without the lock. Raises `NotFoundError` if there is no such order,
    also while it waits in the inbound queue, `OutdatedError` if it has another tag, what `decide`
    raises, and of a request with a key what `begin_once` raises; then nothing was written.
    """
    async with database.acquire() as connection:
        order = None
        if once is None and not at_lock:
            order = _checked(await find_order(connection, text, Branch.ALL), tags)
            change = await decide(AtHand(order, connection, locked=False))
            if change is not None and change.inventories:
                # These want a transaction, and the lock.
                change = None
            if change is not None and await write_change(connection, order, change):
                return tell(change)
        async with connection.transaction():
            if once is not None:
                await begin_once(connection, once.key)
            order = _checked(await lock_order_rows(connection, text, order), tags)
            change = await decide(AtHand(order, connection, locked=True))
            if change is None or not await write_change(connection, order, change):
                raise AssertionError("an order that is locked is as it was read")
            told = tell(change)
            if once is not None:
                await keep_answers(connection, [once.kept(told, order.id)])
        return told


def _checked(order: Order | None, tags: Collection[str] | None) -> Order:
    if order is None:
        raise NotFoundError([Problem.of(messages.ORDER_NOT_FOUND)])
    if tags is not None and ANY_TAG not in tags and order.tag not in tags:
        raise OutdatedError([Problem.of(messages.OUTDATED, tag=order.tag)])
    return order
