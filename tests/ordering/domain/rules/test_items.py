"""Rules of line items that need nothing but the draft, each with a neighbour that passes."""

from decimal import Decimal
from typing import Any

import pytest

from ordering.domain.draft import LineItemDraft, OrderDraft
from ordering.domain.numbers import Number
from ordering.domain.rules.items import ACTIONS, INVENTORY_ACTIONS, PRODUCT_ACTIONS, check
from support.found import draft_of, judge
from support.payloads import (
    ABSENT,
    INVENTORY,
    SITE,
    SUSPENDED_INVENTORY,
    Payload,
    change_item,
    changed,
    contact,
    item,
    order,
    price,
    product,
)

_ITEM = "/productOrderItem/0"
_NO_ID = (f"{_ITEM}/id", "Invalid payload: productOrderItem id is missing", 23)
_NO_ACTION = (f"{_ITEM}/action", "Invalid payload: productOrderItem action is missing", 23)
_NOT_AN_ACTION = (
    f"{_ITEM}/action",
    "productOrderItem action is none of add, change, delete, no-change, resume, suspend",
    24,
)
_NO_OFFERING = (
    f"{_ITEM}/productOffering",
    "Invalid payload: productOrderItem productOffering is missing",
    23,
)
_NO_OFFERING_ID = (
    f"{_ITEM}/productOffering/id",
    "Invalid payload: productOffering id is missing",
    23,
)
_NO_PRODUCT = (f"{_ITEM}/product", "Invalid payload: productOrderItem product is missing", 23)
_NO_INVENTORY_ID = (f"{_ITEM}/product/id", "Invalid payload: Product inventory ID is missing", 23)
_NO_SPECIFICATION_ID = (
    f"{_ITEM}/product/productSpecification/id",
    "Invalid payload: productSpecification id is missing",
    23,
)
_NO_CONTACT_TYPE = (
    f"{_ITEM}/product/relatedParty/1/@referredType",
    "Invalid payload: product relatedParty @referredType is missing",
    23,
)
_RANGE = "Expected a number below 10^18 with at most 12 decimals"


def _with(**members: Any) -> Payload:
    return item(product=product(**members))


_LINES: list[tuple[Payload, tuple[str, str, int], Payload]] = [
    (item() | {"id": None}, _NO_ID, item("1")),
    (item(""), _NO_ID, item("0")),
    (item(action=""), _NO_ACTION, item(action="add")),
    (item() | {"action": None}, _NO_ACTION, item(action="no-change")),
    (item(action="move"), _NOT_AN_ACTION, item(action="add")),
    (item(action="Add"), _NOT_AN_ACTION, item(action="add")),
    (item(productOffering=ABSENT), _NO_OFFERING, item()),
    (item(productOffering={}), _NO_OFFERING_ID, item()),
    (item(productOffering={"id": "", "name": "Fiber"}), _NO_OFFERING_ID, item()),
    (item(action="change", product=ABSENT), _NO_PRODUCT, item(action="add", product=ABSENT)),
    (item(action="delete", product=None), _NO_PRODUCT, change_item(action="delete")),
    (item(action="no-change", product=ABSENT), _NO_PRODUCT, item(action="no-change", product={})),
    (item(action="no-change", product=None), _NO_PRODUCT, item(action="add", product=None)),
    (item(action="suspend", product=ABSENT), _NO_PRODUCT, change_item(action="suspend")),
    (
        item(action="resume", product=ABSENT),
        _NO_PRODUCT,
        change_item(action="resume", inventory=SUSPENDED_INVENTORY),
    ),
    (item(action="change", product={}), _NO_INVENTORY_ID, item(action="add", product={})),
    (item(action="delete"), _NO_INVENTORY_ID, change_item(action="delete")),
    (change_item(inventory=""), _NO_INVENTORY_ID, change_item()),
    (change_item(action="suspend", inventory=""), _NO_INVENTORY_ID, item(action="no-change")),
    (change_item(action="resume", inventory=""), _NO_INVENTORY_ID, item(action="add")),
    (
        _with(productSpecification={"name": "SD-WAN"}),
        _NO_SPECIFICATION_ID,
        _with(productSpecification=ABSENT),
    ),
    (_with(productSpecification={"id": ""}), _NO_SPECIFICATION_ID, _with()),
    (
        _with(place={"@type": "Place"}),
        (f"{_ITEM}/product/place/id", "Invalid payload: place id is missing", 23),
        _with(place={"id": SITE}),
    ),
    (
        _with(relatedParty=[contact(), {"firstName": "Joe"}]),
        _NO_CONTACT_TYPE,
        _with(relatedParty=[contact(), {"firstName": "Joe", "type": "OrderLineItemContact"}]),
    ),
    (
        _with(relatedParty=[contact(**{"@referredType": "Customer"})]),
        (
            f"{_ITEM}/product/relatedParty/0/@referredType",
            "product relatedParty @referredType is not OrderLineItemContact",
            24,
        ),
        _with(relatedParty=[contact()]),
    ),
    (
        _with(productRelationship=[{"id": INVENTORY}, {"relationshipType": "Requires"}]),
        (
            f"{_ITEM}/product/productRelationship/1/id",
            "Invalid payload: Product inventory ID is missing",
            23,
        ),
        _with(productRelationship=[{"id": INVENTORY}]),
    ),
    (
        item(quantity=-1),
        (f"{_ITEM}/quantity", "quantity must not be negative", 24),
        item(quantity=0),
    ),
]


