"""Where changes of orders become rows: the one place that updates the tables of the aggregate.

All rows of the aggregate are written by one array statement, however many lines a change touches,
and only if the order is still as it was read (docs/decisions/0025-changing-orders.md).
"""

from collections.abc import Sequence
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec
from piccolo.table import Table

from ordering.db.array_insert import ArrayInsert
from ordering.db.array_update import ArrayUpdate
from ordering.db.connection import Connection
from ordering.db.meta import column_name, filled_columns, table_name
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

_OF_LINE = ("order_id", "line_item_id")
_FIXED = frozenset({"id", "number", "item_id", "position", "action", "created_by", "created_at"})


def _changeable(kind: type[msgspec.Struct]) -> list[str]:
    return [name for name in kind.__struct_fields__ if name not in _FIXED]


class _Audit(RevisionRow):
    """The audit row of a change; `changes` is JSON."""

    changes: str


_HEADER_COLUMNS = [
    name for name in map(column_name, filled_columns(CustomerOrder)) if name in _changeable(Order)
]
_SET = ", ".join(f"{name} = ${number}" for number, name in enumerate(_HEADER_COLUMNS, 3))
_read_header = attrgetter("id", *_HEADER_COLUMNS)

# Every change moves `updated_at` on, whatever else it does (`moment_after`). Who had to wait for
# another's change of this row is given the row as that one left it, and finds no match.
_HEADER = f"UPDATE customer_order SET {_SET} WHERE updated_at = $1 AND id = $2 RETURNING id"
#: Every other part does something only then. PostgreSQL has to know that first, so the header's row
#: is also the first to be locked.
_IF_WRITTEN = "EXISTS (SELECT FROM header)"

_FIRST = len(_HEADER_COLUMNS) + 3
_UPDATE_LINES = ArrayUpdate(OrderLineItem, _changeable(LineItem), first=_FIRST)

#: The rows that changes add: their table, of what they are made, and what leads them.
_ADDED: dict[str, tuple[type[Table], type[msgspec.Struct], tuple[str, ...]]] = {
    "added": (OrderLineItem, LineItem, ("order_id",)),
    "notes": (WorkNote, NoteRow, ()),
    "audit": (OrderRevision, _Audit, ()),
    "events": (OrderEvent, EventRow, ()),
    "characteristics": (OrderCharacteristicValue, CharacteristicValue, _OF_LINE),
    "contacts": (OrderLineItemContact, ContactPerson, _OF_LINE),
    "related_items": (OrderLineRelatedItem, RelatedItem, _OF_LINE),
}
#: Of these the lists of lines, which are replaced as a whole.
_LISTS = ("characteristics", "contacts", "related_items")


@cache
def _statement(*added: str, with_lines: bool) -> tuple[str, dict[str, ArrayInsert]]:
    """Make the statement of a change that adds such rows, with lines or not; and its inserts.

    It answers the order's id if it wrote anything. Its parameters are the moment of the change
    before, the header, the lines, and of each insert the rows; before those of a list the lines
    whose rows go. What a change does not have is left out: it would cost both sides time.
    """
    parts, inserts, first = [f"header AS ({_HEADER})"], dict[str, ArrayInsert](), _FIRST
    if with_lines:
        parts.append(f"lines AS ({_UPDATE_LINES.sql} AND {_IF_WRITTEN})")
        first += _UPDATE_LINES.width
    for name in added:
        (table, of, leading), condition = _ADDED[name], _IF_WRITTEN
        if name in _LISTS:
            parts.append(
                f"old_{name} AS (DELETE FROM {table_name(table)}"
                f" WHERE order_id = (SELECT id FROM header)"
                f" AND line_item_id = ANY(${first}::uuid[]) RETURNING id)"
            )
            # Contacts keep their ids, so the old ones have to be gone before the new ones come: all
            # of them, or they could not be counted.
            condition += f" AND (SELECT count(*) FROM old_{name}) >= 0"
            first += 1
        inserts[name] = ArrayInsert(table, of.__struct_fields__, leading=leading, first=first)
        parts.append(f"new_{name} AS ({inserts[name].sql} WHERE {condition})")
        first += inserts[name].width
    return f"WITH {', '.join(parts)} SELECT id FROM header", inserts


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


async def write_change(connection: Connection, read: Order, change: Change) -> bool:
    """Write a change of an order: rows, audit and events; tells whether it did.

    It does not if the order was changed since it was `read`; then nothing is written. That is one
    statement, a transaction by itself outside of one. Inventories want one, and the order's lock.
    """
    order = change.order
    replaced = {name: [each.line for each in change.lines if name in each.lists] for name in _LISTS}
    rows: dict[str, list[tuple[Any, ...]]] = {
        "added": [(order.id, line) for line in change.added],
        "notes": [(note,) for note in _notes(change)],
        "audit": [(_audit(change),)],
        "events": [(EventRow(order.id, event, change.moment),) for event in change.events],
    }
    for name, lines in replaced.items():
        rows[name] = [
            (order.id, line.id, each)
            for line in [*lines, *change.added]
            for each in getattr(line, name)
        ]
    touched = [name for name in rows if rows[name] or replaced.get(name)]
    statement, inserts = _statement(*touched, with_lines=bool(change.lines))
    values: list[object] = [read.updated_at, *_read_header(order)]
    if change.lines:
        values += _UPDATE_LINES.arrays([each.line for each in change.lines])
    for name, insert in inserts.items():
        if name in replaced:
            values.append([line.id for line in replaced[name]])
        values += insert.arrays(rows[name])
    if await connection.fetchval(statement, *values) is None:
        return False
    await _write_inventories(connection, change.inventories)
    return True


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
