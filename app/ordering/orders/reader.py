"""Where rows become orders: a filter and a page in, one statement out.

PostgreSQL puts the rows of the asked-for branches together, and answers JSON in the shape of the
aggregate, which becomes objects in one step: fewer round trips, and less work for each row, than a
statement per table (docs/decisions/0021-json-from-sql.md). Each order is a row of the answer,
because PostgreSQL bears no value of a gigabyte, and a page of large orders may be one. One
statement also sees one moment, so an order and its lines, or a page and its total, belong together.
"""

from enum import Flag, auto
from functools import cache
from typing import Any, NamedTuple

import msgspec
from piccolo.columns import JSONB, Column, Timestamptz
from piccolo.table import Table

from ordering.db.connection import Connection
from ordering.db.meta import column_name, described_by, table_name
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    WorkNote,
)
from ordering.domain.ids import parse_id
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


_FIRST_MOMENT = "timestamptz '0001-01-01 00:00:00+00'"


class Page(NamedTuple):
    """A page of orders, by creation number, and how many fit the filter in all."""

    orders: list[Order]
    total: int


def _object(kind: type[msgspec.Struct], table: type[Table], alias: str, *lists: str) -> str:
    """Write a row as a JSON object with the members of `kind`; jsonb is text within it.

    `lists` are the members that are read from elsewhere.
    """
    known = {column_name(column): column for column in described_by(table).columns}
    members = [
        f"'{name}', {_value(known[name]).format(f'{alias}.{name}')}"
        for name in kind.__struct_fields__
        if name in known
    ]
    return f"json_build_object({', '.join([*members, *lists])})"


def _value(column: Column) -> str:
    """Write a column's value, `{}`, as it stands in JSON."""
    if isinstance(column, JSONB):
        return "{}::text"
    if isinstance(column, Timestamptz):
        # The driver sends the first moment of year 1 as this.
        return f"CASE WHEN {{0}} = '-infinity' THEN {_FIRST_MOMENT} ELSE {{0}} END"
    return "{}"


#: The branches below a line: the list that their rows go to, its table, what a row is shown as.
_CHILDREN = {
    Branch.CHARACTERISTICS: (
        "characteristics",
        OrderCharacteristicValue,
        _object(CharacteristicValue, OrderCharacteristicValue, "child"),
    ),
    Branch.CONTACTS: (
        "contacts",
        OrderLineItemContact,
        _object(ContactPerson, OrderLineItemContact, "child"),
    ),
    Branch.RELATED_ITEMS: (
        "related_items",
        OrderLineRelatedItem,
        _object(RelatedItem, OrderLineRelatedItem, "child"),
    ),
    Branch.WORK_NOTES: ("work_notes", WorkNote, "child.text"),
}

_LIST = """
(SELECT coalesce(json_agg({shown} ORDER BY child.id), '[]') FROM {table} AS child
 WHERE child.order_id = header.id AND child.line_item_id = line.id)
"""
_LINES = """
(SELECT coalesce(json_agg({shown} ORDER BY line.position), '[]') FROM order_line_item AS line
 WHERE line.order_id = header.id)
"""
_ORDERS = "SELECT {shown} AS shown FROM ({which}) AS header"

# The total is told where the page is empty, too. Rows come as the page has them, or as a join that
# we did not foresee leaves them, so that whoever reads them sorts.
_COUNTED = """
SELECT counted.total, CASE WHEN header.id IS NOT NULL THEN {shown} END AS shown
FROM (SELECT count(*) AS total FROM customer_order {where}) AS counted
LEFT JOIN ({which}) AS header ON true
"""

_BY_TEXT = """
SELECT {columns} FROM customer_order WHERE id = $1 OR external_id = $2
ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1
"""
_FIND = _BY_TEXT.format(columns="*")
_LOCK = f"{_BY_TEXT.format(columns='id')} FOR UPDATE"
_BY_ID = "SELECT * FROM customer_order WHERE id = $1"
_PAGE = "SELECT * FROM customer_order {where} ORDER BY number LIMIT $1 OFFSET $2"

#: The texts by which orders may name the party that is known under one of them. Parties of
#: different kinds may share an external id; then those of all of them.
_PARTY_NAMES = """
ARRAY(
    SELECT {text}::text
    UNION SELECT unnest(ARRAY[replace(id::text, '-', ''), external_id])
    FROM party WHERE id = {id}::uuid OR external_id = {text}
)
"""

_decoder = msgspec.json.Decoder(Order)


async def find_order(connection: Connection, text: str, branches: Branch) -> Order | None:
    """Find an order by its id or, failing that, the newest with this external id."""
    if "\0" in text:
        # PostgreSQL's text cannot hold U+0000, so nothing can be found under it.
        return None
    found = await connection.fetchval(_select(_FIND, branches), parse_id(text), text)
    return _decoder.decode(found) if found else None


async def lock_order_rows(connection: Connection, text: str) -> Order | None:
    """Find an order as `find_order` does, whole, and keep others from changing it.

    The connection must be in a transaction, at whose end the lock ends. It is read after the lock
    is there: who waited for it has to see what was changed meanwhile, below the header too.
    """
    if "\0" in text:
        return None
    identity = await connection.fetchval(_LOCK, parse_id(text), text)
    if identity is None:
        return None
    return _decoder.decode(await connection.fetchval(_select(_BY_ID, Branch.ALL), identity))


async def list_orders(
    connection: Connection, which: OrderFilter, *, limit: int, offset: int, branches: Branch
) -> Page:
    """Read a page of orders in the order of their creation."""
    wanted = {
        name: text for name, text in msgspec.structs.asdict(which).items() if text is not None
    }
    if any("\0" in text for text in wanted.values()):
        # As above: no column has it.
        return Page([], 0)
    values: list[Any] = [limit, offset]
    where = _where(wanted, values)
    rows = await connection.fetch(_select(_PAGE.format(where=where), branches, where), *values)
    orders = [_decoder.decode(row["shown"]) for row in rows if row["shown"]]
    return Page(sorted(orders, key=_number), rows[0]["total"])


def _number(order: Order) -> int:
    return order.number or 0


def _where(wanted: dict[str, str], values: list[Any]) -> str:
    """Write the condition for what is wanted, and add the values of its parameters."""
    conditions: list[str] = []
    for name, text in wanted.items():
        values.append(text)
        parameter = f"${len(values)}"
        if name == "party":
            values.append(parse_id(text))
            names = _PARTY_NAMES.format(text=parameter, id=f"${len(values)}")
            # The very expression that the index on them has.
            conditions.append(f"jsonb_path_query_array(related_parties, '$[*].id') ?| {names}")
        else:
            conditions.append(f"{name} = {parameter}")
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""


@cache
def _select(which: str, branches: Branch, counted: str | None = None) -> str:
    """Write the statement that answers the orders of `which`, a row for each.

    Where `counted` is a condition, beside each, or alone, stands how many orders fit that.
    """
    lists = [
        f"'{name}', {_LIST.format(shown=shown, table=table_name(table))}"
        for branch, (name, table, shown) in _CHILDREN.items()
        if branch in branches
    ]
    lines = _LINES.format(shown=_object(LineItem, OrderLineItem, "line", *lists))
    below = [f"'line_items', {lines}"] if Branch.LINE_ITEMS in branches else []
    shown = _object(Order, CustomerOrder, "header", *below)
    if counted is None:
        return _ORDERS.format(shown=shown, which=which)
    return _COUNTED.format(shown=shown, which=which, where=counted)