@pytest.mark.parametrize(("bad", "problem", "good"), _LINES)
def test_a_rule_finds_what_is_wrong_and_nothing_else(
    bad: Payload, problem: tuple[str, str, int], good: Payload
) -> None:
    assert judge(order(items=[bad])) == [problem]
    assert judge(order(items=[good])) == []


@pytest.mark.parametrize("items", [ABSENT, None, []])
def test_an_order_has_lines(items: object) -> None:
    missing = ("/productOrderItem", "Invalid payload: productOrderItem is missing", 23)
    assert judge(order(productOrderItem=items)) == [missing]


def test_an_order_has_a_bounded_number_of_lines() -> None:
    lines = [item(str(number)) for number in range(4)]
    assert judge(order(items=lines[:3]), max_line_items=3) == []
    assert judge(order(items=lines), max_line_items=3) == [
        ("/productOrderItem", "An order has at most 3 line items", 24)
    ]


def test_line_ids_are_unique_within_the_order() -> None:
    lines = [item("1"), item("2"), item("1"), item("1 "), item("1")]
    assert judge(order(items=lines)) == [
        ("/productOrderItem/2/id", "productOrderItem id 1 is used more than once", 24),
        ("/productOrderItem/4/id", "productOrderItem id 1 is used more than once", 24),
    ]


def test_missing_line_ids_are_missing_and_not_repeated() -> None:
    assert [text for _, text, _ in judge(order(items=[item(""), item("")]))] == [_NO_ID[1]] * 2


def test_the_actions_are_the_published_ones() -> None:
    assert {"add", "change", "delete", "no-change", "resume", "suspend"} == ACTIONS
    assert ACTIONS > PRODUCT_ACTIONS > INVENTORY_ACTIONS
    assert {"no-change"} == PRODUCT_ACTIONS - INVENTORY_ACTIONS
    assert {"change", "delete", "resume", "suspend"} == INVENTORY_ACTIONS


_AMOUNTS = [
    f"{_ITEM}/quantity",
    f"{_ITEM}/itemPrice/0/price/taxRate",
    f"{_ITEM}/itemPrice/0/price/taxIncludedAmount/value",
    f"{_ITEM}/itemPrice/0/price/dutyFreeAmount/value",
]


def _amount(pointer: str, value: object) -> Payload:
    amounts = {"taxIncludedAmount": {"unit": "USD"}, "dutyFreeAmount": {"unit": "USD"}}
    return changed(order(items=[item(itemPrice=[price(price=amounts)])]), pointer, value)


@pytest.mark.parametrize("pointer", _AMOUNTS)
@pytest.mark.parametrize(
    "number",
    [
        "1e18",
        "1000000000000000000",
        "9" * 400,
        "1e99",
        "1e-13",
        "0E+18",
        "0.0000000000000",
        "0.0000000000001",
        "1.0000000000000",
    ],
)
def test_an_amount_out_of_range_is_refused(pointer: str, number: str) -> None:
    assert judge(_amount(pointer, Decimal(number))) == [(pointer, _RANGE, 24)]


@pytest.mark.parametrize("pointer", _AMOUNTS)
@pytest.mark.parametrize(
    "number",
    ["999999999999999999", "999999999999999999.999999999999", "1e17", "1e-12", "0.10", "0"],
)
def test_an_amount_in_range_passes(pointer: str, number: str) -> None:
    assert judge(_amount(pointer, Decimal(number))) == []


@pytest.mark.parametrize("pointer", _AMOUNTS)
@pytest.mark.parametrize("text", ["NaN", "-NaN", "sNaN", "NaN123", "Infinity", "-Infinity", "inf"])
def test_what_python_calls_a_number_is_none(pointer: str, text: str) -> None:
    assert judge(_amount(pointer, text)) == [
        (pointer, 'Expected a number, or a string like "20.50"', 24)
    ]


def test_a_negative_amount_out_of_range_has_both_problems() -> None:
    draft = OrderDraft(
        product_order_item=[draft_of(order()).items[0], LineItemDraft(quantity=Number("-1e18"))]
    )
    at = "/productOrderItem/1/quantity"
    found = [problem.message for problem in check(draft, 10) if problem.pointer == at]
    assert found == [_RANGE, "quantity must not be negative"]


def test_prices_may_be_negative() -> None:
    """Discounts are prices below zero."""
    assert judge(order(items=[item(itemPrice=[price("-5.00")])])) == []
