"""Where rows become orders: a filter and a page in, a fixed number of statements out.

The number of statements depends on the branches that are asked for, one per table, and never on
how many orders, lines or levels there are.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import Flag, auto
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ordering.db.connection import Connection, Row
from ordering.domain.ids import parse_id, show_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    LineItem,
    Order,
    RelatedItem,
)

__all__ = ["Branch", "OrderFilter", "Page", "find_order", "list_orders", "lock_order_rows"]


class Branch(Flag):
    """The parts of an order that are read beside its header."""

    NONE = 0
    LINE_ITEMS = auto()
    CHARACTERISTICS = auto()
    CONTACTS = auto()
    RELATED_ITEMS = auto()
    WORK_NOTES = auto()
    ALL = LINE_ITEMS | CHARACTERISTICS | CONTACTS | RELATED_ITEMS | WORK_NOTES


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders: those that fit everything that is not None.

    `party` is the id or external id of a party of the order, whichever of the two the order names.
    """

    state: str | None = None
    external_id: str | None = None
    party: str | None = None


class Page(NamedTuple):
    """A page of orders, by creation number, and how many fit the filter in all."""

    orders: list[Order]
    total: int


def _columns(kind: type[msgspec.Struct], *, besides: Sequence[str]) -> str:
    names = [name for name in kind.__struct_fields__ if name not in besides]
    return ", ".join(names)


_BRANCH_FIELDS = ("line_items", "characteristics", "contacts", "related_items", "work_notes")
_HEADER = f"SELECT {_columns(Order, besides=_BRANCH_FIELDS)} FROM customer_order"

_BY_TEXT = (
    f"{_HEADER} WHERE id = $1 OR external_id = $2"
    " ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1"
)

_LINES = (
    f"SELECT order_id, {_columns(LineItem, besides=_BRANCH_FIELDS)} FROM order_line_item"
    " WHERE order_id = ANY($1::uuid[]) ORDER BY order_id, position"
)

_PARTIES = "SELECT id, external_id FROM party WHERE id = $1 OR external_id = $2"

#: What each member of a filter asks of an order. The parties are sought in the very expression
#: that the index on them has.
_CONDITIONS = {
    "state": "state = {}",
    "external_id": "external_id = {}",
    "party": "jsonb_path_query_array(related_parties, '$[*].id') ?| {}::text[]",
}

#: The branches below a line: table, the list that its rows go to, how a row is read.
_CHILDREN: dict[Branch, tuple[str, str, Callable[[Mapping[str, Any]], object]]] = {
    Branch.CHARACTERISTICS: (
        "order_characteristic_value",
        "characteristics",
        lambda row: CharacteristicValue(**row),
    ),
    Branch.CONTACTS: ("order_line_item_contact", "contacts", lambda row: ContactPerson(**row)),
    Branch.RELATED_ITEMS: (
        "order_line_related_item",
        "related_items",
        lambda row: RelatedItem(**row),
    ),
    Branch.WORK_NOTES: ("work_note", "work_notes", lambda row: row["text"]),
}

_CHILD_COLUMNS = {
    Branch.CHARACTERISTICS: _columns(CharacteristicValue, besides=()),
    Branch.CONTACTS: _columns(ContactPerson, besides=()),
    Branch.RELATED_ITEMS: _columns(RelatedItem, besides=()),
    Branch.WORK_NOTES: "text",
}


async def find_order(connection: Connection, text: str, branches: Branch) -> Order | None:
    """Find an order by its id or, failing that, the newest with this external id.

    The connection must not be in a transaction: the statements get one, to see one moment.
    """
    if "\0" in text:
        # PostgreSQL's text cannot hold U+0000, so nothing can be found under it.
        return None
    async with _one_moment(connection):
        rows = await connection.fetch(_BY_TEXT, parse_id(text), text)
        orders = await _complete(connection, rows, branches)
    return orders[0] if orders else None


async def lock_order_rows(connection: Connection, text: str) -> Order | None:
    """Find an order as `find_order` does, whole, and keep others from changing it.

    The connection must be in a transaction, at whose end the lock ends. Whoever changes anything
    of an order has this lock, so the rows below the header belong together too.
    """
    if "\0" in text:
        return None
    rows = await connection.fetch(f"{_BY_TEXT} FOR UPDATE", parse_id(text), text)
    orders = await _complete(connection, rows, Branch.ALL)
    return orders[0] if orders else None


async def list_orders(
    connection: Connection, which: OrderFilter, *, limit: int, offset: int, branches: Branch
) -> Page:
    """Read a page of orders in the order of their creation.

    The connection must not be in a transaction: the statements get one, to see one moment.
    """
    wanted = {
        name: text for name, text in msgspec.structs.asdict(which).items() if text is not None
    }
    if any("\0" in text for text in wanted.values()):
        # As above: no column has it.
        return Page([], 0)
    async with _one_moment(connection):
        if which.party is not None:
            wanted["party"] = await _party_names(connection, which.party)
        where, values = _where(wanted)
        total = await connection.fetchval(f"SELECT count(*) FROM customer_order {where}", *values)
        rows = await connection.fetch(
            f"{_HEADER} {where} ORDER BY number LIMIT ${len(values) + 1} OFFSET ${len(values) + 2}",
            *values,
            limit,
            offset,
        )
        return Page(await _complete(connection, rows, branches), total)


async def _party_names(connection: Connection, text: str) -> list[str]:
    """List the texts by which orders may name a party that is known under this one.

    Parties of different kinds may share an external id; then those of all of them.
    """
    names = {text}
    for row in await connection.fetch(_PARTIES, parse_id(text), text):
        names.add(show_id(row["id"]))
        if row["external_id"] is not None:
            names.add(row["external_id"])
    return sorted(names)


def _where(wanted: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """Make the condition for what is wanted, and the values of its parameters."""
    conditions = [
        _CONDITIONS[name].format(f"${number}") for number, name in enumerate(wanted, start=1)
    ]
    return f"WHERE {' AND '.join(conditions)}" if conditions else "", list(wanted.values())


def _one_moment(connection: Connection) -> AbstractAsyncContextManager[object]:
    return connection.transaction(isolation="repeatable_read", readonly=True)


async def _complete(connection: Connection, rows: Sequence[Row], branches: Branch) -> list[Order]:
    orders = [Order(**_mapping(row)) for row in rows]
    if not orders or Branch.LINE_ITEMS not in branches:
        return orders
    ids = [order.id for order in orders]
    lines: dict[UUID, list[LineItem]] = defaultdict(list)
    for row in await connection.fetch(_LINES, ids):
        members = _mapping(row)
        lines[members.pop("order_id")].append(LineItem(**members))
    by_id = {line.id: line for group in lines.values() for line in group}
    for branch, (table, attribute, read) in _CHILDREN.items():
        if branch not in branches:
            continue
        for row in await connection.fetch(
            f"SELECT line_item_id, {_CHILD_COLUMNS[branch]} FROM {table}"
            " WHERE order_id = ANY($1::uuid[]) ORDER BY id",
            ids,
        ):
            members = _mapping(row)
            getattr(by_id[members.pop("line_item_id")], attribute).append(read(members))
    for order in orders:
        order.line_items = lines[order.id]
    return orders


def _mapping(row: Any) -> dict[str, Any]:
    return dict(row.items())
