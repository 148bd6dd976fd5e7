"""How SQL values are written as JSON, by the GraphQL type of the field."""

from collections.abc import Callable

from graphql import GraphQLEnumType

from ordering.db.json_text import MOMENT, TEXT, Pieces, constant, join, sql, strict
from ordering_graphql.plan.kinds import Kind, is_list, is_required, named, nullable

__all__ = ["show"]


def show(expression: str, kind: Kind) -> Pieces:
    """Write an SQL value as JSON."""
    pieces = _writer(nullable(kind))(expression)
    if is_required(kind):
        return pieces
    if len(pieces) == 1:
        return sql(f"coalesce({pieces[0].text}, 'null')", filled=True)
    # What writes a moment makes one of a null, too, so whether there is a value is asked before.
    written = f"CASE WHEN {expression} IS NOT NULL THEN {strict(pieces)} END"
    return sql(f"coalesce({written}, 'null')", filled=True)


def _writer(kind: Kind) -> Callable[[str], Pieces]:
    if is_list(kind):
        return _bare  # lists of scalars are kept as JSON
    scalar = named(kind)
    return _quoted if isinstance(scalar, GraphQLEnumType) else _WRITERS[scalar.name]


def _text(expression: str) -> Pieces:
    return sql(TEXT.format(expression))


def _bare(expression: str) -> Pieces:
    return sql(f"({expression})::text")


def _quoted(expression: str) -> Pieces:
    """Write what holds no character that JSON escapes: ids, names of enums, numbers."""
    return _in_quotes(f"({expression})::text")


def _moment(expression: str) -> Pieces:
    return _in_quotes(MOMENT.format(expression))


def _in_quotes(text: str) -> Pieces:
    return join((constant('"'), sql(text), constant('"')))


_WRITERS = {
    "ID": _quoted,
    "String": _text,
    "Int": _bare,
    "Boolean": _bare,
    "Decimal": _quoted,
    "DateTime": _moment,
    "JSON": _bare,
}
