"""What arguments are given: their shape is known when a plan is made, their values when it runs.

A plan serves all requests whose variables have the same shape: which members are there, flags,
enums and numbers, which are sizes of pages: PostgreSQL's planner must know how many rows are
wanted, so a size is part of the statement. Everything else is a `Value`, read from the variables of
the request.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, NamedTuple, cast

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInt,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    Undefined,
    ValueNode,
    VariableNode,
    value_from_ast_untyped,
)

from ordering.domain.timestamps import Timestamp, show_timestamp
from ordering_graphql.plan.kinds import (
    Kind,
    coerced,
    inside,
    is_list,
    is_required,
    named,
    nullable,
    type_of,
)

__all__ = ["Given", "Value", "Variables", "read_arguments", "shape_of"]

Variables = Mapping[str, Any]


class Value(NamedTuple):
    """A scalar, enum or list of them. `sample` is its value in the request that made the plan."""

    read: Callable[[Variables], Any]
    sample: Any


#: A value, an object of them, or a list of objects. What is null is left out.
Given = Value | dict[str, Any] | list[Any]


#: Sizes above are wrong everywhere: one shape is enough for them, as for those below 1.
_LARGEST_SIZE = 10_000


def shape_of(value: Any, kind: Kind) -> object:
    """Tell apart what plans tell apart: members, flags, enums and sizes, but not other values."""
    kind = nullable(kind)
    if value is None:
        return None
    if isinstance(kind, GraphQLInputObjectType):
        members = cast("dict[str, Any]", value)
        return tuple((n, shape_of(each, type_of(kind.fields[n]))) for n, each in members.items())
    if is_list(kind):
        elements = cast("list[Any]", value)
        nested = isinstance(named(kind), GraphQLInputObjectType)
        return tuple(shape_of(each, inside(kind)) for each in elements) if nested else "list"
    if kind is GraphQLInt:
        return min(max(value, 0), _LARGEST_SIZE)
    return value if isinstance(kind, GraphQLEnumType) or kind is GraphQLBoolean else "value"


def read_arguments(field: GraphQLField, node: FieldNode, variables: Variables) -> dict[str, Given]:
    """Read the arguments of a field; those that are null or left out are not in it.

    Raises `GraphQLError` for a variable that is null where nothing may be: a document is valid if
    such a variable has a default, since nobody knows before that null will be sent.
    """
    nodes = {each.name.value: each.value for each in node.arguments or ()}
    given: dict[str, Given] = {}
    for name, argument in field.args.items():
        value = _argument(argument, nodes.get(name), variables)
        if value is not None:
            given[name] = value
    return given


def _argument(
    argument: GraphQLArgument, node: ValueNode | None, variables: Variables
) -> Given | None:
    left_out = isinstance(node, VariableNode) and node.name.value not in variables
    if node is not None and not left_out:
        return _given(node, type_of(argument), variables)
    default = argument.default_value
    return None if default is Undefined or default is None else _fixed(default)


def _given(node: ValueNode, kind: Kind, variables: Variables) -> Given | None:
    """Read a value of the document."""
    if (
        isinstance(node, VariableNode)
        and is_required(kind)
        and variables.get(node.name.value) is None
    ):
        raise GraphQLError(f"Variable '${node.name.value}' must not be null here", node)
    kind = nullable(kind)
    if isinstance(node, NullValueNode):
        return None
    if isinstance(node, VariableNode):
        name = node.name.value
        return _variable(variables.get(name), kind, lambda sent: sent[name])
    if isinstance(kind, GraphQLInputObjectType) and isinstance(node, ObjectValueNode):
        members = {
            field.name.value: _given(field.value, type_of(kind.fields[field.name.value]), variables)
            for field in node.fields
        }
        return {name: member for name, member in members.items() if member is not None}
    if is_list(kind):
        inner = inside(kind)
        nodes = node.values if isinstance(node, ListValueNode) else (node,)
        return _listed([_given(each, inner, variables) for each in nodes])
    if isinstance(node, ObjectValueNode | ListValueNode):
        return _json(node)
    return _fixed(coerced(node, kind))


def _json(node: ValueNode) -> Value:
    """Read a JSON value, which may have variables in it."""

    def read(variables: Variables) -> Any:
        return _present(value_from_ast_untyped(node, dict(variables)))

    return Value(read, None)


def _present(value: Any) -> Any:
    """Write what variables were sent as, and leave out members whose variables were not.

    As elements they are null.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return show_timestamp(Timestamp.of(value))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return {name: _present(each) for name, each in members if each is not Undefined}
    if isinstance(value, list):
        elements = cast("list[Any]", value)
        return [None if each is Undefined else _present(each) for each in elements]
    return value


def _variable(value: Any, kind: Kind, read: Callable[[Variables], Any]) -> Given | None:
    """Read a variable, or a member of one."""
    kind = nullable(kind)
    if value is None:
        return None
    if isinstance(kind, GraphQLInputObjectType):
        members = {
            name: _variable(member, type_of(kind.fields[name]), _member(read, name))
            for name, member in value.items()
        }
        return {name: member for name, member in members.items() if member is not None}
    if is_list(kind) and any(isinstance(each, dict) for each in value):
        inner = inside(kind)
        return _listed([_variable(each, inner, _member(read, at)) for at, each in enumerate(value)])
    return Value(read, value)


def _member(read: Callable[[Variables], Any], key: str | int) -> Callable[[Variables], Any]:
    def read_member(variables: Variables) -> Any:
        return read(variables)[key]

    return read_member


def _listed(elements: list[Given | None]) -> Given:
    """Make one value of a list of values; lists of objects stay lists."""
    present = [each for each in elements if each is not None]
    values = [each for each in present if isinstance(each, Value)]
    if len(values) < len(present):
        return present

    def read(variables: Variables) -> list[Any]:
        return [each.read(variables) for each in values]

    return Value(read, [each.sample for each in values])


def _fixed(value: Any) -> Value:
    def read(_: Variables) -> Any:
        return value

    return Value(read, value)
