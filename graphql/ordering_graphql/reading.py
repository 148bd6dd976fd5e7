"""How a field is read: what a type's declaration says of each of its fields, beside its type.

A declaration holds SQL with placeholders: `{row}` stands for the row of the field's own type,
`{parent}` for that of the object the field belongs to, `{value}` for an argument. `{row}` is an
alias of a table, always followed by a column, since pages read those that are named; or an
expression of type jsonb for objects that are kept as JSON. Nothing in a declaration comes from a
client; `plan/` puts the placeholders' values in and knows no table.
"""

from collections.abc import Collection, Mapping
from enum import Enum
from typing import Any, cast

import msgspec
import strawberry
from graphql import GraphQLField, GraphQLInputField
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from ordering.access.roles import Permission
from ordering.db.json_text import IDENTITY

__all__ = [
    "KEY",
    "AnyNode",
    "Asking",
    "Condition",
    "Embedded",
    "Leaf",
    "Many",
    "NodeSource",
    "One",
    "Operand",
    "OrderMap",
    "Paged",
    "Part",
    "Reading",
    "Related",
    "Sort",
    "Source",
    "Tally",
    "Within",
    "argument",
    "ask",
    "asking_of",
    "column",
    "declare",
    "elements",
    "extras",
    "identity",
    "member",
    "reading_of",
]

#: Where a Strawberry field keeps its declaration.
KEY = "ordering.reading"


class Source(msgspec.Struct, frozen=True):
    """Rows that a type is read from: a table, or a query in parentheses.

    `order` is the id of the order that a row belongs to, for those that belong to one: what is
    worked out once per order (`OrderMap`) can be looked up from each of them. With `json` the type
    is kept as JSON, in the column `value`. `needs` is the permission to read them; without one, it
    is that of the object which they belong to.
    """

    table: str
    order: str | None = None
    json: bool = False
    needs: Permission | None = None


class OrderMap(msgspec.Struct, frozen=True):
    """What is worked out once per order and looked up by its lines: a jsonb object by item id.

    Without it each line would search all the order's rows, which large orders cannot afford. In
    the SQL `{order}` is the order's id.
    """

    name: str
    sql: str


class Leaf(msgspec.Struct, frozen=True):
    """A scalar. How its SQL value is written as JSON follows from the field's GraphQL type."""

    sql: str


class Embedded(msgspec.Struct, frozen=True):
    """An object of the same row; `value` is the jsonb that it is kept in, None for columns."""

    value: str | None = None


class Condition(msgspec.Struct, frozen=True):
    """What an argument, or a member of a filter, asks of a row.

    `kind` is the SQL type that `{value}` is sent as. `finder` is how rows are found by it
    (`plan/finding.py`): a query or, for an operator, a condition that an index knows, which all
    rows fulfil that fit.
    """

    sql: str
    kind: str = "text"
    finder: str = ""


class Operand(msgspec.Struct, frozen=True):
    """A member of a filter whose value is an object of operators, as `{eq: ..., in: ...}`.

    The operators' conditions have it as `{operand}`. `finder` is how rows are found by it.
    """

    sql: str
    finder: str = ""


class Within(msgspec.Struct, frozen=True):
    """A member of a filter that is a filter on other rows: at least one of them fits.

    `{row}` is one of those, `{parent}` the row that is asked for.
    """

    source: Source
    where: str


