"""JSON text made by PostgreSQL: constant text and SQL expressions, by `concat` or by operators.

Text is made, not values of type json: nothing is parsed, checked or copied between the levels of
an answer (docs/decisions/0020-one-statement-per-document.md and 0021-json-from-sql.md have the
figures).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import NamedTuple

__all__ = [
    "FIRST_MOMENT",
    "IDENTITY",
    "MOMENT",
    "TEXT",
    "Pieces",
    "aggregated",
    "chain",
    "concat",
    "constant",
    "join",
    "json_array",
    "json_rows",
    "quote",
    "sql",
    "strict",
    "text_of",
]

#: Text, `{0}`, as a JSON string; the function is the schema's.
TEXT = "json_string({0})::text"

#: An id, `{0}`, as `ordering.domain.ids.show_id` shows it.
IDENTITY = "encode(uuid_send({0}), 'hex')"

#: The driver sends the first moment of all, that of year 1, as -infinity.
FIRST_MOMENT = "'0001-01-01 00:00:00+00'"

#: A moment, `{0}`, as `ordering.domain.timestamps.show_timestamp` shows it; it must not be null.
MOMENT = (
    f"to_char(greatest({{0}}, {FIRST_MOMENT}) AT TIME ZONE 'UTC',"
    """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
)


_QUERY = "(SELECT {text} FROM {rows})"

#: PostgreSQL's limit for arguments of a function is 100.
_MOST_ARGUMENTS = 90


class _Piece(NamedTuple):
    """Constant text, or an SQL expression of type text; `filled` ones are never null."""

    is_sql: bool
    text: str
    filled: bool


Pieces = tuple[_Piece, ...]


def constant(text: str) -> Pieces:
    """Make text that is always the same."""
    return (_Piece(is_sql=False, text=text, filled=True),)


def sql(expression: str, *, filled: bool = False) -> Pieces:
    """Make the text of an SQL expression, of type text.

    What is null is passed over by `chain` and `concat`; of what is `filled`, never null, `chain`
    does not ask.
    """
    return (_Piece(is_sql=True, text=expression, filled=filled),)


def join(parts: Iterable[Pieces]) -> Pieces:
    """Put pieces one after another, constants that meet into one."""
    joined: list[_Piece] = []
    for is_sql, group in groupby((piece for part in parts for piece in part), lambda p: p.is_sql):
        if is_sql:
            joined.extend(group)
        else:
            joined.extend(constant("".join(piece.text for piece in group)))
    return tuple(joined)


def text_of(pieces: Pieces) -> str | None:
    """Return the text if it is always the same."""
    if any(piece.is_sql for piece in pieces):
        return None
    return "".join(piece.text for piece in pieces)


def concat(pieces: Pieces) -> str:
    """Write pieces as one SQL expression of type text, without those that are null.

    A call, which is quick to plan and to begin with.
    """
    return _concat([_expression(piece) for piece in pieces])


def chain(pieces: Pieces) -> str:
    """Write pieces as `concat` does, by operators, which takes less for each row."""
    return _joined([_passable(piece) for piece in pieces])


def strict(pieces: Pieces) -> str:
    """Write pieces as one SQL expression of type text, null where one of them is."""
    return _joined([_expression(piece) for piece in pieces])


def aggregated(pieces: Pieces, rows: str) -> Pieces:
    """Write pieces whose SQL is made of aggregates; `rows` stands behind FROM.

    Constants around them stay outside of the query: each level that a long text is put together
    on is another copy of it.
    """
    places = [at for at, piece in enumerate(pieces) if piece.is_sql]
    first, behind = places[0], places[-1] + 1
    within = pieces[first:behind]
    alone = len(within) == 1
    text = within[0].text if alone else chain(within)
    query = sql(_QUERY.format(text=text, rows=rows), filled=within[0].filled if alone else True)
    return join((pieces[:first], query, pieces[behind:]))


def _passable(piece: _Piece) -> str:
    text = _expression(piece)
    return text if piece.filled else f"coalesce({text}, '')"


def _expression(piece: _Piece) -> str:
    return piece.text if piece.is_sql else quote(piece.text)


def _concat(arguments: Sequence[str]) -> str:
    if len(arguments) <= _MOST_ARGUMENTS:
        return f"concat({', '.join(arguments)})"
    chunks = range(0, len(arguments), _MOST_ARGUMENTS)
    return _concat([_concat(arguments[at : at + _MOST_ARGUMENTS]) for at in chunks])


def _joined(parts: Sequence[str]) -> str:
    """Join expressions by halves: each is copied as often as the halves are halved."""
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    return f"({_joined(parts[:middle])} || {_joined(parts[middle:])})"


def json_array(of: Pieces, order_by: str, *, only: str | None = None) -> Pieces:
    """Write rows as a JSON array; `of` is a row's JSON, `only` a condition on the rows.

    `order_by` must name a column of the innermost query: PostgreSQL takes an aggregate that names
    none for one of the query around it.
    """
    filtered = f" FILTER (WHERE {only})" if only else ""
    rows = f"string_agg({chain(of)}, ',' ORDER BY {order_by}){filtered}"
    return join((constant("["), sql(rows), constant("]")))


def json_rows(of: Pieces, order_by: str, rows: str) -> Pieces:
    """Write a query for a JSON array of all rows; `rows` stands behind FROM."""
    return aggregated(json_array(of, order_by), rows)


def quote(text: str) -> str:
    """Write a constant of ours, or a name that a grammar bounds, as an SQL string."""
    return "'" + text.replace("'", "''") + "'"
