"""Where orders become rows: the one place that writes the tables of the order aggregate.

Any number of orders is created by one statement of fixed text; a batch of one is a batch. Where a
transaction is open anyway and the rows are many, COPY is cheaper.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ordering.db.array_insert import ArrayInsert
from ordering.db.connection import Connection
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderEvent,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    OrderRevision,
    WorkNote,
)
from ordering.domain.change import Event
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    LineItem,
    Order,
    RelatedItem,
)

__all__ = ["EventRow", "NoteRow", "RevisionRow", "find_created", "insert_batch", "insert_orders"]

#: From so many lines on COPY takes less of the processors than arrays do, on both sides: a round
#: trip per table is more than one in all, but rows are cheaper to send and to append.
_COPIED_FROM_LINES = 64

#: Nothing has happened to a new order yet that could fill these.
_FILLED_LATER = frozenset(
    {
        "cancellation_reason",
        "requested_cancellation_date",
        "resulting_inventory_id",
        "inventory_status_before",
        "state_before",
    }
)


class RevisionRow(msgspec.Struct):
    """An audit row."""

    order_id: UUID
    version: int
    operation: str
    change_types: str
    changed_by: str
    changed_at: datetime


class EventRow(msgspec.Struct):
    """An outbox row."""

    order_id: UUID
    event_type: str
    occurred_at: datetime


class NoteRow(msgspec.Struct):
    """A work note's row."""

    order_id: UUID
    line_item_id: UUID
    text: str
    created_at: datetime


def _inserts() -> list[ArrayInsert]:
    """Make the inserts of the statement, in its order, numbered through."""
    inserts: list[ArrayInsert] = []
    first = 1
    for table, of, leading in (
        (CustomerOrder, Order, ()),
        (OrderLineItem, LineItem, ("order_id",)),
        (OrderCharacteristicValue, CharacteristicValue, ("order_id", "line_item_id")),
        (OrderLineItemContact, ContactPerson, ("order_id", "line_item_id")),
        (OrderLineRelatedItem, RelatedItem, ("order_id", "line_item_id")),
        (WorkNote, NoteRow, ()),
        (OrderRevision, RevisionRow, ()),
        (OrderEvent, EventRow, ()),
    ):
        members = [name for name in of.__struct_fields__ if name not in _FILLED_LATER]
        inserts.append(ArrayInsert(table, members, leading=leading, first=first))
        first += inserts[-1].width
    return inserts


_INSERTS = _inserts()
_HEADER, *_REST = _INSERTS
_CTES = ", ".join(f"rows_{number} AS ({insert.sql})" for number, insert in enumerate(_REST))
_STATEMENT = (
    f"WITH header AS ({_HEADER.sql} RETURNING id, number), {_CTES} SELECT id, number FROM header"
)


async def insert_orders(connection: Connection, orders: Sequence[Order]) -> Sequence[Order]:
    """Create orders with their lines, first revision and event; sets their creation numbers.

    One statement, which is a transaction by itself outside of one. Raises the driver's unique
    violation if an order exists already.
    """
    arrays = [
        array
        for insert, table_rows in zip(_INSERTS, _rows(orders), strict=True)
        for array in insert.arrays(table_rows)
    ]
    numbers = {row["id"]: row["number"] for row in await connection.fetch(_STATEMENT, *arrays)}
    for order in orders:
        order.number = numbers[order.id]
    return orders


async def insert_batch(connection: Connection, orders: Sequence[Order]) -> None:
    """Create orders as `insert_orders` does, but wants a transaction and tells no numbers."""
    if sum(len(order.line_items) for order in orders) < _COPIED_FROM_LINES:
        await insert_orders(connection, orders)
        return
    for insert, table_rows in zip(_INSERTS, _rows(orders), strict=True):
        await insert.copy(connection, table_rows)


def _rows(orders: Sequence[Order]) -> Sequence[Sequence[tuple[object, ...]]]:
    """List the rows of the tables, in the order of `_INSERTS`."""
    lines = [(order, line) for order in orders for line in order.line_items]
    return (
        [(order,) for order in orders],
        [(order.id, line) for order, line in lines],
        [(o.id, line.id, each) for o, line in lines for each in line.characteristics],
        [(o.id, line.id, each) for o, line in lines for each in line.contacts],
        [(o.id, line.id, each) for o, line in lines for each in line.related_items],
        [
            (NoteRow(order.id, line.id, text, order.created_at),)
            for order, line in lines
            for text in line.work_notes
        ],
        [
            (RevisionRow(o.id, o.version, "create", "[]", o.created_by, o.created_at),)
            for o in orders
        ],
        [(EventRow(order.id, Event.CREATED, order.created_at),) for order in orders],
    )


async def find_created(connection: Connection, order: Order) -> Order | None:
    """Tell whether an order was created after all, setting its creation number."""
    number = await connection.fetchval("SELECT number FROM customer_order WHERE id = $1", order.id)
    if number is None:
        return None
    order.number = number
    return order
