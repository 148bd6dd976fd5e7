"""Which revisions are refused, and what is said about them; the order stays as it was."""

from typing import Any

import pytest

from ordering.domain.states import OrderState
from support import payloads
from support.found import demo_references, inventory
from support.payloads import ABSENT, change_item, item, order, related
from support.revisions import line_of, order_in, problems_of, revised

IN_PROGRESS = OrderState.IN_PROGRESS
ITEM = "/productOrderItem/0"


def plain(item_id: str, **members: Any) -> payloads.Payload:
    """A line that may stand below any other, since it names no specification."""
    return item(item_id, product=ABSENT, **members)


def two_lines() -> payloads.Payload:
    return order(items=[plain("a"), plain("b", productOrderItemRelationship=[related("a")])])


def said(item_id: str = "a", **members: Any) -> payloads.Payload:
    """Say something of the first line."""
    return {"productOrderItem": [{"id": item_id, "action": "add", **members}]}


@pytest.mark.parametrize("state", [each for each in OrderState if each is not IN_PROGRESS])
def test_only_an_order_in_progress_can_be_revised(state: OrderState) -> None:
    """Nothing else is said then: the payload is not what is wrong."""
    before = order_in(state, two_lines())
    assert problems_of(before, said(quantity=-1)) == [
        ("", f"Cannot update the order in state: {state.label}", 1)
    ]


def test_the_published_text_for_a_new_order() -> None:
    assert problems_of(order_in(OrderState.NEW, order()), {}) == [
        ("", "Cannot update the order in state: New", 1)
    ]


def test_an_order_behind_its_point_of_no_return_cannot_be_revised() -> None:
    before = order_in(IN_PROGRESS, two_lines())
    before.ponr = True
    assert problems_of(before, said()) == [
        ("", "Cannot update the order: the point of no return has been reached", 1)
    ]


@pytest.mark.parametrize("kind", ["qualify", "Qualify"])
def test_an_order_that_only_qualifies_cannot_be_revised(kind: str) -> None:
    before = order_in(IN_PROGRESS, order(fulfillmentType=kind))
    text = "Patch request cannot be made as the order's fulfillment type is not 'deliver."
    assert problems_of(before, {}) == [("", text, 24)]


def test_an_order_that_delivers_can_be_revised() -> None:
    before = order_in(IN_PROGRESS, order(fulfillmentType="Deliver"))
    assert revised(before, {}).order.version == 2


