"""What rows of orders look like as JSON: described as data, and written as SQL that makes it.

A face describes an order as it shows it once, and has PostgreSQL make that of the rows; from the
same description it shows orders that are in memory (docs/decisions/0021-json-from-sql.md). Columns
and the aggregate's attributes have the same names. What is null is left out.
"""

from enum import Enum, Flag, auto
from typing import NamedTuple

import msgspec
from piccolo.columns import Column
from piccolo.table import Table

from ordering.db.json_text import (
    FIRST_MOMENT,
    IDENTITY,
    MOMENT,
    TEXT,
    Pieces,
    concat,
    constant,
    join,
    quote,
    sql,
    strict,
)
from ordering.db.meta import column_name, described_by, table_name
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    WorkNote,
)

__all__ = ["Branch", "Constant", "Embedded", "Form", "Member", "Rows", "Shape", "write"]


class Branch(Flag):
    """The parts of an order that are read beside its header."""

    NONE = 0
    LINE_ITEMS = auto()
    CHARACTERISTICS = auto()
    CONTACTS = auto()
    RELATED_ITEMS = auto()
    WORK_NOTES = auto()
    ALL = LINE_ITEMS | CHARACTERISTICS | CONTACTS | RELATED_ITEMS | WORK_NOTES


class Form(Enum):
    """How the value of a column stands in JSON."""

    TEXT = auto()
    #: A number, or a flag, as JSON has it.
    BARE = auto()
    #: A whole number as a string.
    COUNT = auto()
    #: A flag as a string.
    FLAG = auto()
    IDENTITY = auto()
    MOMENT = auto()
    #: JSON as it is stored.
    JSON = auto()
    #: As the aggregate has them: JSON as text within JSON, a moment to its last digit.
    KEPT_JSON = auto()
    KEPT_MOMENT = auto()


#: What writes each form as text, null where the column is, and whether that is put in quotes.
_FORMS = {
    Form.TEXT: (TEXT, False),
    Form.BARE: ("{0}::text", False),
    Form.COUNT: ("{0}::text", True),
    Form.FLAG: ("{0}::text", True),
    Form.IDENTITY: (IDENTITY, True),
    Form.MOMENT: (f"CASE WHEN {{0}} IS NOT NULL THEN {MOMENT} END", True),
    Form.JSON: ("{0}::text", False),
    Form.KEPT_JSON: (TEXT.format("{0}::text"), False),
    Form.KEPT_MOMENT: (
        f"to_json(CASE WHEN {{0}} = '-infinity' THEN {FIRST_MOMENT} ELSE {{0}} END)::text",
        False,
    ),
}


class Member(msgspec.Struct, frozen=True):
    """A column, shown under a name.

    `before` is put in front of its text. `otherwise` is the column with the id that stands in for
    a text which is not there, or empty.
    """

    name: str
    column: str
    form: Form = Form.TEXT
    before: str = ""
    otherwise: str | None = None


class Constant(msgspec.Struct, frozen=True):
    """A text that is always the same, but for a kept attribute of its name."""

    name: str
    text: str


class Embedded(msgspec.Struct, frozen=True):
    """An object that is made of the same row."""

    name: str
    shape: "Shape"


class Rows(msgspec.Struct, frozen=True):
    """A list made of the rows below: objects, or the values of a column.

    It is left out where it is empty and `shown_empty` does not say otherwise. Rows whose columns
    `unless_same` are the same JSON are not in it.
    """

    name: str
    column: str
    of: "Shape | Member"
    shown_empty: bool = False
    unless_same: tuple[str, str] | None = None

    @property
    def branch(self) -> Branch:
        """The branch that the rows are."""
        return _BELOW[self.column].branch


class Shape(msgspec.Struct, frozen=True, eq=False):
    """An object: its members in order, and after them those of the JSON object in `extras`.

    `extras` is the name of a column that holds attributes without a column of their own.
    """

    members: tuple[Member | Constant | Embedded | Rows, ...]
    extras: str | None = None


class _Below(NamedTuple):
    """Rows below an order, or below a line: an alias of theirs, and how they are found."""

    branch: Branch
    table: type[Table]
    alias: str
    where: str
    order_by: str


_OF_LINE = "child.order_id = header.id AND child.line_item_id = line.id"

_BELOW = {
    "line_items": _Below(
        Branch.LINE_ITEMS, OrderLineItem, "line", "line.order_id = header.id", "line.position"
    )
} | {
    name: _Below(branch, table, "child", _OF_LINE, "child.id")
    for name, branch, table in (
        ("characteristics", Branch.CHARACTERISTICS, OrderCharacteristicValue),
        ("contacts", Branch.CONTACTS, OrderLineItemContact),
        ("related_items", Branch.RELATED_ITEMS, OrderLineRelatedItem),
        ("work_notes", Branch.WORK_NOTES, WorkNote),
    )
}


