"""What a request to cancel comes to: when it is refused, which lines go along, what is told."""

from typing import Any

import pytest

from ordering.domain.cancellation import Cancellation, OrderRef, cancel, read_cancellation
from ordering.domain.change import Change, Event
from ordering.domain.errors import InvalidRequestError
from ordering.domain.order import Order
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import encode
from support import payloads
from support.revisions import order_in

MOMENT = Timestamp.parse("2026-03-04T05:06:07.890Z")
FUTURE = Timestamp.parse("2126-03-04T05:06:07.890Z")

CANCELABLE = {"in_progress", "awaiting_information", "on_hold", "revision_in_progress"}


def canceled(order: Order, *, cancel_new: bool = False, **members: Any) -> Change:
    """Ask for an order to be canceled; what it was before stays as it was."""
    before = encode(order)
    change = cancel(
        order, Cancellation(**members), client="cpq", moment=MOMENT, cancel_new=cancel_new
    )
    assert encode(order) == before
    return change


def refusal(order: Order) -> list[tuple[str, str, int]]:
    """Ask for it in vain."""
    with pytest.raises(InvalidRequestError) as caught:
        canceled(order)
    return [(each.pointer, each.message, each.code) for each in caught.value.problems]


@pytest.mark.parametrize("state", list(OrderState))
def test_the_state_decides_whether_an_order_can_be_canceled(state: OrderState) -> None:
    order = order_in(state, payloads.order())
    if state in CANCELABLE:
        change = canceled(order)
        assert change.order.state == change.order.line_items[0].state == "assessing_cancellation"
    else:
        text = f"Cannot cancel the order in state: {state.label}"
        assert refusal(order) == [("/productOrder/id", text, 1)]


def test_past_the_point_of_no_return_no_order_is_canceled() -> None:
    order = order_in(OrderState.IN_PROGRESS, payloads.order())
    order.ponr = True
    text = "Cannot cancel the order: the point of no return has been reached"
    assert refusal(order) == [("/productOrder/id", text, 1)]


def test_the_open_lines_go_along() -> None:
    states = [
        "new",
        "acknowledged",
        "scheduled",
        "in_progress",
        "awaiting_information",
        "on_hold",
        "revision_in_progress",
        "assessing_cancellation",
        "cancellation_in_progress",
        "canceled",
        "completed",
    ]
    order = order_in(
        OrderState.IN_PROGRESS, payloads.order(items=[payloads.item(state) for state in states])
    )
    for line in order.line_items:
        line.state = OrderState(line.item_id)
    change = canceled(order)
    assert [(line.state, line.version) for line in change.order.line_items] == [
        *[("assessing_cancellation", 2)] * 7,
        *((state, 1) for state in states[7:]),
    ]
    assert [
        (each.line.item_id, each.line.version, each.fields) for each in change.lines if each.fields
    ] == [(state, 2, {"state": (state, "assessing_cancellation")}) for state in states[:7]]
    # What a revision wants canceled is not asked for twice, but has to be told apart later.
    assert [line.state_before for line in change.order.line_items] == [*states[:8], *[None] * 3]
    assert [each.line.item_id for each in change.lines] == states[:8]


@pytest.mark.parametrize("state", sorted(CANCELABLE))
def test_an_order_remembers_where_it_was(state: str) -> None:
    change = canceled(order_in(OrderState(state), payloads.order()))
    assert (change.order.state_before, change.order.line_items[0].state_before) == (state, state)


def test_the_order_keeps_what_was_asked_for_and_a_future_date_does_not_delay_it() -> None:
    order = order_in(OrderState.ON_HOLD, payloads.order())
    change = canceled(
        order, cancellation_reason="Duplicate order", requested_cancellation_date=FUTURE
    )
    assert change.order.state == "assessing_cancellation"
    assert change.order.version == 2
    assert change.order.updated_at == MOMENT
    assert change.order.cancellation_reason == "Duplicate order"
    assert change.order.requested_cancellation_date == FUTURE
    assert (change.operation, change.client, change.moment) == ("cancel", "cpq", MOMENT)
    assert change.fields == {"state": ("on_hold", "assessing_cancellation")}
    assert change.details == {
        "cancellationReason": "Duplicate order",
        "requestedCancellationDate": "2126-03-04T05:06:07.890Z",
    }
    assert list(change.events) == [Event.CANCELLATION_REQUESTED, Event.STATE_CHANGED]


def test_what_was_not_said_is_not_in_the_audit() -> None:
    assert canceled(order_in(OrderState.IN_PROGRESS, payloads.order())).details == {}


def test_a_new_order_ends_at_once_where_clients_may_change_it() -> None:
    change = canceled(order_in(OrderState.NEW, payloads.order()), cancel_new=True)
    line = change.order.line_items[0]
    assert (change.order.state, change.order.version) == ("canceled", 2)
    assert (line.state, line.version) == ("canceled", 2)
    assert (change.order.state_before, line.state_before) == (None, None)
    assert list(change.events) == [Event.CANCELLATION_REQUESTED, Event.STATE_CHANGED]


def test_the_setting_for_new_orders_is_for_new_orders() -> None:
    with pytest.raises(InvalidRequestError):
        canceled(order_in(OrderState.ACKNOWLEDGED, payloads.order()), cancel_new=True)
    change = canceled(order_in(OrderState.IN_PROGRESS, payloads.order()), cancel_new=True)
    assert change.order.state == "assessing_cancellation"


_ID_MISSING = "Invalid payload. Mandatory field missing: productOrder.id."


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("/productOrder", "Invalid payload. Mandatory field missing: productOrder.", 23)]),
        (
            {"productOrder": {}},
            [("/productOrder/id", _ID_MISSING, 23)],
        ),
        (
            {"productOrder": {"id": ""}},
            [("/productOrder/id", _ID_MISSING, 23)],
        ),
        ({"productOrder": "1"}, [("/productOrder", "Expected an object, got a string", 24)]),
        (
            {"productOrder": {"id": 1}},
            [("/productOrder/id", "Expected a string, got a whole number", 24)],
        ),
        (
            {"productOrder": {"id": "1"}, "@type": "ProductOrder"},
            [("/@type", "@type is neither CancelProductOrder nor CancelProductorder", 24)],
        ),
        (
            {"requestedCancellationDate": "tomorrow", "@type": "x"},
            [
                (
                    "/requestedCancellationDate",
                    "Expected a date and time with offset, as in 2021-05-02T08:13:59.506Z",
                    24,
                ),
                ("/productOrder", "Invalid payload. Mandatory field missing: productOrder.", 23),
                ("/@type", "@type is neither CancelProductOrder nor CancelProductorder", 24),
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_told(
    body: object, problems: list[tuple[str, str, int]]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_cancellation(payloads.to_json(body))
    assert [(e.pointer, e.message, e.code) for e in caught.value.problems] == problems


@pytest.mark.parametrize("type", ["CancelProductOrder", "CancelProductorder", None])
def test_the_documented_type_its_misprint_and_none_are_taken(type: str | None) -> None:
    body = {"productOrder": {"id": "PO-1"}, "@type": type}
    asked = read_cancellation(payloads.to_json(body))
    assert asked == Cancellation(product_order=OrderRef(id="PO-1"), type=type)
    assert asked.order_id == "PO-1"
