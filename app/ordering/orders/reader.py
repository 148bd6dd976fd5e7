"""Where rows become orders: a filter and a page in, one statement out.

PostgreSQL puts the rows of the asked-for branches together, and answers JSON in the shape of the
aggregate, which becomes objects in one step, or in that of a face, which passes it on: fewer round
trips, and less work for each row, than a statement per table
(docs/decisions/0021-json-from-sql.md). Each order is a row of the answer, because PostgreSQL bears
no value of a gigabyte, and a page of large orders may be one. One statement also sees one moment,
so an order and its lines, or a page and its total, belong together.
"""

from functools import cache
from typing import Any, NamedTuple

import msgspec
from piccolo.columns import JSONB, UUID, Column, Text, Timestamptz, Varchar
from piccolo.table import Table

from ordering.db.connection import Connection
from ordering.db.meta import column_name, described_by
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
)
from ordering.domain.ids import parse_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    LineItem,
    Order,
    RelatedItem,
    show_tag,
)
from ordering.orders.shapes import Branch, Form, Member, Rows, Shape, write
from ordering.orders.tally import TOTAL

__all__ = [
    "AGGREGATE",
    "Branch",
    "OrderFilter",
    "ShownOrder",
    "ShownPage",
    "find_order",
    "find_shown",
    "list_shown",
    "lock_order_rows",
]


class OrderFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which orders: those that fit everything that is not None.

    `party` is the id or external id of a party of the order, whichever of the two the order names.
    """

    state: str | None = None
    external_id: str | None = None
    party: str | None = None


class ShownOrder(NamedTuple):
    """An order as a face shows it."""

    json: bytes
    tag: str


class ShownPage(NamedTuple):
    """A page of orders as a face shows them, by creation number, and how many fit in all."""

    orders: list[bytes]
    total: int


def _kept(kind: type[msgspec.Struct], table: type[Table], *lists: Rows) -> Shape:
    """Describe a row as the aggregate has it; `lists` are the members that are rows below."""
    columns = {column_name(column): column for column in described_by(table).columns}
    return Shape(
        (
            *(
                Member(name, name, _form(columns[name]))
                for name in kind.__struct_fields__
                if name in columns
            ),
            *lists,
        )
    )


def _form(column: Column) -> Form:
    for kind, form in _FORMS.items():
        if isinstance(column, kind):
            return form
    return Form.BARE


_FORMS = {
    JSONB: Form.KEPT_JSON,
    Timestamptz: Form.KEPT_MOMENT,
    (Text, Varchar): Form.TEXT,
    UUID: Form.IDENTITY,
}

_LINES_BELOW = tuple(
    Rows(name, name, of)
    for name, of in (
        ("characteristics", _kept(CharacteristicValue, OrderCharacteristicValue)),
        ("contacts", _kept(ContactPerson, OrderLineItemContact)),
        ("related_items", _kept(RelatedItem, OrderLineRelatedItem)),
        ("work_notes", Member("", "text")),
    )
)

#: An order as the aggregate has it: what is shown so decodes to an `Order`.
AGGREGATE = _kept(
    Order,
    CustomerOrder,
    Rows("line_items", "line_items", _kept(LineItem, OrderLineItem, *_LINES_BELOW)),
)

# Bytes, so that nobody decodes and encodes what is passed on.
_ORDERS = """
SELECT convert_to({shown}, 'UTF8') AS shown, header.version, header.updated_at
FROM ({which}) AS header
"""

# The total is told where the page is empty, too. Rows come as the page has them, or as a join that
# we did not foresee leaves them, so that whoever reads them sorts.
_COUNTED = """
{found} SELECT counted.total, header.number,
  CASE WHEN header.id IS NOT NULL THEN convert_to({shown}, 'UTF8') END AS shown