class Related(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that belong to an object.

    `narrow` are the conditions of arguments; `cost` is how many rows are charged, the usual
    number; with `exactly_one` one of the arguments must be given. `map` is what the rows are looked
    up in, as `{map}`.
    """

    source: Source
    where: str = ""
    order_by: str = ""
    narrow: Mapping[str, Condition] = {}
    exactly_one: bool = False
    cost: int = 1
    map: OrderMap | None = None


class One(Related, frozen=True, kw_only=True):
    """At most one row: the first in `order_by`."""


class Many(Related, frozen=True, kw_only=True):
    """All rows, as a list in `order_by`, which must name a column of `{row}`.

    With `shared` a row may be in the lists of many others, as a line that many require.
    """

    shared: bool = False


class Sort(msgspec.Struct, frozen=True):
    """An order of pages: SQL type of each key by its expression; the last makes it unique."""

    keys: Mapping[str, str]
    descending: bool = False


class Tally(msgspec.Struct, frozen=True):
    """How many rows there are, told beforehand: the `total` over the rows of `table` that fit.

    It is told for filters that have no other members than the `known`.
    """

    table: str
    total: str
    known: frozenset[str]


class Paged(Related, frozen=True, kw_only=True):
    """Pages of rows, as connections.

    `sorts` are the orders by the values of the argument `orderBy`; the first is the default. Their
    names are in the cursors: no two lists share one unless they have the same rows. Without a
    `tally` the rows are counted to tell how many there are.
    """

    sorts: Mapping[str, Sort]
    most: int
    default: int = 20
    tally: Tally | None = None

    def tally_of(self, members: Collection[str]) -> Tally | None:
        """Return what tells how many rows fit a filter that has these members, if anything does."""
        return self.tally if self.tally and self.tally.known.issuperset(members) else None


class NodeSource(One, frozen=True, kw_only=True):
    """How nodes of a type are found by their ids: `prefix:key`, key of an SQL type."""

    prefix: str
    kind: str


class Part(Enum):
    """The fields of a connection, of an edge and of what a page says of itself."""

    EDGES = "edges"
    NODES = "nodes"
    PAGE_INFO = "pageInfo"
    TOTAL_COUNT = "totalCount"
    CURSOR = "cursor"
    NODE = "node"
    HAS_NEXT = "hasNextPage"
    HAS_PREVIOUS = "hasPreviousPage"
    START = "startCursor"
    END = "endCursor"


class AnyNode(msgspec.Struct, frozen=True):
    """The object with an id that is unique over all types."""


Reading = Leaf | Embedded | One | Many | Paged | Part | AnyNode
Asking = Condition | Operand | Within


def reading_of(field: GraphQLField) -> Reading:
    """Look up how a field of the schema is read."""
    return field.extensions["strawberry-definition"].metadata[KEY]


def asking_of(field: GraphQLInputField) -> Asking | None:
    """Look up what a member of a filter asks; None for those that join filters."""
    return field.extensions["strawberry-definition"].metadata[KEY]


def declare(
    description: str, reading: Reading, *arguments: StrawberryArgument, name: str | None = None
) -> Any:
    """Declare a field: what it means, how it is read, its arguments."""
    field = strawberry.field(description=description, metadata={KEY: reading}, name=name)
    cast("StrawberryField", field).arguments = list(arguments)
    return field


def argument(
    name: str, kind: object, description: str, default: object = strawberry.UNSET
) -> StrawberryArgument:
    """Declare an argument of a field."""
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(kind),
        description=description,
        default=default,
    )


def column(name: str, description: str) -> Any:
    """Declare a field that is a column of the type's row."""
    return declare(description, Leaf(f"{{row}}.{name}"))


def identity(prefix: str = "", *, key: str = IDENTITY.format("{row}.id")) -> Any:
    """Declare the id of a node. All but orders have a prefix, so that no two types share an id."""
    sql = f"'{prefix}:' || {key}" if prefix else key
    return declare("Identity, unique over all types of nodes.", Leaf(sql))


def member(name: str, description: str) -> Any:
    """Declare a field that is a text or number of the JSON object that the type is kept as."""
    return declare(description, Leaf(f"({{row}}->>'{name}')"))


def elements(array: str, *, cost: int = 1, within: OrderMap | None = None) -> Many:
    """Read the elements of a JSON array, each an object; they are charged as `cost` rows.

    `within` is the map that the array is looked up in.
    """
    table = (
        f"(SELECT value, position FROM jsonb_array_elements({array})"
        " WITH ORDINALITY AS each (value, position))"
    )
    return Many(source=Source(table, json=True), order_by="{row}.position", cost=cost, map=within)


def extras(*known: str) -> Any:
    """Declare the attributes that a client sent and that we do not know.

    With `known` names the type is kept as a JSON object, and they are its other members.
    """
    names = ", ".join(f"'{name}'" for name in known)
    others = f"nullif({{row}} - ARRAY[{names}], '{{}}'::jsonb)" if known else "{row}.extras"
    return declare("Attributes that the client sent and that we do not know.", Leaf(others))


def ask(description: str, asking: Asking | None, *, name: str | None = None) -> Any:
    """Declare a member of a filter; without a condition it joins filters of its own type."""
    return strawberry.field(
        description=description, metadata={KEY: asking}, name=name, default=strawberry.UNSET
    )