class _Row(NamedTuple):
    """A row that is shown: its alias, and which of its columns are never null."""

    alias: str
    filled: frozenset[str]


class _Written(NamedTuple):
    """A member; it is null as a whole where it is not there, unless it `always` is."""

    pieces: Pieces
    always: bool


_COMMA = constant(",")
_LIST = "(SELECT {elements} FROM {rows})"


def write(shape: Shape, branches: Branch) -> str:
    """Write the SQL that shows a row of `customer_order`, `header`, with these branches only."""
    return concat(_object(shape, _row("header", CustomerOrder), branches))


def _row(alias: str, table: type[Table]) -> _Row:
    columns: list[Column] = described_by(table).columns
    return _Row(
        alias, frozenset(column_name(each) for each in columns if not described_by(each).null)
    )


def _object(shape: Shape, row: _Row, branches: Branch) -> Pieces:
    members = [_member(member, shape, row, branches) for member in shape.members]
    written = [member for member in members if member is not None]
    if shape.extras is not None:
        written.append(_extras(shape, f"{row.alias}.{shape.extras}"))
    return join((constant("{"), _listed(written), constant("}")))


def _listed(members: list[_Written]) -> Pieces:
    """Put commas between members: after those that come before one that is always there."""
    first = next((at for at, member in enumerate(members) if member.always), None)
    if first is None:
        every = join(_following(member) for member in members)
        # All but the first comma. `substr` would count the letters to the end of the text.
        return sql(f"right({concat(every)}, -1)")
    before = [sql(strict(join((member.pieces, _COMMA)))) for member in members[:first]]
    after = [_following(member) for member in members[first + 1 :]]
    return join((*before, members[first].pieces, *after))


def _following(member: _Written) -> Pieces:
    pieces = join((_COMMA, member.pieces))
    return pieces if member.always else sql(strict(pieces))


def _member(
    member: Member | Constant | Embedded | Rows, shape: Shape, row: _Row, branches: Branch
) -> _Written | None:
    """Write a member, None if it is rows that are not asked for."""
    name = constant(f'"{member.name}":')
    match member:
        case Member():
            always = member.column in row.filled or member.otherwise is not None
            return _Written(join((name, _value(member, row))), always)
        case Constant():
            return _Written(join((name, _constant(member, shape, row))), always=True)
        case Embedded():
            return _Written(join((name, _object(member.shape, row, branches))), always=True)
        case Rows():
            if member.branch not in branches:
                return None
            rows = sql(_rows(member, branches))
            return _Written(join((name, constant("["), rows, constant("]"))), member.shown_empty)


def _value(member: Member, row: _Row) -> Pieces:
    column = f"{row.alias}.{member.column}"
    if member.otherwise is not None:
        identity = IDENTITY.format(f"{row.alias}.{member.otherwise}")
        text = TEXT.format(f"nullif({column}, '')")
        return sql(f"""coalesce({text}, '"' || {identity} || '"')""")
    template, quoted = _FORMS[member.form]
    value = sql(template.format(column))
    return join((constant(f'"{member.before}'), value, constant('"'))) if quoted else value


def _constant(member: Constant, shape: Shape, row: _Row) -> Pieces:
    usual = f'"{member.text}"'
    if shape.extras is None:
        return constant(usual)
    kept = f"({row.alias}.{shape.extras}->{quote(member.name)})::text"
    return sql(f"coalesce({kept}, {quote(usual)})")


def _extras(shape: Shape, column: str) -> _Written:
    """Write the members of the JSON object in a column, but for those in place of constants."""
    names = [quote(member.name) for member in shape.members if isinstance(member, Constant)]
    others = f"({column} - ARRAY[{', '.join(names)}])" if names else column
    # Without its braces; null, not empty, where nothing is left.
    inside = f"right(left(nullif({others}, '{{}}'::jsonb)::text, -1), -1)"
    return _Written(sql(inside), always=False)


def _rows(member: Rows, branches: Branch) -> str:
    """Write the query for the elements of a list, null where there are none."""
    below = _BELOW[member.column]
    row = _row(below.alias, below.table)
    if isinstance(member.of, Shape):
        element = concat(_object(member.of, row, branches))
    else:
        element = concat(_value(member.of, row))
    where = below.where
    if member.unless_same is not None:
        one, other = (f"{below.alias}.{column}" for column in member.unless_same)
        where += f" AND ({one} = {other}) IS NOT TRUE"
    return _LIST.format(
        elements=f"string_agg({element}, ',' ORDER BY {below.order_by})",
        rows=f"{table_name(below.table)} AS {below.alias} WHERE {where}",
    )
