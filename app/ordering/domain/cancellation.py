"""Ask for an order to be canceled: what a client says, and the change that it comes to.

The cancellation flow of the Product Order Open API: an accepted request is assessed by fulfilment,
which then cancels the order or goes on with it (`domain/actions.py`).
"""

from collections.abc import Iterator

from msgspec import field
from msgspec.structs import replace

from ordering.domain import messages
from ordering.domain.change import Change, Event, Fields, LineChange
from ordering.domain.decode import decode
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.order import LineItem, Order
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState, step
from ordering.domain.timestamps import Timestamp, show_timestamp
from ordering.domain.values import Key, Value

__all__ = ["ORDER_POINTER", "Cancellation", "OrderRef", "cancel", "read_cancellation"]

#: Where a request to cancel names the order.
ORDER_POINTER = "/productOrder/id"

#: The documented type, and the misprint of it in the published example.
_TYPES = (None, "CancelProductOrder", "CancelProductorder")

_S = OrderState


class OrderRef(Value):
    """The order to cancel; `id` may be its external id."""

    id: Key | None = None
    href: str | None = None
    referred_type: str | None = field(default=None, name="@referredType")


class Cancellation(Value):
    """A request to cancel an order. A date in the future does not delay it."""

    cancellation_reason: str | None = None
    requested_cancellation_date: Timestamp | None = None
    product_order: OrderRef | None = None
    type: str | None = field(default=None, name="@type")

    @property
    def order_id(self) -> str:
        """The id or external id of the order."""
        return (self.product_order and self.product_order.id) or ""


def read_cancellation(body: bytes) -> Cancellation:
    """Read a body. Raises `InvalidRequestError` with every problem that the body alone shows."""
    sent, problems = decode(Cancellation, body)
    wrong = {problem.pointer for problem in problems}
    problems += [problem for problem in _problems(sent) if problem.pointer not in wrong]
    if problems:
        raise InvalidRequestError(problems)
    return sent


def _problems(sent: Cancellation) -> Iterator[Problem]:
    if sent.product_order is None:
        yield Problem.of(messages.MANDATORY_MISSING, "/productOrder", name="productOrder")
    elif not sent.product_order.id:
        yield Problem.of(messages.MANDATORY_MISSING, ORDER_POINTER, name="productOrder.id")
    if sent.type not in _TYPES:
        yield Problem.of(messages.CANCEL_TYPE_UNKNOWN, "/@type")


def cancel(
    order: Order, asked: Cancellation, *, client: str, moment: Timestamp, cancel_new: bool
) -> Change:
    """Decide what a request to cancel changes of an order.

    Its open lines go with it; all remember where they were, in case that fulfilment denies it.
    With `cancel_new` an order that nobody accepted yet ends at once. Raises `InvalidRequestError`
    if the order's state or its point of no return does not allow it.
    """
    state = _goal(order, cancel_new=cancel_new)
    lines = {
        line.id: moved for line in order.line_items if (moved := _go_along(line, state)) is not None
    }
    changed = replace(
        order,
        state=step(order.state, state, ORDER_TRANSITIONS),
        state_before=_before(order, state),
        version=order.version + 1,
        cancellation_reason=asked.cancellation_reason,
        requested_cancellation_date=asked.requested_cancellation_date,
        updated_at=moment,
        line_items=[lines.get(line.id, line) for line in order.line_items],
    )
    return Change(
        order=changed,
        operation="cancel",
        client=client,
        moment=moment,
        fields={"state": (order.state, state)},
        lines=[
            LineChange(line=new, fields=_fields(line, new))
            for line in order.line_items
            if (new := lines.get(line.id)) is not None
        ],
        events=(Event.CANCELLATION_REQUESTED, Event.STATE_CHANGED),
        details=_details(asked),
    )


def _goal(order: Order, *, cancel_new: bool) -> OrderState:
    """Tell the state that a request to cancel leads to, or refuse it."""
    if cancel_new and order.state is _S.NEW:
        return _S.CANCELED
    if _S.ASSESSING_CANCELLATION not in ORDER_TRANSITIONS[order.state]:
        label = order.state.label
        problem = Problem.of(messages.NOT_CANCELABLE_STATE, ORDER_POINTER, state=label)
        raise InvalidRequestError([problem])
    if order.ponr:
        raise InvalidRequestError([Problem.of(messages.NOT_CANCELABLE_PONR, ORDER_POINTER)])
    return _S.ASSESSING_CANCELLATION


def _go_along(line: LineItem, state: OrderState) -> LineItem | None:
    """Bring a line to the state that its order gets; None if it stays as it is.

    What a revision wants canceled keeps its own request, which a denial leaves standing.
    """
    if line.state is _S.ASSESSING_CANCELLATION:
        return replace(line, state_before=line.state)
    if state not in LINE_TRANSITIONS[line.state]:
        return None
    moved = replace(line, state=step(line.state, state, LINE_TRANSITIONS), version=line.version + 1)
    return replace(moved, state_before=_before(line, state))


def _fields(before: LineItem, after: LineItem) -> Fields:
    same = after.state is before.state
    return {} if same else {"state": (before.state, after.state)}


def _before(moved: Order | LineItem, state: OrderState) -> OrderState | None:
    """Tell where a denial would lead back to; what ends at once needs no way back."""
    return None if state.is_final else moved.state


def _details(asked: Cancellation) -> dict[str, str]:
    date = asked.requested_cancellation_date
    details = {
        "cancellationReason": asked.cancellation_reason,
        "requestedCancellationDate": date and show_timestamp(date),
    }
    return {name: value for name, value in details.items() if value is not None}
