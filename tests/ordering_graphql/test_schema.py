"""The schema: the file that is kept of it, and what is said of everything in it."""

import pytest
from click.testing import CliRunner
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    is_specified_scalar_type,
)

from ordering.domain.states import InboundState, InboundStatus, OrderState
from ordering_app.cli import ordering
from ordering_graphql.reading import reading_of
from ordering_graphql.schema import NODE_SOURCES, make_schema
from support.sources import ROOT

SCHEMA = make_schema()
OURS = [kind for name, kind in SCHEMA.type_map.items() if not name.startswith("__")]
FIELDS = [
    pytest.param(kind, name, id=f"{kind.name}.{name}")
    for kind in OURS
    if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType)
    for name in kind.fields
]


def test_the_file_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(ordering, ["graphql", "schema"])
    assert printed.exit_code == 0, printed.output
    assert printed.output == (ROOT / "graphql/schema.graphql").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", OURS, ids=str)
def test_every_type_is_described(kind: GraphQLNamedType) -> None:
    assert kind.description


@pytest.mark.parametrize(("kind", "name"), FIELDS)
def test_every_field_is_described(
    kind: GraphQLObjectType | GraphQLInputObjectType, name: str
) -> None:
    field = kind.fields[name]
    assert field.description
    for argument in getattr(field, "args", {}).values():
        assert argument.description


@pytest.mark.parametrize("kind", [k for k in OURS if isinstance(k, GraphQLObjectType)], ids=str)
def test_every_field_says_how_it_is_read(kind: GraphQLObjectType) -> None:
    for field in kind.fields.values():
        assert reading_of(field) is not None


@pytest.mark.parametrize("states", [OrderState, InboundState, InboundStatus])
def test_states_have_the_names_that_rest_shows(
    states: type[OrderState | InboundState | InboundStatus],
) -> None:
    kind = SCHEMA.type_map[states.__name__]
    assert isinstance(kind, GraphQLEnumType)
    assert list(kind.values) == [str(state) for state in states]


def test_every_node_can_be_found_by_its_id() -> None:
    interface = SCHEMA.type_map["Node"]
    assert isinstance(interface, GraphQLInterfaceType)
    assert {kind.name for kind in SCHEMA.get_possible_types(interface)} == set(NODE_SOURCES)


def test_there_are_as_few_scalars_as_can_be() -> None:
    own = {
        kind.name
        for kind in OURS
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    }
    assert own == {"DateTime", "Decimal", "JSON"}


def test_scalars_say_what_they_are_in_our_words() -> None:
    scalars = {
        kind.name: (kind.description, kind.specified_by_url)
        for kind in make_schema().type_map.values()
        if isinstance(kind, GraphQLScalarType) and not is_specified_scalar_type(kind)
    }
    assert scalars == {
        "DateTime": (
            "A moment in UTC with milliseconds, as in `2021-05-02T08:13:59.506Z`.",
            "https://www.rfc-editor.org/rfc/rfc3339",
        ),
        "Decimal": ('An exact decimal number, as a string: `"20.50"`.', None),
        "JSON": (
            "Any JSON value, as the client sent it; numbers keep all their digits.",
            "https://www.rfc-editor.org/rfc/rfc8259",
        ),
    }
