"""All rules together: every problem at once, in order, and none that only follows from another."""

from importlib.resources import files

import msgspec
import pytest

from ordering.domain.rules import Policy
from ordering.domain.rules.characteristics import work_notes
from support.found import demo_references, draft_of, judge
from support.payloads import (
    CHANNEL,
    SITE,
    UNKNOWN_ID,
    Payload,
    changed,
    item,
    note,
    order,
    party,
    price,
    product,
    related,
)

_DIFFERS = "One or more line items has a different currency code than the order currency"
_NO_ACTION = "productOrderItem action is none of add, change, delete, no-change, resume, suspend"
_NO_CURRENCY = "Invalid payload: orderCurrency is required"


def _texts(payload: object) -> list[tuple[str, str]]:
    return [(pointer, text) for pointer, text, _ in judge(payload)]


@pytest.mark.parametrize("name", ["sync.json", "async.json"])
def test_the_published_examples_pass_without_work_notes(name: str) -> None:
    payload = msgspec.json.decode(files("ordering_app.demo.orders").joinpath(name).read_bytes())
    assert judge(payload) == []
    assert judge(payload, allow_spec_version_update=False) == []
    catalog = demo_references().catalog
    assert list(work_notes(draft_of(payload), catalog, validate_values=True)) == []


def test_the_usual_policy_is_strict_and_generous_in_size() -> None:
    assert Policy() == Policy(
        check_references=True, allow_spec_version_update=True, max_line_items=10_000
    )


def test_fifty_problems_are_told_at_once_and_in_order() -> None:
    lines = [
        item(
            str(number),
            action="sell",
            productOffering={},
            product={"place": {}},
            itemPrice=[price(unit="EUR")],
        )
        for number in range(10)
    ]
    pointers = [
        (f"/productOrderItem/{number}/{rest}", text)
        for number in range(10)
        for rest, text in (
            ("action", _NO_ACTION),
            ("productOffering/id", "Invalid payload: productOffering id is missing"),
            ("product/place/id", "Invalid payload: place id is missing"),
        )
    ]
    units = [
        (f"/productOrderItem/{number}/itemPrice/0/price/taxIncludedAmount/unit", _DIFFERS)
        for number in range(10)
    ]
    notes = [
        (f"/note/{number}/text", "Invalid payload: note text is missing") for number in range(10)
    ]
    payload = order(items=lines, note=[note("")] * 10)
    problems = judge(payload)
    assert len(problems) == 50
    assert [(pointer, text) for pointer, text, _ in problems] == [*units, *notes, *pointers]
    assert [code for _, _, code in problems] == [24] * 10 + [23] * 10 + [24, 23, 23] * 10


def test_the_order_is_header_lines_references_relationships() -> None:
    payload = order(
        orderCurrency="XYZ",
        channel=[{}, {"id": "99"}],
        committedDueDate="2027-01-01T00:00:00Z",
        items=[
            item("1", productOffering={"id": UNKNOWN_ID}, product=product(UNKNOWN_ID)),
            item("1", committedDueDate="2028-01-01T00:00:00Z", product={"place": {"id": "?"}}),
            item("2", productOrderItemRelationship=[related("9")]),
        ],
        relatedParty=[party("CustomerContact", UNKNOWN_ID)],
        note=[{}],
    )
    assert [pointer for pointer, _ in _texts(payload)] == [
        "/orderCurrency",
        "/relatedParty",
        "/note/0/text",
        "/channel/0/id",
        "/committedDueDate",
        "/productOrderItem/1/id",
        "/channel/1/id",
        "/productOrderItem/0/productOffering/id",
        "/productOrderItem/0/product/productSpecification/id",
        "/productOrderItem/1/product/place/id",
        "/relatedParty/0/id",
        "/productOrderItem/2/productOrderItemRelationship/0/id",
    ]


def test_without_references_the_rest_still_holds() -> None:
    payload = order(
        orderCurrency="DEM",
        channel=[{"id": "99"}],
        items=[item("1", action="change", productOffering={"id": "?"})],
        relatedParty=[party(id="?")],
    )
    assert judge(payload, check_references=False) == [
        ("/orderCurrency", "Inactive Currency Code: DEM", 24),
        ("/productOrderItem/0/product/id", "Invalid payload: Product inventory ID is missing", 23),
    ]


