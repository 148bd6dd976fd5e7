"""The types of a schema, asked plainly: graphql-core's own annotations leave much unknown."""

from typing import Any, cast

import graphql
from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    ValueNode,
)
from graphql.execution.values import VariableValueSource

__all__ = ["Kind", "coerced", "inside", "is_list", "is_required", "named", "nullable", "type_of"]

#: A type of the schema: a named one, a list, or one that cannot be null.
Kind = object

_core = cast("Any", graphql)


def type_of(
    place: GraphQLField | GraphQLInputField | GraphQLArgument | VariableValueSource,
) -> Kind:
    """Return the type of a field, an argument or a variable."""
    if isinstance(place, VariableValueSource):
        return cast("Any", place).signature.type
    return cast("Any", place).type


def is_required(kind: Kind) -> bool:
    """Tell whether a type cannot be null."""
    return isinstance(kind, GraphQLNonNull)


def is_list(kind: Kind) -> bool:
    """Tell whether a type is a list that may be null."""
    return isinstance(kind, GraphQLList)


def inside(kind: Kind) -> Kind:
    """Return the type of a list's elements, or what a required type is otherwise."""
    return cast("Any", kind).of_type


def nullable(kind: Kind) -> Kind:
    """Return a type without its being required."""
    return inside(kind) if is_required(kind) else kind


def named(kind: Kind) -> GraphQLNamedType:
    """Return the innermost type."""
    return _core.get_named_type(kind)


def coerced(node: ValueNode, kind: Kind) -> Any:
    """Read a constant of a valid document."""
    return _core.coerce_input_literal(node, kind)
