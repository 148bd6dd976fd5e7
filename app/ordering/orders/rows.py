"""Where orders become rows: the one place that writes the tables of the order aggregate.

Any number of orders is created by one statement of fixed text, which gets them as one JSON document
(docs/decisions/0026-json-statements.md); a batch of one is a batch. Where a transaction is open
anyway and the rows are many, COPY is cheaper.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.db.json_insert import JsonInsert, to_document
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

#: From so many lines on COPY takes less of the processors, client and server together: a round trip
#: per table is more than one in all, but rows are cheaper to append.
_COPIED_FROM_LINES = 128

#: A longer document is near the limit of jsonb, and costs memory in two processes. Many times as
#: long as the body may it be where each of very many values is told in a work note.
_MOST_CHARACTERS = 32 * 1024 * 1024

_CREATE = "create"
_NO_CHANGE_TYPES = "[]"

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


_OF_LINE = ("order_id", "line_item_id")
_ORDER = JsonInsert(CustomerOrder, Order, without=_FILLED_LATER)
_LINE = JsonInsert(OrderLineItem, LineItem, leading=("order_id",), without=_FILLED_LATER)
_CHARACTERISTIC = JsonInsert(OrderCharacteristicValue, CharacteristicValue, leading=_OF_LINE)
_CONTACT = JsonInsert(OrderLineItemContact, ContactPerson, leading=_OF_LINE)
_RELATED_ITEM = JsonInsert(OrderLineRelatedItem, RelatedItem, leading=_OF_LINE)
_NOTE = JsonInsert(WorkNote, NoteRow)
_REVISION = JsonInsert(OrderRevision, RevisionRow)
_EVENT = JsonInsert(OrderEvent, EventRow)


def _list(place: int) -> str:
    """Write what has the entries of a list of the lines; lists stand behind a line's values."""
    return (
        "(SELECT order_id, line_item_id,"
        f" jsonb_array_elements(entry -> {_LINE.width + place}) AS entry FROM sent_line) AS sent"
    )


#: Takes what `_document` makes. Rows are inserted, and numbered, in the order in which they came.
_STATEMENT = f"""
WITH sent_order AS MATERIALIZED (
    SELECT jsonb_array_elements($1) AS entry
), sent_line AS MATERIALIZED (
    SELECT order_id, {_LINE.value("id")} AS line_item_id, created_at, entry
    FROM (
        SELECT
            {_ORDER.value("id")} AS order_id,
            {_ORDER.value("created_at")} AS created_at,
            jsonb_array_elements(entry -> {_ORDER.width}) AS entry
        FROM sent_order
    ) AS line
), header AS (
    {_ORDER.sql("sent_order")} RETURNING id, number, version, created_by, created_at
), line AS (
    {_LINE.sql("sent_line")}
), characteristic AS (
    {_CHARACTERISTIC.sql(_list(0))}
), contact AS (
    {_CONTACT.sql(_list(1))}
), related_item AS (
    {_RELATED_ITEM.sql(_list(2))}
), note AS (
    INSERT INTO work_note (order_id, line_item_id, text, created_at)
    SELECT order_id, line_item_id, jsonb_array_elements_text(entry -> {_LINE.width + 3}), created_at
    FROM sent_line
), revision AS (
    INSERT INTO order_revision
        (order_id, version, operation, change_types, changed_by, changed_at)
    SELECT id, version, '{_CREATE}', '{_NO_CHANGE_TYPES}', created_by, created_at FROM header
), event AS (
    INSERT INTO order_event (order_id, event_type, occurred_at)
    SELECT id, '{Event.CREATED}', created_at FROM header
)
SELECT id, number FROM header
"""
_FIND_NUMBERS = "SELECT id, number FROM customer_order WHERE id = ANY($1)"


async def insert_orders(connection: Connection, orders: Sequence[Order]) -> Sequence[Order]:
    """Create orders with their lines, first revision and event; sets their creation numbers.

    One statement, which is a transaction by itself outside of one; what is too much for it is
    copied in a transaction. Raises the driver's unique violation if an order exists already.
    """
    document = _document(orders)
    if len(document) <= _MOST_CHARACTERS:
        found = await connection.fetch(_STATEMENT, document)
    else:
        async with connection.transaction():
            await _copy(connection, orders)
            found = await connection.fetch(_FIND_NUMBERS, [order.id for order in orders])
    numbers = {row["id"]: row["number"] for row in found}
    for order in orders:
        order.number = numbers[order.id]
    return orders


async def insert_batch(connection: Connection, orders: Sequence[Order]) -> None:
    """Create orders as `insert_orders` does, but wants a transaction and tells no numbers."""
    if sum(len(order.line_items) for order in orders) < _COPIED_FROM_LINES:
        await insert_orders(connection, orders)
    else:
        await _copy(connection, orders)


def _document(orders: Sequence[Order]) -> str:
    """Make the one parameter of the statement: values, and behind them what is below."""
    return to_document(
        [
            (
                *_ORDER.read(order),
                [
                    (
                        *_LINE.read(line),
                        [_CHARACTERISTIC.read(each) for each in line.characteristics],
                        [_CONTACT.read(each) for each in line.contacts],
                        [_RELATED_ITEM.read(each) for each in line.related_items],
                        line.work_notes,
                    )
                    for line in order.line_items
                ],
            )
            for order in orders
        ]
    )


async def _copy(connection: Connection, orders: Sequence[Order]) -> None:
    """Write the same rows table by table; those of the order come before those of its lines."""
    lines = [(order, line) for order in orders for line in order.line_items]
    below = [((order.id, line.id), line) for order, line in lines]
    await _ORDER.copy(connection, [_ORDER.read(order) for order in orders])
    await _LINE.copy(connection, [(order.id, *_LINE.read(line)) for order, line in lines])
    await _CHARACTERISTIC.copy(
        connection,
        [
            (*ids, *_CHARACTERISTIC.read(each))
            for ids, line in below
            for each in line.characteristics
        ],
    )
    await _CONTACT.copy(
        connection,
        [(*ids, *_CONTACT.read(each)) for ids, line in below for each in line.contacts],
    )
    await _RELATED_ITEM.copy(
        connection,
        [(*ids, *_RELATED_ITEM.read(each)) for ids, line in below for each in line.related_items],
    )
    await _NOTE.copy(
        connection,
        [
            (order.id, line.id, text, order.created_at)
            for order, line in lines
            for text in line.work_notes
        ],
    )
    await _REVISION.copy(
        connection,
        [
            (each.id, each.version, _CREATE, _NO_CHANGE_TYPES, each.created_by, each.created_at)
            for each in orders
        ],
    )
    await _EVENT.copy(connection, [(each.id, Event.CREATED, each.created_at) for each in orders])


async def find_created(connection: Connection, order: Order) -> Order | None:
    """Tell whether an order was created after all, setting its creation number."""
    number = await connection.fetchval("SELECT number FROM customer_order WHERE id = $1", order.id)
    if number is None:
        return None
    order.number = number
    return order
