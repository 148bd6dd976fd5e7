"""Where changes of orders become rows: the one place that updates the tables of the aggregate.

Each statement is an array statement: their number depends on the kind of change, never on how
many lines it touches. They run in the transaction that holds the order's lock.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
from piccolo.table import Table

from ordering.db.array_insert import ArrayInsert
from ordering.db.array_update import ArrayUpdate
from ordering.db.connection import Connection
from ordering.db.meta import table_name
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
_UPDATE_LINES = ArrayUpdate(OrderLineItem, _changeable(LineItem), first=_UPDATE_ORDER.width + 1)

#: What every change writes beside its updates: lines, notes, audit, events.
_ADDED: tuple[tuple[type[Table], type[msgspec.Struct], tuple[str, ...]], ...] = (
    (OrderLineItem, LineItem, ("order_id",)),
    (WorkNote, NoteRow, ()),
    (OrderRevision, _Audit, ()),
    (OrderEvent, EventRow, ()),
)
_OF_LINE = ("order_id", "line_item_id")
#: The lists of a line, each with its table and of what its rows are made.
_LISTS: dict[str, tuple[type[Table], type[msgspec.Struct]]] = {
    "characteristics": (OrderCharacteristicValue, CharacteristicValue),
    "contacts": (OrderLineItemContact, ContactPerson),
    "related_items": (OrderLineRelatedItem, RelatedItem),
}


def _removal(table: type[Table], first: int) -> str:
    return (
        f"DELETE FROM {table_name(table)}"
        f" WHERE order_id = ${first} AND line_item_id = ANY(${first + 1}::uuid[])"
    )


#: Contacts keep their ids, so the old ones have to be gone before the new ones come.
_REMOVE_CONTACTS = _removal(OrderLineItemContact, 1)


@cache
def _statement(lists: tuple[str, ...]) -> tuple[str, list[ArrayInsert]]:
    """Make the statement of a change that replaces these lists; with it the inserts, in order.

    One round trip, as the lock is held meanwhile. The parameters of a list are the order, the lines
    whose rows go, and the rows that come.
    """
    parts, inserts = [_UPDATE_ORDER.sql, _UPDATE_LINES.sql], list[ArrayInsert]()
    first = _UPDATE_ORDER.width + _UPDATE_LINES.width + 1
    for table, of, leading in _ADDED:
        inserts.append(ArrayInsert(table, of.__struct_fields__, leading=leading, first=first))
        first += inserts[-1].width
    for table, of in (_LISTS[name] for name in lists):
        parts.append(_removal(table, first))
        first += 2
        inserts.append(ArrayInsert(table, of.__struct_fields__, leading=_OF_LINE, first=first))
        first += inserts[-1].width
    parts += [insert.sql for insert in inserts]
    ctes = ", ".join(f"part_{number} AS ({part})" for number, part in enumerate(parts))
    return f"WITH {ctes} SELECT", inserts


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
    rows: tuple[list[tuple[Any, ...]], ...] = (
        [(order.id, line) for line in change.added],
        [(note,) for note in _notes(change)],
        [(_audit(change),)],
        [(EventRow(order.id, event, change.moment),) for event in change.events],
    )
    lists = {name: _replaced(change, name) for name in _LISTS if _touches(change, name)}
    statement, inserts = _statement(tuple(lists))
    values: list[object] = [
        *_UPDATE_ORDER.arrays([order]),
        *_UPDATE_LINES.arrays([each.line for each in change.lines]),
    ]
    for insert, added in zip(inserts[: len(rows)], rows, strict=True):
        values += insert.arrays(added)
    for (name, lines), insert in zip(lists.items(), inserts[len(rows) :], strict=True):
        come = [
            (order.id, line.id, each)
            for line in [*lines, *change.added]
            for each in getattr(line, name)
        ]
        values += [order.id, [line.id for line in lines], *insert.arrays(come)]
    if lines := lists.get("contacts"):
        await connection.execute(_REMOVE_CONTACTS, order.id, [line.id for line in lines])
    await connection.execute(statement, *values)
    await _write_inventories(connection, change.inventories)


def _replaced(change: Change, name: str) -> list[LineItem]:
    return [each.line for each in change.lines if name in each.lists]


def _touches(change: Change, name: str) -> bool:
    """Tell whether a list is replaced on any line, or a new line has it."""
    return bool(_replaced(change, name)) or any(getattr(line, name) for line in change.added)


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
