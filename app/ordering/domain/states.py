"""The states of orders, line items and inbound requests, and the allowed transitions, as data.

Sources: the order states of the Product Order Open API's product, whose labels are the slugs with
spaces; the Inbound Queue's state table. Docs and tests are made from the same tables.
"""

from collections.abc import Mapping
from enum import StrEnum

__all__ = [
    "INBOUND_TRANSITIONS",
    "LINE_TRANSITIONS",
    "ORDER_TRANSITIONS",
    "BulkState",
    "InboundState",
    "InboundStatus",
    "LineOutcome",
    "OrderState",
    "step",
]


class BulkState(StrEnum):
    """States of a bulk; one that was interrupted may be received again."""

    RECEIVING = "receiving"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


class LineOutcome(StrEnum):
    """What became of a line of a bulk; `duplicate` means that its order was known already."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


class OrderState(StrEnum):
    """States of an order and of a line item; `scheduled` exists for lines only."""

    DRAFT = "draft"
    NEW = "new"
    SUBMITTED = "submitted"
    ENRICHMENT_IN_PROGRESS = "enrichment_in_progress"
    ENRICHMENT_ON_HOLD = "enrichment_on_hold"
    ACKNOWLEDGED = "acknowledged"
    REJECTED = "rejected"
    IN_PROGRESS = "in_progress"
    REVISION_IN_PROGRESS = "revision_in_progress"
    AWAITING_INFORMATION = "awaiting_information"
    ON_HOLD = "on_hold"
    SCHEDULED = "scheduled"
    ASSESSING_CANCELLATION = "assessing_cancellation"
    CANCELLATION_IN_PROGRESS = "cancellation_in_progress"
    CANCELED = "canceled"
    COMPLETED = "completed"

    @property
    def label(self) -> str:
        """The state as people read it: `In progress`."""
        return self.replace("_", " ").capitalize()

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow."""
        return not ORDER_TRANSITIONS[self]


_S = OrderState

ORDER_TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    _S.DRAFT: frozenset({_S.ENRICHMENT_IN_PROGRESS, _S.NEW}),
    _S.ENRICHMENT_IN_PROGRESS: frozenset({_S.ENRICHMENT_ON_HOLD, _S.NEW}),
    _S.ENRICHMENT_ON_HOLD: frozenset({_S.ENRICHMENT_IN_PROGRESS}),
    _S.SUBMITTED: frozenset({_S.NEW}),
    # From `new` to `canceled` only where the settings let clients change new orders.
    _S.NEW: frozenset({_S.ACKNOWLEDGED, _S.REJECTED, _S.CANCELED}),
    _S.REJECTED: frozenset({_S.DRAFT}),
    _S.ACKNOWLEDGED: frozenset({_S.IN_PROGRESS, _S.SCHEDULED}),
    _S.SCHEDULED: frozenset({_S.IN_PROGRESS}),
    _S.IN_PROGRESS: frozenset(
        {
            _S.AWAITING_INFORMATION,
            _S.ON_HOLD,
            _S.REVISION_IN_PROGRESS,
            _S.ASSESSING_CANCELLATION,
            _S.COMPLETED,
            # When each of its lines was canceled by a revision.
            _S.CANCELED,
        }
    ),
    _S.AWAITING_INFORMATION: frozenset({_S.IN_PROGRESS, _S.ASSESSING_CANCELLATION}),
    _S.ON_HOLD: frozenset({_S.IN_PROGRESS, _S.ASSESSING_CANCELLATION}),
    _S.REVISION_IN_PROGRESS: frozenset({_S.ACKNOWLEDGED, _S.ASSESSING_CANCELLATION}),
    # A request that is denied leaves things as they were before it.
    _S.ASSESSING_CANCELLATION: frozenset(
        {
            _S.CANCELLATION_IN_PROGRESS,
            _S.IN_PROGRESS,
            _S.AWAITING_INFORMATION,
            _S.ON_HOLD,
            _S.REVISION_IN_PROGRESS,
        }
    ),
    _S.CANCELLATION_IN_PROGRESS: frozenset({_S.CANCELED}),
    _S.CANCELED: frozenset(),
    _S.COMPLETED: frozenset(),
}


#: The states in which a line can be asked to be canceled: with its order, or by a revision.
_CANCELABLE = frozenset(
    {
        _S.NEW,
        _S.ACKNOWLEDGED,
        _S.SCHEDULED,
        _S.IN_PROGRESS,
        _S.ON_HOLD,
        _S.AWAITING_INFORMATION,
        _S.REVISION_IN_PROGRESS,
    }
)

#: A line may be canceled before its fulfilment began, and by a revision without being assessed;
#: the other transitions are those of orders.
LINE_TRANSITIONS: dict[OrderState, frozenset[OrderState]] = (
    ORDER_TRANSITIONS
    | {
        state: ORDER_TRANSITIONS[state] | {_S.ASSESSING_CANCELLATION, _S.CANCELLATION_IN_PROGRESS}
        for state in _CANCELABLE
    }
    | {_S.ASSESSING_CANCELLATION: _CANCELABLE | {_S.CANCELLATION_IN_PROGRESS}}
)


def step(
    state: OrderState, to: OrderState, table: Mapping[OrderState, frozenset[OrderState]]
) -> OrderState:
    """Return the state that follows; it may be the same.

    Raises `ValueError` for a step that the table does not have: whoever takes it has a defect.
    """
    if to is not state and to not in table[state]:
        raise ValueError(f"no step leads from {state} to {to}")
    return to


class InboundState(StrEnum):
    """States of a record of the inbound queue."""

    NEW = "new"
    IN_PROGRESS = "in_progress"
    PENDING = "pending"
    COMPLETED = "completed"
    ERROR = "error"


class InboundStatus(StrEnum):
    """How an ended record went; partial success is an order with work notes."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILURE = "failure"


_I = InboundState

#: `in_progress -> new` is a lease that expired or was handed back. A redrive leads from `error` to
#: `new`, or to `pending` behind what is to be done before. What has not been taken yet may be
#: canceled, which is an `error` of its own.
INBOUND_TRANSITIONS: dict[InboundState, frozenset[InboundState]] = {
    _I.NEW: frozenset({_I.IN_PROGRESS, _I.ERROR}),
    _I.PENDING: frozenset({_I.NEW, _I.ERROR}),
    _I.IN_PROGRESS: frozenset({_I.COMPLETED, _I.ERROR, _I.NEW}),
    _I.ERROR: frozenset({_I.NEW, _I.PENDING}),
    _I.COMPLETED: frozenset(),
}