# -- problems of shape beside rules ----------------------------------------------------------------
_STRING = "Expected a string, got a whole number"


@pytest.mark.parametrize(
    ("pointer", "value", "message"),
    [
        ("/orderCurrency", 5, _STRING),
        ("/productOrderItem", "none", "Expected an array, got a string"),
        ("/productOrderItem/0", None, "Expected an object, got null"),
        ("/productOrderItem/0/id", 5, _STRING),
        ("/productOrderItem/0/action", 5, _STRING),
        ("/productOrderItem/0/productOffering", "x", "Expected an object, got a string"),
        ("/productOrderItem/0/productOffering/id", 5, _STRING),
        ("/productOrderItem/0/product/productSpecification/id", 5, _STRING),
        ("/productOrderItem/0/product/place/id", 5, _STRING),
        ("/relatedParty", {}, "Expected an array, got an object"),
        ("/relatedParty/0/id", 5, _STRING),
        ("/note/0/text", 5, _STRING),
        ("/channel/0", [], "Expected an object, got an array"),
        ("/channel/0/id", 5, _STRING),
    ],
)
def test_what_has_a_wrong_shape_is_not_called_missing_too(
    pointer: str, value: object, message: str
) -> None:
    payload = order(
        items=[item(product=product(place={"id": SITE}))],
        note=[note()],
        channel=[{"id": CHANNEL}],
    )
    assert judge(payload) == []
    assert judge(changed(payload, pointer, value)) == [(pointer, message, 24)]


def test_a_wrong_element_moves_no_other_and_hides_only_its_own_place() -> None:
    lines: list[object] = [7, item("", action="sell"), None, item(productOffering={"id": 5})]
    assert _texts(order(items=lines)) == [
        ("/productOrderItem/0", "Expected an object, got a number"),
        ("/productOrderItem/2", "Expected an object, got null"),
        ("/productOrderItem/3/productOffering/id", _STRING),
        ("/productOrderItem/1/id", "Invalid payload: productOrderItem id is missing"),
        ("/productOrderItem/1/action", _NO_ACTION),
    ]


def test_a_neighbour_whose_name_begins_alike_is_not_hidden() -> None:
    lines: list[Payload] = [item(str(number)) for number in range(11)]
    lines[1]["action"] = 5
    lines[10]["action"] = ""
    assert _texts(order(items=lines)) == [
        ("/productOrderItem/1/action", _STRING),
        ("/productOrderItem/10/action", "Invalid payload: productOrderItem action is missing"),
    ]


def test_wrong_types_and_broken_rules_are_told_together() -> None:
    payload = order(
        orderCurrency=None,
        externalId=5,
        items=[item("1", quantity="many", action="sell"), item("1", isBundle=1)],
        relatedParty=[party(id=UNKNOWN_ID)],
        note=[{"text": "ok", "date": "now"}],
    )
    assert _texts(payload) == [
        ("/productOrderItem/0/quantity", 'Expected a number, or a string like "20.50"'),
        ("/externalId", _STRING),
        (
            "/note/0/date",
            "Expected a date and time with offset, as in 2021-05-02T08:13:59.506Z",
        ),
        ("/orderCurrency", _NO_CURRENCY),
        ("/productOrderItem/0/action", _NO_ACTION),
        ("/productOrderItem/1/id", "productOrderItem id 1 is used more than once"),
        ("/relatedParty/0/id", "Invalid payload: Customer Account does not exist"),
    ]


def test_ten_thousand_lines_pass_and_one_more_does_not() -> None:
    lines = [item(str(number)) for number in range(10_001)]
    for line in lines[1:]:
        line["product"] = {}
        line["productOrderItemRelationship"] = [related("0")]
    assert judge(order(items=lines[:10_000])) == []
    assert judge(order(items=lines)) == [
        ("/productOrderItem", "Expected an array of length <= 10000", 24)
    ]
