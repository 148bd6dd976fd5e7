"""Where changes of orders become rows: the one place that updates the tables of the aggregate.

Each statement is an array statement: their number depends on the kind of change, never on how
many lines it touches. They run in the transaction that holds the order's lock.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from ordering.db.array_insert import ArrayInsert
from ordering.db.array_update import ArrayUpdate
from ordering.db.connection import Connection
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderEvent,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    OrderRevision,
    ProductInventory,
    WorkNote,
)
from ordering.domain.change import Change, ChangeType, InventoryChange
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    LineItem,
    Order,
    RelatedItem,
)
from ordering.domain.values import encode
from ordering.orders.rows import EventRow, NoteRow, RevisionRow

__all__ = ["write_change"]

_FIXED = frozenset({"id", "number", "item_id", "position", "action", "created_by", "created_at"})


def _changeable(kind: type[msgspec.Struct]) -> list[str]:
    return [name for name in kind.__struct_fields__ if name not in _FIXED]


class _Audit(RevisionRow):
    """The audit row of a change; `changes` is JSON."""

    changes: str


_UPDATE_ORDER = ArrayUpdate(CustomerOrder, _changeable(Order))
_UPDATE_LINES = ArrayUpdate(OrderLineItem, _changeable(LineItem))
_INSERT_LINES = ArrayInsert(OrderLineItem, LineItem.__struct_fields__, leading=("order_id",))
_INSERT_NOTES = ArrayInsert(WorkNote, NoteRow.__struct_fields__)
_INSERT_AUDIT = ArrayInsert(OrderRevision, _Audit.__struct_fields__)
_INSERT_EVENTS = ArrayInsert(OrderEvent, EventRow.__struct_fields__)

_OF_LINE = ("order_id", "line_item_id")
#: The lists of a line, each with its table and how its rows are made.
_LISTS = tuple(
    (table, attribute, ArrayInsert(table_class, of.__struct_fields__, leading=_OF_LINE))
    for table, attribute, table_class, of in (
        (
            "order_characteristic_value",
            "characteristics",
            OrderCharacteristicValue,
            CharacteristicValue,
        ),
        ("order_line_item_contact", "contacts", OrderLineItemContact, ContactPerson),
        ("order_line_related_item", "related_items", OrderLineRelatedItem, RelatedItem),
    )
)

#: An external id that another inventory has, or is about to have, is not given: that one keeps it.
#: In the order of the external ids, so that no two approvals wait for each other.
_NAME_INVENTORIES = """
INSERT INTO product_inventory (id, external_id, status)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]) AS named (id, external_id, status)
ORDER BY external_id
ON CONFLICT (external_id) DO NOTHING
"""

_INVENTORY_MEMBERS = [name for name in InventoryChange.__struct_fields__ if name != "external_id"]
_INSERT_INVENTORY = ArrayInsert(ProductInventory, _INVENTORY_MEMBERS)
_KEPT = ", ".join(
    f"{name} = coalesce(excluded.{name}, old.{name})"
    for name in _INVENTORY_MEMBERS
    if name not in ("id", "status")
)
_WRITE_INVENTORY = (
    _INSERT_INVENTORY.sql.replace("product_inventory", "product_inventory AS old", 1)
    + f" ON CONFLICT (id) DO UPDATE SET status = excluded.status, {_KEPT}"
)


async def write_change(connection: Connection, change: Change) -> None:
    """Write a change of an order whose lock this transaction holds: rows, audit and events."""
    order = change.order
    await connection.execute(_UPDATE_ORDER.sql, *_UPDATE_ORDER.arrays([order]))
    if change.lines:
        lines = [each.line for each in change.lines]
        await connection.execute(_UPDATE_LINES.sql, *_UPDATE_LINES.arrays(lines))
    await _insert(connection, _INSERT_LINES, [(order.id, line) for line in change.added])
    await _write_lists(connection, change)
    await _insert(connection, _INSERT_NOTES, [(note,) for note in _notes(change)])
    await _write_inventories(connection, change.inventories)
    await _insert(connection, _INSERT_AUDIT, [(_audit(change),)])
    events = [EventRow(order.id, event, change.moment) for event in change.events]
    await _insert(connection, _INSERT_EVENTS, [(event,) for event in events])


async def _insert(
    connection: Connection, insert: ArrayInsert, rows: Sequence[tuple[Any, ...]]
) -> None:
    if rows:
        await connection.execute(insert.sql, *insert.arrays(rows))


async def _write_inventories(
    connection: Connection, inventories: Sequence[InventoryChange]
) -> None:
    """Write what becomes of inventories; first those that are new and shall have a name."""
    if named := [each for each in inventories if each.external_id is not None]:
        await connection.execute(
            _NAME_INVENTORIES,
            [each.id for each in named],
            [each.external_id for each in named],
            [each.status for each in named],
        )
    if inventories:
        rows = [(each,) for each in inventories]
        await connection.execute(_WRITE_INVENTORY, *_INSERT_INVENTORY.arrays(rows))


async def _write_lists(connection: Connection, change: Change) -> None:
    """Replace the lists of the lines whose lists changed, and write those of new lines."""
    replaced = [each.line for each in change.lines if each.lists_changed]
    ids = [line.id for line in replaced]
    for table, attribute, insert in _LISTS:
        if ids:
            await connection.execute(
                f"DELETE FROM {table} WHERE order_id = $1 AND line_item_id = ANY($2::uuid[])",
                change.order.id,
                ids,
            )
        rows = [
            (change.order.id, line.id, each)
            for line in [*replaced, *change.added]
            for each in getattr(line, attribute)
        ]
        await _insert(connection, insert, rows)


def _notes(change: Change) -> list[NoteRow]:
    noted = [(each.line.id, each.notes) for each in change.lines]
    noted += [(line.id, line.work_notes) for line in change.added]
    return [
        NoteRow(change.order.id, line_id, text, change.moment)
        for line_id, texts in noted
        for text in texts
    ]


def _audit(change: Change) -> _Audit:
    return _Audit(
        order_id=change.order.id,
        version=change.order.version,
        operation=change.operation,
        change_types=encode(change.types).decode(),
        changed_by=change.client,
        changed_at=change.moment,
        changes=encode(_changes(change)).decode(),
    )


def _changes(change: Change) -> dict[str, Any]:
    """Tell what changed that is shown, in the names and values of the REST faces."""
    told: dict[str, Any] = dict(change.details)
    if change.fields:
        told["fields"] = _before_and_after(change.fields)
    lines: list[dict[str, Any]] = [
        {
            "id": each.line.item_id,
            "version": each.line.version,
            "changeTypes": list(each.types),
            "fields": _before_and_after(each.fields),
        }
        for each in change.lines
        if each.fields
    ]
    lines += [
        {
            "id": line.item_id,
            "version": line.version,
            "changeTypes": [ChangeType.LINE_ADDED],
            "fields": {},
        }
        for line in change.added
    ]
    if lines:
        told["lineItems"] = lines
    return told


def _before_and_after(fields: Any) -> dict[str, Any]:
    return {name: {"before": old, "after": new} for name, (old, new) in fields.items()}
