"""The schemas of the contract and the code that reads and shows orders say the same."""

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

from ordering.domain import draft, messages, values
from ordering.domain.decode import decode_order
from ordering.domain.draft import MAX_ITEM_ID
from ordering.domain.messages import REASONS
from ordering.domain.references import Catalog, References
from ordering.domain.rules import Policy, check
from ordering.domain.rules.header import PARTY_KINDS
from ordering.domain.rules.items import ACTIONS, INVENTORY_ACTIONS, PRODUCT_ACTIONS
from ordering.domain.rules.relationships import TYPES
from ordering.domain.states import OrderState
from ordering.orders.shapes import Shape
from ordering.settings import Settings
from ordering_rest import paging
from ordering_rest.operations import problem
from ordering_rest.parity import errors, shape
from support.contract import ABSENT, encoded_names, load_contract, step

CONTRACT = load_contract()

#: What a client sends: schema, Struct, and where such an object stands in the example that has
#: one of every kind.
SENT: list[tuple[str, type[msgspec.Struct], str]] = [
    ("ProductOrderCreate", draft.OrderDraft, ""),
    ("Channel", values.Channel, "/channel/0"),
    ("NoteCreate", values.Note, "/note/0"),
    ("PartyRef", values.PartyRef, "/relatedParty/0"),
    ("ProductOrderItemCreate", draft.LineItemDraft, "/productOrderItem/0"),
    ("OfferingRef", values.OfferingRef, "/productOrderItem/0/productOffering"),
    (
        "ItemRelationship",
        values.ItemRelationship,
        "/productOrderItem/0/productOrderItemRelationship/0",
    ),
    (
        "ExternalInventory",
        values.ExternalInventory,
        "/productOrderItem/0/externalProductInventory/0",
    ),
    ("ItemPriceCreate", values.ItemPrice, "/productOrderItem/0/itemPrice/0"),
    ("PriceCreate", values.Price, "/productOrderItem/0/itemPrice/0/price"),
    ("AmountCreate", values.Amount, "/productOrderItem/0/itemPrice/0/price/dutyFreeAmount"),
    ("ProductCreate", draft.ProductDraft, "/productOrderItem/0/product"),
    (
        "Characteristic",
        values.Characteristic,
        "/productOrderItem/0/product/productCharacteristic/0",
    ),
    (
        "SpecificationRef",
        values.SpecificationRef,
        "/productOrderItem/0/product/productSpecification",
    ),
    ("Place", values.Place, "/productOrderItem/0/product/place"),
    ("ContactCreate", values.Contact, "/productOrderItem/0/product/relatedParty/0"),
    (
        "ProductRelationship",
        values.ProductRelationship,
        "/productOrderItem/0/product/productRelationship/0",
    ),
]

#: What is answered of an order: schema, shape, and members that come back among the unknown
#: attributes.
SHAPES: list[tuple[str, Shape, set[str]]] = [
    ("ProductOrder", shape.ORDER, set()),
    ("ProductOrderItem", vars(shape)["_ITEM"], set()),
    ("Product", vars(shape)["_PRODUCT"], set()),
    ("Characteristic", vars(shape)["_CHARACTERISTIC"], set()),
    ("Contact", vars(shape)["_CONTACT"], {"type"}),
    ("ProductRelationship", vars(shape)["_RELATIONSHIP"], set()),
]

#: What else is answered: schema and Struct.
SHOWN: list[tuple[str, type[msgspec.Struct]]] = [
    ("Amount", values.Amount),
    ("Price", values.Price),
    ("ItemPrice", values.ItemPrice),
    ("Note", values.Note),
    ("Error", errors.ErrorBody),
    ("ErrorDetail", errors.Detail),
    ("ConflictDetails", vars(problem)["_Problem"]),
]

#: Members of any kind, right for one member and wrong for the next.
SAMPLES: list[object] = [
    ABSENT, None, True, False, 0, 5, -5, 1.5, 10**18 - 1, 10**18, -(10**18), 1e301,
    "", "x", "x" * 40, "x" * 41, "x" * 255, "x" * 256, "a\0b", "5", "-5", "1.5",
    "1.000000000001", "1.0000000000001", "123456789012345678", "1234567890123456789",
    "2021-05-02T08:13:59.506Z", "2021-05-02T08:13:59+02:00", "2021-05-02T08:13:59",
    "2021-05-02", "2021-02-30T08:13:59Z", "2021-05-02T08:13:60Z", "0000-05-02T08:13:59Z",
    "2021-05-02T08:13:59.1234567891Z",
    "add", "change", "no-change", "HasChild", "Requires", "Customer", "Consumer",
    "CustomerContact", "OrderLineItemContact",
    [], [None], ["x"], [{}], {}, {"a": 1}, {"a": ["b\0"]}, {"a\0": 1},
]  # fmt: skip

