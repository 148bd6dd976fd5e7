"""How SQL values are written as JSON, by the GraphQL type of the field."""

from collections.abc import Callable

from graphql import GraphQLEnumType

from ordering_graphql.plan.kinds import Kind, is_list, is_required, named, nullable
from ordering_graphql.plan.pieces import Pieces, concat, constant, join, sql

__all__ = ["show"]

#: As `ordering.domain.timestamps.show_timestamp` shows a moment. The driver sends the first
#: moment of all, that of year 1, as -infinity.
_MOMENT = (
    "to_char(greatest({0}, '0001-01-01 00:00:00+00') AT TIME ZONE 'UTC',"
    """ 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
)


def show(expression: str, kind: Kind) -> Pieces:
    """Write an SQL value as JSON."""
    pieces = _writer(nullable(kind))(expression)
    if is_required(kind):
        return pieces
    if len(pieces) == 1:
        return sql(f"coalesce({pieces[0].text}, 'null')")
    # `concat` passes over nulls, so whether there is a value is asked for before.
    return sql(f"CASE WHEN {expression} IS NULL THEN 'null' ELSE {concat(pieces)} END")


def _writer(kind: Kind) -> Callable[[str], Pieces]:
    if is_list(kind):
        return _bare  # lists of scalars are kept as JSON
    scalar = named(kind)
    return _quoted if isinstance(scalar, GraphQLEnumType) else _WRITERS[scalar.name]


def _text(expression: str) -> Pieces:
    return sql(f"to_json({expression})::text")


def _bare(expression: str) -> Pieces:
    return sql(f"({expression})::text")


def _quoted(expression: str) -> Pieces:
    """Write what holds no character that JSON escapes: ids, names of enums, numbers, moments."""
    return join((constant('"'), sql(expression), constant('"')))


def _moment(expression: str) -> Pieces:
    return _quoted(_MOMENT.format(expression))


_WRITERS = {
    "ID": _quoted,
    "String": _text,
    "Int": _bare,
    "Boolean": _bare,
    "Decimal": _quoted,
    "DateTime": _moment,
    "JSON": _bare,
}