FROM ({counted}) AS counted
LEFT JOIN ({which}) AS header ON true
"""

_BY_TEXT = """
SELECT {columns} FROM customer_order WHERE id = $1 OR external_id = $2
ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1
"""
_FIND = _BY_TEXT.format(columns="*")
_LOCK = f"{_BY_TEXT.format(columns='id, updated_at')} FOR UPDATE"
_BY_ID = "SELECT * FROM customer_order WHERE id = $1"


class _Page(NamedTuple):
    """The SQL of a page: its rows, how many there are in all, and a query that both are made of.

    Orders by any other filter are counted; in all, and by state, they have been.

    None of them is planned for its values (docs/decisions/0028-plans.md): in the order of numbers,
    many orders of a state would be found soon, but few only after all others.
    """

    which: str
    counted: str = TOTAL
    found: str = ""


_PAGE = _Page("SELECT * FROM customer_order ORDER BY number LIMIT $1 OFFSET $2")
# Only the index of states has this order.
_PAGE_OF_STATE = _Page(
    """
    SELECT * FROM customer_order
    WHERE (state, number) >= ($3, 0) AND (state, number) <= ($3, 9223372036854775807)
    ORDER BY state, number LIMIT $1 OFFSET $2
    """,
    f"{TOTAL} WHERE state = $3",
)
_PAGE_FOUND = """
SELECT * FROM customer_order
WHERE number = ANY (ARRAY(SELECT number FROM found ORDER BY number LIMIT $1 OFFSET $2))
"""
_COUNT_FOUND = "SELECT count(*) AS total FROM found"
_FOUND = "WITH found AS MATERIALIZED (SELECT number FROM customer_order WHERE {conditions})"

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
    found = await connection.fetchval(_select(_FIND, AGGREGATE, branches), parse_id(text), text)
    return _decoder.decode(found) if found else None


async def lock_order_rows(
    connection: Connection, text: str, known: Order | None = None
) -> Order | None:
    """Find an order as `find_order` does, whole, and keep others from changing it.

    The connection must be in a transaction, at whose end the lock ends. It is read after the lock
    is there, unless it is `known` and was not changed since: who waited for it has to see what was
    changed meanwhile, below the header too.
    """
    if "\0" in text:
        return None
    row = await connection.fetchrow(_LOCK, parse_id(text), text)
    if row is None:
        return None
    if known is not None and (known.id, known.updated_at) == (row["id"], row["updated_at"]):
        return known
    return _decoder.decode(
        await connection.fetchval(_select(_BY_ID, AGGREGATE, Branch.ALL), row["id"])
    )


async def find_shown(
    connection: Connection, text: str, shape: Shape, branches: Branch
) -> ShownOrder | None:
    """Find an order as `find_order` does, as a face shows it."""
    if "\0" in text:
        return None
    row = await connection.fetchrow(_select(_FIND, shape, branches), parse_id(text), text)
    if row is None:
        return None
    return ShownOrder(row["shown"], show_tag(row["version"], row["updated_at"]))


async def list_shown(
    connection: Connection,
    which: OrderFilter,
    shape: Shape,
    branches: Branch,
    *,
    limit: int,
    offset: int,
) -> ShownPage:
    """Read a page of orders in the order of their creation, as a face shows them."""
    wanted = {
        name: text for name, text in msgspec.structs.asdict(which).items() if text is not None
    }
    if any("\0" in text for text in wanted.values()):
        # As above: no column has it.
        return ShownPage([], 0)
    values: list[Any] = [limit, offset]
    page = _page(wanted, values)
    rows = await connection.fetch(_select(page, shape, branches), *values)
    total = rows[0]["total"]
    shown = sorted((row["number"], row["shown"]) for row in rows if row["shown"] is not None)
    return ShownPage([each for _, each in shown], total)


def _page(wanted: dict[str, str], values: list[Any]) -> _Page:
    """Choose the page for what is wanted, and add the values of its parameters."""
    if not wanted:
        return _PAGE
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
    if wanted.keys() == {"state"}:
        return _PAGE_OF_STATE
    return _Page(_PAGE_FOUND, _COUNT_FOUND, _FOUND.format(conditions=" AND ".join(conditions)))


@cache
def _select(which: str | _Page, shape: Shape, branches: Branch) -> str:
    """Write the statement that answers the orders of `which`, a row for each.

    Of a page, how many there are in all stands beside each or, where it is empty, alone.
    """
    shown = write(shape, branches)
    if isinstance(which, str):
        return _ORDERS.format(shown=shown, which=which)
    return _COUNTED.format(shown=shown, **which._asdict())