#: Rules that need more than one member, or the catalog: no schema can say them.
BEYOND_SCHEMAS = {
    messages.CURRENCY_ALIAS_DIFFERS.text,
    messages.CURRENCY_DIFFERS.text,
    messages.DUE_DATE_BEFORE_LINE.text,
    messages.RELATIONSHIP_TARGET_UNKNOWN.text,
}

FOUND = References(catalog=Catalog(currencies={"USD": True, "": True}))
POLICY = Policy(check_references=False)


@pytest.mark.parametrize(("schema", "struct", "_at"), SENT, ids=[each[0] for each in SENT])
def test_request_schema_has_the_members_that_the_decoder_knows(
    schema: str, struct: type[msgspec.Struct], _at: str
) -> None:
    assert set(CONTRACT.properties(schema)) == encoded_names(struct)


def test_every_value_struct_has_a_request_schema() -> None:
    structs = {
        each
        for module in (values, draft)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, values.Value) and each is not values.Value
    }
    assert {struct for _, struct, _ in SENT} == structs


@pytest.mark.parametrize(("schema", "shown", "kept"), SHAPES, ids=[each[0] for each in SHAPES])
def test_response_schema_of_an_order_has_the_members_of_its_shape(
    schema: str, shown: Shape, kept: set[str]
) -> None:
    assert set(CONTRACT.properties(schema)) == {each.name for each in shown.members} | kept


@pytest.mark.parametrize(("schema", "struct"), SHOWN, ids=[each[0] for each in SHOWN])
def test_response_schema_has_the_members_that_are_shown(
    schema: str, struct: type[msgspec.Struct]
) -> None:
    assert set(CONTRACT.properties(schema)) == encoded_names(struct)


def test_only_a_conflict_tells_the_allowed_actions() -> None:
    conflict, details = (
        CONTRACT.properties("ConflictDetails"),
        CONTRACT.properties("ProblemDetails"),
    )
    assert conflict.keys() - details.keys() == {"allowedActions"}
    assert details.keys() < conflict.keys()


@pytest.mark.parametrize(
    ("response", "request_schema"),
    [
        ("ProductOrder", "ProductOrderCreate"),
        ("ProductOrder", "ProductOrderRevise"),
        ("Product", "ProductCreate"),
        ("Contact", "ContactCreate"),
        ("ItemPrice", "ItemPriceCreate"),
        ("Price", "PriceCreate"),
        ("Amount", "AmountCreate"),
        ("Note", "NoteCreate"),
    ],
)
def test_no_unknown_attribute_can_have_the_name_of_a_member_that_is_shown(
    response: str, request_schema: str
) -> None:
    assert set(CONTRACT.properties(response)) == set(CONTRACT.properties(request_schema))


@pytest.mark.parametrize("request_schema", ["ProductOrderItemCreate", "ProductOrderItemRevise"])
def test_no_unknown_attribute_can_have_the_name_of_a_member_of_a_line_that_is_shown(
    request_schema: str,
) -> None:
    sent = set(CONTRACT.properties(request_schema))
    assert sent - set(CONTRACT.properties("ProductOrderItem")) == {"revisionOperation"}
    assert set(CONTRACT.properties("ProductOrderItem")) < sent


@pytest.mark.parametrize(("schema", "struct", "at"), SENT, ids=[each[0] for each in SENT])
def test_contract_and_code_accept_the_same_members(
    schema: str, struct: type[msgspec.Struct], at: str
) -> None:
    """Every member in turn, with every sample: both accept the order, or both refuse it."""
    disagreements = [
        (name, sample, "contract" if agreed else "code")
        for name in encoded_names(struct) | {"unknown"}
        for sample, payload in _variants(at, name)
        if (agreed := CONTRACT.accepts("ProductOrderCreate", payload)) != _code_accepts(payload)
    ]
    assert disagreements == [], schema


def _variants(at: str, name: str) -> Iterator[tuple[object, object]]:
    """The example with one member changed to each sample."""
    payload = copy.deepcopy(_every_kind())
    del payload["productOrderItem"][1:]  # fewer lines are checked faster
    target: Any = payload
    for part in at.split("/")[1:]:
        target = step(target, part)
    for sample in SAMPLES:
        target.pop(name, None)
        if sample is not ABSENT:
            target[name] = sample
        yield sample, payload


def test_contract_and_code_agree_on_what_an_action_needs() -> None:
    refused: set[tuple[str, str]] = set()
    for action in sorted(ACTIONS):
        for product in (ABSENT, None, {}, {"id": None}, {"id": ""}, {"id": "an inventory"}):
            order = copy.deepcopy(_every_kind())
            item = order["productOrderItem"][0] | {"action": action, "product": product}
            order["productOrderItem"][0] = {k: v for k, v in item.items() if v is not ABSENT}
            accepted = _code_accepts(order)
            assert CONTRACT.accepts("ProductOrderCreate", order) == accepted, (action, product)
            refused |= set() if accepted else {(action, str(product))}
    # An inventory's id is missing in five ways; of these, two lack the product altogether.
    assert {action for action, _ in refused} == PRODUCT_ACTIONS
    others = PRODUCT_ACTIONS - INVENTORY_ACTIONS
    assert len(refused) == 5 * len(INVENTORY_ACTIONS) + 2 * len(others)


