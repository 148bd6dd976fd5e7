"""What fulfilment reports of an order: each action, and the moves that it makes, as one table.

The order-state table of the Product Order Open API's product, seen from the other side: its
triggers are our actions. Faces, docs and tests are made from the same tables.
"""

from collections.abc import Mapping
from enum import StrEnum

from ordering.domain.order import LineItem, Order
from ordering.domain.states import OrderState

__all__ = [
    "CANCELLATION_ACTIONS",
    "FOR_LINES",
    "FOR_WHOLE_ORDERS",
    "MOVES",
    "Action",
    "allowed_actions",
    "goal_of",
    "states_for_lines",
]


class Action(StrEnum):
    """What can be done to an order, or to some of its lines, after it was placed."""

    SUBMIT = "submit"
    APPROVE = "approve"
    REJECT = "reject"
    REOPEN = "reopen"
    START = "start"
    HOLD = "hold"
    RELEASE = "release"
    AWAIT_INFORMATION = "await_information"
    INFORMATION_RECEIVED = "information_received"
    SCHEDULE = "schedule"
    SET_PONR = "set_ponr"
    COMPLETE = "complete"
    APPROVE_CANCELLATION = "approve_cancellation"
    DENY_CANCELLATION = "deny_cancellation"
    FINISH_CANCELLATION = "finish_cancellation"


_S = OrderState

#: By action: the states that it may be done in, each with the state that follows. Orders and lines
#: move alike. `set_ponr` moves nothing: it sets a flag. `deny_cancellation` leads back to the state
#: before the request where that is known (`goal_of`).
MOVES: Mapping[Action, Mapping[OrderState, OrderState]] = {
    Action.SUBMIT: {_S.DRAFT: _S.NEW},
    Action.APPROVE: {_S.NEW: _S.ACKNOWLEDGED, _S.REVISION_IN_PROGRESS: _S.ACKNOWLEDGED},
    Action.REJECT: {_S.NEW: _S.REJECTED},
    Action.REOPEN: {_S.REJECTED: _S.DRAFT},
    Action.START: {_S.ACKNOWLEDGED: _S.IN_PROGRESS, _S.SCHEDULED: _S.IN_PROGRESS},
    Action.HOLD: {_S.IN_PROGRESS: _S.ON_HOLD},
    Action.RELEASE: {_S.ON_HOLD: _S.IN_PROGRESS},
    Action.AWAIT_INFORMATION: {_S.IN_PROGRESS: _S.AWAITING_INFORMATION},
    Action.INFORMATION_RECEIVED: {_S.AWAITING_INFORMATION: _S.IN_PROGRESS},
    Action.SCHEDULE: {_S.ACKNOWLEDGED: _S.SCHEDULED},
    Action.SET_PONR: {_S.IN_PROGRESS: _S.IN_PROGRESS},
    Action.COMPLETE: {_S.IN_PROGRESS: _S.COMPLETED},
    Action.APPROVE_CANCELLATION: {_S.ASSESSING_CANCELLATION: _S.CANCELLATION_IN_PROGRESS},
    Action.DENY_CANCELLATION: {_S.ASSESSING_CANCELLATION: _S.IN_PROGRESS},
    Action.FINISH_CANCELLATION: {_S.CANCELLATION_IN_PROGRESS: _S.CANCELED},
}

#: Acceptance is for the whole order.
FOR_WHOLE_ORDERS = frozenset({Action.SUBMIT, Action.APPROVE, Action.REJECT, Action.REOPEN})

#: `scheduled` is a state of lines only.
FOR_LINES = frozenset({Action.SCHEDULE})

#: What becomes of a request to cancel, whether of the order or of a line.
CANCELLATION_ACTIONS = frozenset(
    {Action.APPROVE_CANCELLATION, Action.DENY_CANCELLATION, Action.FINISH_CANCELLATION}
)

_UNDER_WAY = frozenset({_S.ACKNOWLEDGED, _S.IN_PROGRESS, _S.REVISION_IN_PROGRESS})


def states_for_lines(action: Action) -> frozenset[OrderState]:
    """Return the states of the order in which some of its lines may be moved by an action.

    While the order as a whole is being canceled, its lines are not judged one by one.
    """
    if action in (Action.APPROVE_CANCELLATION, Action.DENY_CANCELLATION):
        return _UNDER_WAY
    return _UNDER_WAY | {_S.CANCELLATION_IN_PROGRESS}


def goal_of(action: Action, moved: Order | LineItem) -> OrderState:
    """Tell the state that an action leads an order or a line to, which must allow it."""
    if action is Action.DENY_CANCELLATION and moved.state_before is not None:
        return OrderState(moved.state_before)
    return MOVES[action][moved.state]


def allowed_actions(order: Order) -> list[Action]:
    """List the actions that the order as a whole allows now, in the order of `Action`."""
    return [
        action
        for action in Action
        if action not in FOR_LINES
        and order.state in MOVES[action]
        and (action is not Action.COMPLETE or _can_complete(order))
    ]


def _can_complete(order: Order) -> bool:
    ends = MOVES[Action.COMPLETE]
    return all(line.state.is_final or line.state in ends for line in order.line_items)
