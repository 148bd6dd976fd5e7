"""What a transition comes to: which lines move, what the order's state becomes, what is told."""

from collections.abc import Mapping
from typing import Any

import pytest

from ordering.domain.actions import FOR_LINES, FOR_WHOLE_ORDERS, MOVES, Action, states_for_lines
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import Change, Event
from ordering.domain.errors import ConflictError, InvalidRequestError
from ordering.domain.inventory import Inventories
from ordering.domain.order import Order
from ordering.domain.progress import Transition, progress, read_transition
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import encode
from support import payloads
from support.revisions import order_in

MOMENT = Timestamp.parse("2026-03-04T05:06:07.890Z")


def order_of(state: str, lines: Mapping[str, str] | None = None) -> Order:
    """Build an order in a state, its lines in states of their own: by default one, like it."""
    lines = {"1": state} if lines is None else lines
    items = [payloads.item(name) for name in lines]
    order = order_in(OrderState(state), payloads.order(items=items))
    for line in order.line_items:
        line.state = OrderState(lines[line.item_id])
    return order


def moved(order: Order, action: str, *names: str, **members: Any) -> Change:
    """Move an order, or the lines that are named; what it was before stays as it was."""
    before = encode(order)
    asked = Transition(action=Action(action), line_item_ids=list(names) or None, **members)
    change = progress(order, asked, Inventories(), client="fulfilment", moment=MOMENT)
    assert encode(order) == before
    return change


def states(change: Change) -> list[str]:
    """List the state of the order, then those of its lines."""
    return [change.order.state, *(line.state for line in change.order.line_items)]


