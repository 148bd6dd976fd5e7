"""The states and their transitions, as tables: exactly these, all reachable, ends are ends."""

from collections.abc import Mapping
from typing import Any

import pytest

from ordering.domain.states import (
    INBOUND_TRANSITIONS,
    LINE_TRANSITIONS,
    ORDER_TRANSITIONS,
    InboundState,
    InboundStatus,
    OrderState,
    step,
)

State = OrderState | InboundState

#: The documented transitions of orders and lines, `from: to ...`.
_ORDER_TABLE = """
draft: enrichment_in_progress new
enrichment_in_progress: enrichment_on_hold new
enrichment_on_hold: enrichment_in_progress
submitted: new
new: acknowledged canceled rejected
rejected: draft
acknowledged: in_progress scheduled
scheduled: in_progress
in_progress: awaiting_information on_hold revision_in_progress
in_progress: assessing_cancellation completed canceled
awaiting_information: in_progress assessing_cancellation
on_hold: in_progress assessing_cancellation
revision_in_progress: acknowledged assessing_cancellation
assessing_cancellation: cancellation_in_progress in_progress awaiting_information on_hold
assessing_cancellation: revision_in_progress
cancellation_in_progress: canceled
canceled:
completed:
"""

_INBOUND_TABLE = """
new: in_progress error
pending: new error
in_progress: completed error new
error: new pending
completed:
"""


def _pairs(table: str) -> set[tuple[str, str]]:
    return {
        (state.strip(), to)
        for state, _, targets in (line.partition(":") for line in table.strip().splitlines())
        for to in targets.split()
    }


_CASES = [
    *((one, to, (one, to) in _pairs(_ORDER_TABLE)) for one in OrderState for to in OrderState),
    *((a, to, (a, to) in _pairs(_INBOUND_TABLE)) for a in InboundState for to in InboundState),
]


@pytest.mark.parametrize(("state", "to", "allowed"), _CASES)
def test_what_is_in_the_table_is_allowed_and_nothing_else(
    state: State, to: State, *, allowed: bool
) -> None:
    table: Any = INBOUND_TRANSITIONS if isinstance(state, InboundState) else ORDER_TRANSITIONS
    assert (to in table[state]) is allowed


#: What lines can do beyond what orders can.
_LINE_TABLE = """
new: assessing_cancellation cancellation_in_progress
acknowledged: assessing_cancellation cancellation_in_progress
scheduled: assessing_cancellation cancellation_in_progress
in_progress: cancellation_in_progress
on_hold: cancellation_in_progress
awaiting_information: cancellation_in_progress
revision_in_progress: cancellation_in_progress
assessing_cancellation: new acknowledged scheduled
"""


def test_a_line_can_be_canceled_wherever_it_is_open_and_else_moves_like_orders() -> None:
    more = {
        (state, to)
        for state in OrderState
        for to in LINE_TRANSITIONS[state] - ORDER_TRANSITIONS[state]
    }
    assert more == _pairs(_LINE_TABLE)
    assert all(LINE_TRANSITIONS[state] >= ORDER_TRANSITIONS[state] for state in OrderState)


@pytest.mark.parametrize("table", [ORDER_TRANSITIONS, LINE_TRANSITIONS], ids=["order", "line"])
def test_a_step_is_one_of_the_table_or_none(
    table: Mapping[OrderState, frozenset[OrderState]],
) -> None:
    for state in OrderState:
        for to in OrderState:
            if to is state or to in table[state]:
                assert step(state, to, table) is to
            else:
                with pytest.raises(ValueError, match=f"no step leads from {state} to {to}"):
                    step(state, to, table)


@pytest.mark.parametrize(
    ("state", "label"),
    [(OrderState.NEW, "New"), (OrderState.ASSESSING_CANCELLATION, "Assessing cancellation")],
)
def test_people_read_labels(state: OrderState, label: str) -> None:
    assert state.label == label


def _reachable(table: Mapping[State, frozenset[State]], *starts: State) -> set[State]:
    reached: set[State] = set()
    ahead = set(starts)
    while ahead:
        reached |= ahead
        ahead = {to for state in ahead for to in table[state]} - reached
    return reached


def test_every_order_state_is_reached_from_a_created_order() -> None:
    """Created orders are `new` (API), `draft` (captured by hand) or `submitted`."""
    starts = (OrderState.NEW, OrderState.DRAFT, OrderState.SUBMITTED)
    assert _reachable({**ORDER_TRANSITIONS}, *starts) == set(OrderState)


def test_every_inbound_state_is_reached_from_new() -> None:
    assert _reachable({**INBOUND_TRANSITIONS}, InboundState.NEW) == set(InboundState)


def test_only_ends_are_ends_and_each_state_leads_to_one() -> None:
    ends: dict[State, frozenset[State]] = {**ORDER_TRANSITIONS, **INBOUND_TRANSITIONS}
    final = {state for state, targets in ends.items() if not targets}
    assert final == {OrderState.CANCELED, OrderState.COMPLETED, InboundState.COMPLETED}
    for state in OrderState:
        assert _reachable({**ORDER_TRANSITIONS}, state) & final
    for state in InboundState:
        assert _reachable({**INBOUND_TRANSITIONS}, state) & final


def test_the_names_are_those_of_the_api() -> None:
    assert set(ORDER_TRANSITIONS) == set(OrderState)
    assert set(INBOUND_TRANSITIONS) == set(InboundState)
    assert list(InboundStatus) == ["success", "partial_success", "failure"]
    assert all(state == state.name.lower() for state in (*OrderState, *InboundState))