def test_contract_and_code_agree_on_the_kinds_of_parties() -> None:
    kinds = (ABSENT, None, "", "Customer", "Consumer", "CustomerContact", "Friend")
    for referred, alias in itertools.product(kinds, kinds):
        party = {"id": "a party", "@referredType": referred, "type": alias}
        order = _every_kind() | {
            "relatedParty": [{k: v for k, v in party.items() if v is not ABSENT}]
        }
        accepted = _code_accepts(order)
        assert CONTRACT.accepts("ProductOrderCreate", order) == accepted, (referred, alias)


def _every_kind() -> dict[str, Any]:
    return CONTRACT.request_examples("createProductOrder")["ExtendedOrder"]


def _code_accepts(payload: object) -> bool:
    decoded = decode_order(msgspec.json.encode(payload))
    return all(
        found.message in BEYOND_SCHEMAS or found.message.startswith("Inactive Currency Code")
        for found in check(decoded, FOUND, POLICY)
    )


def test_the_example_of_every_kind_is_accepted() -> None:
    assert _code_accepts(_every_kind())
    assert CONTRACT.accepts("ProductOrderCreate", _every_kind())


def test_dates_are_checked_and_not_only_annotated() -> None:
    assert "date-time" in Draft202012Validator.FORMAT_CHECKER.checkers
    assert not CONTRACT.accepts("DateTime", "2021-02-30T08:13:59.506Z")
    assert CONTRACT.accepts("DateTime", "2021-02-28T08:13:59.506Z")


def test_enumerations_are_those_of_the_code() -> None:
    def enumeration(schema: str, *at: str) -> list[Any]:
        node: Any = CONTRACT.schema(schema)
        for part in at:
            node = node[part]
        return node["enum"]

    referred = ("properties", "@referredType")
    assert enumeration("LineItemState") == list(OrderState)
    assert enumeration("OrderState") == [
        state for state in OrderState if state is not OrderState.SCHEDULED
    ]
    assert enumeration("ProductOrderItemAction") == sorted(ACTIONS)
    assert enumeration("ItemRelationship", "properties", "relationshipType") == sorted(TYPES)
    assert enumeration("PartyRef", *referred) == [*sorted(PARTY_KINDS), "", None]
    assert enumeration("Error", "properties", "code") == sorted(REASONS)
    assert enumeration("Error", "properties", "reason") == [*REASONS.values(), "Internal error"]


def _arrays(struct: type[msgspec.Struct]) -> dict[str, int | None]:
    """The arrays of objects of a Struct, and how long each may be."""
    described = msgspec.inspect.type_info(struct)
    assert isinstance(described, msgspec.inspect.StructType)
    return {
        field.encode_name: kind.max_length
        for field in described.fields
        if isinstance(field.type, msgspec.inspect.UnionType)
        for kind in field.type.types
        if isinstance(kind, msgspec.inspect.ListType)
    }


@pytest.mark.parametrize(("schema", "struct", "_at"), SENT, ids=[each[0] for each in SENT])
def test_arrays_of_objects_are_bounded_as_in_the_code(
    schema: str, struct: type[msgspec.Struct], _at: str
) -> None:
    arrays = _arrays(struct)
    assert None not in arrays.values()
    properties = CONTRACT.properties(schema)
    bounds = {name: each["maxItems"] for name, each in properties.items() if "maxItems" in each}
    assert bounds == arrays


def test_arrays_are_as_long_as_the_documentation_tells() -> None:
    lengths = {name: most for _, struct, _ in SENT for name, most in _arrays(struct).items()}
    assert len(lengths) == 9
    assert {name for name, most in lengths.items() if most == 10_000} == {
        "productOrderItem",
        "productOrderItemRelationship",
    }
    assert set(lengths.values()) == {1_000, 10_000}


def test_limits_are_those_of_the_code() -> None:
    parameters = CONTRACT.document["components"]["parameters"]
    items = CONTRACT.properties("ProductOrderCreate")["productOrderItem"]
    assert items["maxItems"] == Settings().max_line_items
    assert CONTRACT.schema("ProductOrderItemId")["maxLength"] == MAX_ITEM_ID
    assert CONTRACT.schema("ProductOrderList")["maxItems"] == paging.MAX_LIMIT
    assert CONTRACT.document["components"]["headers"]["Link"]["schema"]["maxLength"] == (
        paging.MAX_LINK_LENGTH
    )
    assert parameters["Limit"]["schema"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": paging.MAX_LIMIT,
        "default": paging.DEFAULT_LIMIT,
    }
    assert parameters["Offset"]["schema"] == {
        "type": "integer",
        "minimum": 0,
        "maximum": paging.MAX_OFFSET,
        "default": 0,
    }