def refusal(order: Order, action: str, *names: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Move an order in vain; list pointer and text of each problem, and what is allowed."""
    with pytest.raises(ConflictError) as caught:
        moved(order, action, *names)
    assert {problem.code for problem in caught.value.problems} == {1}
    told = [(problem.pointer, problem.message) for problem in caught.value.problems]
    return told, list(caught.value.allowed)


_WHOLE = [(a, s) for a in Action if a not in FOR_LINES for s in OrderState]
_LINES = [(a, s) for a in Action if a not in FOR_WHOLE_ORDERS for s in OrderState]


@pytest.mark.parametrize(("action", "state"), _WHOLE)
def test_an_order_moves_by_the_table_or_not_at_all(action: Action, state: OrderState) -> None:
    order = order_of(state)
    if state in MOVES[action]:
        target = MOVES[action][state]
        change = moved(order, action)
        assert states(change) == [target, target]
        assert change.order.updated_at == MOMENT
        assert (change.operation, change.client, change.moment) == (action, "fulfilment", MOMENT)
    else:
        told, _ = refusal(order, action)
        text = f"The order in state {state.label} does not allow {action}"
        assert told == [("/action", text)]


@pytest.mark.parametrize(("action", "state"), _LINES)
def test_a_line_moves_by_the_table_or_not_at_all(action: Action, state: OrderState) -> None:
    order = order_of("in_progress", {"1": state, "2": "on_hold"})
    if state in MOVES[action]:
        target = MOVES[action][state]
        assert states(moved(order, action, "1")) == ["in_progress", target, "on_hold"]
    else:
        told, _ = refusal(order, action, "1")
        text = f"Line item 1 in state {state.label} does not allow {action}"
        assert told == [("/lineItemIds/0", text)]


@pytest.mark.parametrize(("action", "state"), _LINES)
def test_lines_move_only_while_their_order_allows_it(action: Action, state: OrderState) -> None:
    source = next(iter(MOVES[action]))
    order = order_of(state, {"1": source, "2": "on_hold"})
    if state in states_for_lines(action):
        assert moved(order, action, "1").lines[0].line.item_id == "1"
    else:
        told, _ = refusal(order, action, "1")
        assert told == [("/action", f"The order in state {state.label} does not allow {action}")]


def test_of_a_whole_order_those_lines_move_that_can() -> None:
    lines = {"1": "in_progress", "2": "acknowledged", "3": "canceled", "4": "in_progress"}
    change = moved(order_of("in_progress", lines), "hold")
    assert states(change) == ["on_hold", "on_hold", "acknowledged", "canceled", "on_hold"]
    assert [each.line.item_id for each in change.lines] == ["1", "4"]


def test_exactly_the_lines_that_are_named_move() -> None:
    lines = {"1": "in_progress", "2": "in_progress", "3": "in_progress"}
    change = moved(order_of("in_progress", lines), "hold", "3", "1", "3")
    assert states(change) == ["in_progress", "on_hold", "in_progress", "on_hold"]
    assert [each.line.item_id for each in change.lines] == ["1", "3"]


def test_the_version_is_left_alone() -> None:
    change = moved(order_of("in_progress"), "hold")
    assert (change.order.version, change.order.line_items[0].version) == (1, 1)


def test_every_line_that_cannot_move_is_told_with_the_allowed_actions() -> None:
    lines = {"a": "on_hold", "b": "in_progress", "c": "completed"}
    told, allowed = refusal(order_of("on_hold", lines), "hold", "a", "b", "c")
    assert told == [
        ("/action", "The order in state On hold does not allow hold"),
        ("/lineItemIds/0", "Line item a in state On hold does not allow hold"),
        ("/lineItemIds/2", "Line item c in state Completed does not allow hold"),
    ]
    assert allowed == ["release"]


def test_an_order_is_not_completed_over_the_head_of_a_line() -> None:
    lines = {"1": "in_progress", "2": "on_hold", "3": "canceled", "4": "scheduled"}
    told, allowed = refusal(order_of("in_progress", lines), "complete")
    assert told == [
        ("/action", "Line item 2 in state On hold does not allow complete"),
        ("/action", "Line item 4 in state Scheduled does not allow complete"),
    ]
    assert allowed == ["hold", "await_information", "set_ponr"]


def test_an_order_is_completed_with_its_lines() -> None:
    lines = {"1": "in_progress", "2": "canceled", "3": "completed"}
    change = moved(order_of("in_progress", lines), "complete")
    assert states(change) == ["completed", "completed", "canceled", "completed"]


def test_unknown_lines_are_all_told() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        moved(order_of("in_progress"), "hold", "7", "1", "8")
    assert [(each.pointer, each.message, each.code) for each in caught.value.problems] == [
        ("/lineItemIds/0", "The order has no line item 7", 24),
        ("/lineItemIds/2", "The order has no line item 8", 24),
    ]


#: What is done to the first of two lines, `order: first second action: order afterwards`.
_ROLL_UP = """
acknowledged: acknowledged acknowledged start: in_progress
acknowledged: acknowledged acknowledged schedule: acknowledged
acknowledged: assessing_cancellation new deny_cancellation: in_progress
acknowledged: cancellation_in_progress canceled finish_cancellation: canceled
acknowledged: cancellation_in_progress completed finish_cancellation: completed
in_progress: in_progress on_hold complete: in_progress
in_progress: in_progress completed complete: completed
in_progress: in_progress canceled complete: completed
in_progress: cancellation_in_progress on_hold finish_cancellation: in_progress
in_progress: cancellation_in_progress completed finish_cancellation: completed
in_progress: cancellation_in_progress canceled finish_cancellation: canceled
cancellation_in_progress: cancellation_in_progress canceled finish_cancellation: canceled
cancellation_in_progress: cancellation_in_progress completed finish_cancellation: canceled
revision_in_progress: in_progress completed complete: revision_in_progress
"""


@pytest.mark.parametrize("case", _ROLL_UP.strip().splitlines())
def test_the_order_follows_its_lines(case: str) -> None:
    """Under way with the first, ended with the last; a revision that waits is not overtaken."""
    header, said, expected = case.split(": ")
    first, second, action = said.split()
    change = moved(order_of(header, {"1": first, "2": second}), action, "1")
    assert change.order.state == expected


def test_an_approved_revision_is_acknowledged_even_where_lines_were_completed_before() -> None:
    lines = {"1": "completed", "2": "revision_in_progress"}
    change = moved(order_of("revision_in_progress", lines), "approve")
    assert states(change) == ["acknowledged", "completed", "acknowledged"]


@pytest.mark.parametrize("names", [(), ("2",)])
def test_the_point_of_no_return_of_one_is_that_of_all(names: tuple[str, ...]) -> None:
    lines = {"1": "on_hold", "2": "in_progress", "3": "canceled"}
    change = moved(order_of("in_progress", lines), "set_ponr", *names)
    assert states(change) == ["in_progress", "on_hold", "in_progress", "canceled"]
    assert change.order.ponr
    assert [line.ponr for line in change.order.line_items] == [True, True, True]
    assert change.fields == {"ponr": (False, True)}
    assert [each.fields for each in change.lines] == [{"ponr": (False, True)}] * 3
    assert change.events == [Event.STATE_CHANGED]


def test_the_point_of_no_return_may_be_reported_again() -> None:
    order = moved(order_of("in_progress"), "set_ponr").order
    change = moved(order, "set_ponr", "1")
    assert (change.order.ponr, change.fields, change.lines) == (True, {}, [])
    assert change.events == []


def test_a_denied_cancellation_leaves_no_trace_in_the_states() -> None:
    lines = {
        "1": "in_progress",
        "2": "on_hold",
        "3": "awaiting_information",
        "4": "acknowledged",
        "5": "scheduled",
        "6": "new",
        "7": "completed",
        "8": "cancellation_in_progress",
        "9": "assessing_cancellation",
    }
    before = order_of("revision_in_progress", lines)
    asked = cancel(before, Cancellation(), client="cpq", moment=MOMENT, cancel_new=False)
    change = moved(asked.order, "deny_cancellation")
    assert states(change) == ["revision_in_progress", *lines.values()]
    assert [each.line.item_id for each in change.lines if each.fields] == list("123456")
    left = [change.order.state_before, *(line.state_before for line in change.order.line_items)]
    assert left == [None] * 10
    assert change.inventories == []
    # What a revision asked for is still to be judged.
    assert states(moved(change.order, "deny_cancellation", "9"))[-1] == "in_progress"


def test_a_line_goes_back_to_where_it_was() -> None:
    order = order_of("in_progress", {"1": "assessing_cancellation", "2": "on_hold"})
    order.line_items[0].state_before = "scheduled"
    change = moved(order, "deny_cancellation", "1")
    assert states(change) == ["in_progress", "scheduled", "on_hold"]
    assert change.lines[0].fields == {"state": ("assessing_cancellation", "scheduled")}


@pytest.mark.parametrize("action", ["approve_cancellation", "deny_cancellation"])
def test_a_cancellation_that_was_judged_is_not_remembered(action: str) -> None:
    order = order_of("assessing_cancellation")
    order.state_before = order.line_items[0].state_before = "on_hold"
    after = moved(order, action).order
    assert (after.state_before, after.line_items[0].state_before) == (None, None)


def test_a_step_that_is_in_no_table_is_a_defect() -> None:
    order = order_of("assessing_cancellation")
    order.line_items[0].state_before = "completed"
    with pytest.raises(ValueError, match="no step leads from assessing_cancellation to completed"):
        moved(order, "deny_cancellation")


_TOLD: dict[str, list[Event]] = {
    "await_information": [Event.STATE_CHANGED, Event.INFORMATION_REQUIRED],
    "approve_cancellation": [Event.STATE_CHANGED, Event.CANCELLATION_MOVED],
    "deny_cancellation": [Event.STATE_CHANGED, Event.CANCELLATION_MOVED],
    "finish_cancellation": [Event.STATE_CHANGED, Event.CANCELLATION_MOVED],
}


@pytest.mark.parametrize("action", [action for action in Action if action not in FOR_LINES])
def test_listeners_are_told_of_what_happened_to_the_order(action: Action) -> None:
    change = moved(order_of(next(iter(MOVES[action]))), action)
    assert change.events == _TOLD.get(action, [Event.STATE_CHANGED])


@pytest.mark.parametrize("action", [action for action in Action if action not in FOR_WHOLE_ORDERS])
def test_listeners_are_told_of_lines_as_of_orders(action: Action) -> None:
    order = order_of("in_progress", {"1": next(iter(MOVES[action])), "2": "on_hold"})
    assert moved(order, action, "1").events == _TOLD.get(action, [Event.STATE_CHANGED])


def test_the_audit_tells_what_was_said_and_what_changed() -> None:
    order = order_of("acknowledged", {"1": "acknowledged", "2": "acknowledged"})
    change = moved(order, "start", "2", reason="crew on site")
    assert change.details == {"reason": "crew on site", "lineItemIds": ["2"]}
    assert change.fields == {"state": ("acknowledged", "in_progress")}
    assert [(each.line.item_id, each.fields) for each in change.lines] == [
        ("2", {"state": ("acknowledged", "in_progress")})
    ]
    assert moved(order, "start").details == {}


_ACTIONS = ", ".join(Action)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [("/action", "Invalid payload. Mandatory field missing: action.", 23)]),
        ({"action": "explode"}, [("/action", f"action is none of {_ACTIONS}", 24)]),
        ({"action": 5}, [("/action", "Expected a string, got a whole number", 24)]),
        (
            {"action": "hold", "lineItemIds": []},
            [("/lineItemIds", "lineItemIds must be absent, or name line items", 24)],
        ),
        (
            {"action": "hold", "lineItemIds": "1"},
            [("/lineItemIds", "Expected an array, got a string", 24)],
        ),
        (
            {"action": "schedule"},
            [("/lineItemIds", "Invalid payload. Mandatory field missing: lineItemIds.", 23)],
        ),
        (
            {"action": "nothing", "lineItemIds": [], "reason": 1},
            [
                ("/reason", "Expected a string, got a whole number", 24),
                ("/action", f"action is none of {_ACTIONS}", 24),
                ("/lineItemIds", "lineItemIds must be absent, or name line items", 24),
            ],
        ),
        *(
            (
                {"action": action, "lineItemIds": ["1"]},
                [
                    (
                        "/lineItemIds",
                        f"{action} is for whole orders: lineItemIds must be absent",
                        24,
                    )
                ],
            )
            for action in ("submit", "approve", "reject", "reopen")
        ),
    ],
)
def test_what_is_wrong_with_a_body_is_told(
    body: object, problems: list[tuple[str, str, int]]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_transition(payloads.to_json(body))
    told = [(each.pointer, each.message, each.code) for each in caught.value.problems]
    assert told == problems


def test_unknown_members_of_a_body_have_no_effect() -> None:
    body = {"action": "hold", "lineItemIds": None, "reason": "no cable", "priority": 1}
    assert read_transition(payloads.to_json(body)) == Transition(
        action=Action.HOLD, reason="no cable"
    )