CASES: dict[str, tuple[payloads.Payload, list[tuple[str, str, int]]]] = {
    "another currency": (
        {"orderCurrency": "EUR"},
        [("/orderCurrency", "In-flight revision to order currency not supported", 24)],
    ),
    "another currency under its other name": (
        {"currencyCode": "EUR"},
        [("/currencyCode", "In-flight revision to order currency not supported", 24)],
    ),
    "a price in another currency": (
        said(itemPrice=[payloads.price(unit="EUR")]),
        [
            (
                f"{ITEM}/itemPrice/0/price/taxIncludedAmount/unit",
                "One or more line items has a different currency code than the order currency",
                24,
            )
        ],
    ),
    "no line": (
        {"productOrderItem": []},
        [("/productOrderItem", "Invalid payload: productOrderItem is missing", 23)],
    ),
    "a line without id or action": (
        {"productOrderItem": [{}]},
        [
            (f"{ITEM}/id", "Invalid payload: productOrderItem id is missing", 23),
            (f"{ITEM}/action", "Invalid payload: productOrderItem action is missing", 23),
            (
                f"{ITEM}/productOffering",
                "Invalid payload: productOrderItem productOffering is missing",
                23,
            ),
        ],
    ),
    "a line twice": (
        {"productOrderItem": [*said()["productOrderItem"], *said()["productOrderItem"]]},
        [("/productOrderItem/1/id", "productOrderItem id a is used more than once", 24)],
    ),
    "another action": (
        {"productOrderItem": [{"id": "a", "action": "delete"}]},
        [
            (
                f"{ITEM}/action",
                "The action of a line item cannot be changed; it is add",
                24,
            ),
        ],
    ),
    "no action at all": (
        {"productOrderItem": [{"id": "a"}]},
        [(f"{ITEM}/action", "Invalid payload: productOrderItem action is missing", 23)],
    ),
    "an unknown operation": (
        said(revisionOperation="update"),
        [(f"{ITEM}/revisionOperation", "revisionOperation is neither empty nor cancel", 24)],
    ),
    "an operation of the wrong type": (
        said(revisionOperation=1),
        [(f"{ITEM}/revisionOperation", "revisionOperation is neither empty nor cancel", 24)],
    ),
    "a line to cancel that is not there": (
        said("z", revisionOperation="cancel"),
        [(f"{ITEM}/id", "productOrderItem id names no line item to cancel", 24)],
    ),
    "an offering that is not there": (
        said(productOffering={"id": payloads.UNKNOWN_ID}),
        [
            (
                f"{ITEM}/productOffering/id",
                "Invalid payload: Product offering does not exist",
                24,
            )
        ],
    ),
    "an offering without id": (
        said(productOffering={}),
        [(f"{ITEM}/productOffering/id", "Invalid payload: productOffering id is missing", 23)],
    ),
    "a place that is not there": (
        said(product={"place": {"id": payloads.UNKNOWN_ID}}),
        [(f"{ITEM}/product/place/id", "Invalid payload: Location does not exist", 24)],
    ),
    "a new line that says nothing": (
        said("new"),
        [
            (
                f"{ITEM}/productOffering",
                "Invalid payload: productOrderItem productOffering is missing",
                23,
            )
        ],
    ),
    "a relationship to nowhere": (
        said(productOrderItemRelationship=[related("z")]),
        [
            (
                f"{ITEM}/productOrderItemRelationship/0/id",
                "productOrderItemRelationship id names no line item",
                24,
            )
        ],
    ),
    "a circle through a line that is not named": (
        said(productOrderItemRelationship=[related("b")]),
        [
            (
                f"{ITEM}/productOrderItemRelationship/0/id",
                "a line item cannot be its own ancestor",
                24,
            )
        ],
    ),
    "no party": (
        {"relatedParty": []},
        [("/relatedParty", "Invalid payload: relatedParty is missing", 23)],
    ),
    "an unknown party": (
        {"relatedParty": [payloads.party(id=payloads.UNKNOWN_ID)]},
        [("/relatedParty/0/id", "Invalid payload: Customer Account does not exist", 24)],
    ),
    "a note without text": (
        {"note": [{}]},
        [("/note/0/text", "Invalid payload: note text is missing", 23)],
    ),
    "an unknown channel": (
        {"channel": [payloads.channel("77")]},
        [("/channel/0/id", "Invalid payload: Distribution channel does not exist", 24)],
    ),
    "several things": (
        {**said(quantity=-1, actionReason=5), "orderCurrency": "EUR"},
        [
            (f"{ITEM}/actionReason", "Expected a string, got a whole number", 24),
            ("/orderCurrency", "In-flight revision to order currency not supported", 24),
            (f"{ITEM}/quantity", "quantity must not be negative", 24),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_refusal_names_every_problem(case: str) -> None:
    payload, expected = CASES[case]
    assert problems_of(order_in(IN_PROGRESS, two_lines()), payload) == expected


def test_currencies_as_the_order_has_them_may_be_said_again() -> None:
    before = order_in(IN_PROGRESS, {**two_lines(), "orderCurrency": "USD", "currencyCode": ""})
    assert revised(before, {"orderCurrency": "USD", "currencyCode": ""}).fields == {}


def test_a_line_that_is_due_after_the_order_is_refused() -> None:
    payload = order(items=[plain("a"), plain("b")], committedDueDate="2026-05-05T00:00:00Z")
    before = order_in(IN_PROGRESS, payload)
    text = "committedDueDate of the order is before the committedDueDate of a line item"
    late = "2026-05-06T00:00:00Z"
    assert problems_of(before, said(committedDueDate=late)) == [
        (f"{ITEM}/committedDueDate", text, 24)
    ]
    after = revised(before, said(committedDueDate=late) | {"committedDueDate": late}).order
    early = {"committedDueDate": "2026-05-05T12:00:00Z"}
    assert problems_of(after, early) == [("/committedDueDate", text, 24)]


def test_the_date_of_a_canceled_line_does_not_count() -> None:
    late = "2026-05-06T00:00:00Z"
    payload = order(items=[plain("a"), plain("b", committedDueDate=late)], committedDueDate=late)
    early = {"committedDueDate": "2026-05-05T12:00:00Z"}
    change = revised(order_in(IN_PROGRESS, payload), said("b", revisionOperation="cancel") | early)
    assert change.fields == {
        "committedDueDate": ("2026-05-06T00:00:00.000Z", "2026-05-05T12:00:00.000Z")
    }


@pytest.mark.parametrize(
    ("action", "inventory"),
    [("suspend", payloads.INVENTORY), ("resume", payloads.SUSPENDED_INVENTORY)],
)
def test_dates_of_suspend_and_resume_are_fixed(action: str, inventory: str) -> None:
    line = change_item("a", action, inventory) | {"committedDueDate": "2026-05-05T00:00:00Z"}
    before = order_in(IN_PROGRESS, order(items=[line], committedDueDate="2026-05-05T00:00:00Z"))
    text = "committedDueDate cannot be updated when the action is suspend or resume"
    same = {"id": "a", "action": action, "committedDueDate": "2026-05-05T00:00:00.000Z"}
    assert revised(before, {"productOrderItem": [same]}).order.version == 2
    other = same | {"committedDueDate": "2026-05-04T00:00:00Z"}
    assert problems_of(before, {"productOrderItem": [other]}) == [
        (f"{ITEM}/committedDueDate", text, 24)
    ]
    assert problems_of(before, {"committedDueDate": "2026-06-05T00:00:00Z"}) == [
        ("/committedDueDate", text, 24)
    ]


@pytest.mark.parametrize(
    "state",
    [
        OrderState.COMPLETED,
        OrderState.CANCELED,
        OrderState.ASSESSING_CANCELLATION,
        OrderState.CANCELLATION_IN_PROGRESS,
    ],
)
def test_a_line_that_ends_can_neither_change_nor_be_canceled(state: OrderState) -> None:
    before = order_in(IN_PROGRESS, two_lines())
    line_of(before, "b").state = state
    assert problems_of(before, said("b", quantity=5)) == [
        (ITEM, f"Cannot update line item b in state: {state.label}", 1)
    ]
    assert problems_of(before, said("b", revisionOperation="cancel")) == [
        (ITEM, f"Cannot cancel line item b in state: {state.label}", 1)
    ]


@pytest.mark.parametrize("kind", ["HasParent", "HasChild"])
def test_a_new_line_cannot_hang_on_a_canceled_one(kind: str) -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a"), plain("b")]))
    line_of(before, "b").state = OrderState.CANCELED
    new = plain("new", productOrderItemRelationship=[related("b", kind)])
    assert problems_of(before, {"productOrderItem": [new]}) == [
        (
            f"{ITEM}/productOrderItemRelationship/0/id",
            "productOrderItemRelationship id names a canceled line item",
            24,
        )
    ]
    requires = plain("new", productOrderItemRelationship=[related("b", "Requires")])
    assert revised(before, {"productOrderItem": [requires]}).order.version == 2


def test_a_child_that_the_catalog_does_not_allow_is_refused() -> None:
    parent = item("a")
    before = order_in(IN_PROGRESS, order(items=[parent]))
    child = item(
        "new",
        product=payloads.product(payloads.SPECIFICATION),
        productOrderItemRelationship=[related("a")],
    )
    text = "Invalid payload: Specification relationship does not exist"
    assert problems_of(before, {"productOrderItem": [child]}) == [
        (f"{ITEM}/productOrderItemRelationship/0/id", text, 24)
    ]
    change = revised(before, {"productOrderItem": [child]}, check_references=False)
    assert change.order.version == 2


def test_there_are_never_more_lines_than_allowed() -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a"), plain("b")]))
    assert problems_of(before, {"productOrderItem": [plain("c")]}, max_line_items=2) == [
        ("/productOrderItem", "An order has at most 2 line items", 24)
    ]
    assert revised(before, {"productOrderItem": [plain("b")]}, max_line_items=2).order.version == 2


def test_an_inventory_that_cannot_be_changed_is_refused_where_it_is_new() -> None:
    before = order_in(IN_PROGRESS, order(items=[change_item("a")]))
    other = change_item("a", inventory=payloads.INACTIVE_INVENTORY)
    assert problems_of(before, {"productOrderItem": [other]}) == [
        (f"{ITEM}/product/id", "Invalid payload: Sold Product is inactive", 24)
    ]


@pytest.mark.parametrize("state", [OrderState.CANCELED, OrderState.CANCELLATION_IN_PROGRESS])
def test_a_line_cannot_be_put_below_a_canceled_one(state: OrderState) -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a"), plain("b")]))
    line_of(before, "b").state = state
    text = "productOrderItemRelationship id names a canceled line item"
    at = f"{ITEM}/productOrderItemRelationship/0/id"
    below = said("a", productOrderItemRelationship=[related("b")])
    assert problems_of(before, below) == [(at, text, 24)]


def test_a_line_cannot_be_put_below_one_that_is_canceled_with_it() -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a"), plain("b")]))
    both = [
        {"id": "a", "action": "add", "productOrderItemRelationship": [related("b")]},
        {"id": "b", "action": "add", "revisionOperation": "cancel"},
    ]
    text = "productOrderItemRelationship id names a canceled line item"
    at = f"{ITEM}/productOrderItemRelationship/0/id"
    assert problems_of(before, {"productOrderItem": both}) == [(at, text, 24)]


def test_a_relationship_to_a_canceled_line_may_be_repeated() -> None:
    before = order_in(IN_PROGRESS, two_lines())
    line_of(before, "a").state = OrderState.CANCELED
    again = said("b", productOrderItemRelationship=[related("a")], quantity=3)
    assert line_of(revised(before, again).order, "b").quantity == 3


def test_the_product_of_an_approved_line_is_fixed() -> None:
    """It holds the inventory, and would leave it held for ever."""
    before = order_in(IN_PROGRESS, order(items=[change_item("a")]))
    other = {"productOrderItem": [change_item("a", inventory=payloads.EDGE_INVENTORY)]}
    assert revised(before, other).order.version == 2
    line_of(before, "a").inventory_status_before = "active"
    text = "product id cannot be changed once the line item is approved"
    assert problems_of(before, other) == [(f"{ITEM}/product/id", text, 24)]


def test_another_specification_must_be_of_the_installed_version() -> None:
    found = demo_references(
        inventories=[inventory(internal_version=2)],
    )
    bare = change_item("a")
    del bare["product"]["productSpecification"]
    before = order_in(IN_PROGRESS, order(items=[bare]), found)
    later = {"productSpecification": {"id": payloads.SPECIFICATION}}
    named = {"productOrderItem": [{"id": "a", "action": "change", "product": later}]}
    text = "Product specification version differs from the version of the product inventory"
    at = f"{ITEM}/product/productSpecification/id"
    assert problems_of(before, named, found, allow_spec_version_update=False) == [(at, text, 24)]
    assert revised(before, named, found).order.version == 2


def test_lists_do_not_grow_beyond_what_a_request_may_have() -> None:
    text = "The order would have more than 1000 of these"
    notes = [payloads.note(str(number)) for number in range(600)]
    contacts = [payloads.contact() for _ in range(600)]
    before = order_in(
        IN_PROGRESS, order(items=[plain("a") | {"product": {"relatedParty": contacts}}], note=notes)
    )
    more = [payloads.note(f"more {number}") for number in range(600)]
    grown = said(product={"relatedParty": contacts}) | {"note": more}
    assert problems_of(before, grown) == [
        ("/note", text, 24),
        (f"{ITEM}/product/relatedParty", text, 24),
    ]
