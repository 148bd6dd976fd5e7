"""The actions as a table: exactly these moves, each of them a transition that exists."""

import pytest

from ordering.domain.actions import (
    CANCELLATION_ACTIONS,
    FOR_LINES,
    FOR_WHOLE_ORDERS,
    MOVES,
    Action,
    allowed_actions,
    goal_of,
    states_for_lines,
)
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState
from support import payloads
from support.revisions import order_in

#: The documented triggers, `action: from>to ...`.
_TABLE = """
submit: draft>new
approve: new>acknowledged revision_in_progress>acknowledged
reject: new>rejected
reopen: rejected>draft
start: acknowledged>in_progress scheduled>in_progress
hold: in_progress>on_hold
release: on_hold>in_progress
await_information: in_progress>awaiting_information
information_received: awaiting_information>in_progress
schedule: acknowledged>scheduled
set_ponr: in_progress>in_progress
complete: in_progress>completed
approve_cancellation: assessing_cancellation>cancellation_in_progress
deny_cancellation: assessing_cancellation>in_progress
finish_cancellation: cancellation_in_progress>canceled
"""


def test_the_moves_are_exactly_the_documented_ones() -> None:
    table = {
        action: {state: to for state, _, to in (move.partition(">") for move in moves.split())}
        for action, _, moves in (line.partition(": ") for line in _TABLE.strip().splitlines())
    }
    assert {action: dict(moves) for action, moves in MOVES.items()} == table


def test_every_action_has_moves() -> None:
    assert list(MOVES) == list(Action)


@pytest.mark.parametrize("action", list(Action))
def test_every_move_is_a_transition_of_orders_and_lines(action: Action) -> None:
    for state, target in MOVES[action].items():
        if action is Action.SET_PONR:
            assert target is state
            continue
        assert target in LINE_TRANSITIONS[state]
        if action not in FOR_LINES:
            assert target in ORDER_TRANSITIONS[state]


def test_acceptance_is_for_whole_orders_and_scheduling_for_lines() -> None:
    assert {"submit", "approve", "reject", "reopen"} == FOR_WHOLE_ORDERS
    assert {"schedule"} == FOR_LINES
    assert {
        "approve_cancellation",
        "deny_cancellation",
        "finish_cancellation",
    } == CANCELLATION_ACTIONS


@pytest.mark.parametrize("action", list(Action))
def test_lines_move_while_their_order_is_under_way(action: Action) -> None:
    under_way = {"acknowledged", "in_progress", "revision_in_progress"}
    if action not in ("approve_cancellation", "deny_cancellation"):
        under_way.add("cancellation_in_progress")
    assert states_for_lines(action) == under_way


@pytest.mark.parametrize(
    ("state", "actions"),
    [
        ("draft", ["submit"]),
        ("new", ["approve", "reject"]),
        ("submitted", []),
        ("enrichment_in_progress", []),
        ("enrichment_on_hold", []),
        ("acknowledged", ["start"]),
        ("rejected", ["reopen"]),
        ("in_progress", ["hold", "await_information", "set_ponr", "complete"]),
        ("revision_in_progress", ["approve"]),
        ("awaiting_information", ["information_received"]),
        ("on_hold", ["release"]),
        ("scheduled", ["start"]),
        ("assessing_cancellation", ["approve_cancellation", "deny_cancellation"]),
        ("cancellation_in_progress", ["finish_cancellation"]),
        ("canceled", []),
        ("completed", []),
    ],
)
def test_a_state_allows_exactly_its_actions(state: str, actions: list[str]) -> None:
    assert allowed_actions(order_in(OrderState(state), payloads.order())) == actions


def test_a_denied_cancellation_leads_back_to_where_it_came_from_where_that_is_known() -> None:
    order = order_in(OrderState.ASSESSING_CANCELLATION, payloads.order())
    line = order.line_items[0]
    assert goal_of(Action.DENY_CANCELLATION, line) is OrderState.IN_PROGRESS
    order.state_before = line.state_before = "on_hold"
    assert goal_of(Action.DENY_CANCELLATION, line) is OrderState.ON_HOLD
    assert goal_of(Action.DENY_CANCELLATION, order) is OrderState.ON_HOLD
    assert goal_of(Action.APPROVE_CANCELLATION, line) is OrderState.CANCELLATION_IN_PROGRESS


@pytest.mark.parametrize(
    ("line", "allowed"), [("in_progress", True), ("canceled", True), ("on_hold", False)]
)
def test_an_order_can_be_completed_once_no_line_stands_in_the_way(
    line: str, *, allowed: bool
) -> None:
    items = [payloads.item("1"), payloads.item("2")]
    order = order_in(OrderState.IN_PROGRESS, payloads.order(items=items))
    order.line_items[1].state = OrderState(line)
    assert (Action.COMPLETE in allowed_actions(order)) is allowed
