"""Orders in progress and what revisions make of them, for tests without a database."""

from typing import Any

from ordering.domain.capture import Circumstances, capture
from ordering.domain.change import Change
from ordering.domain.decode import decode_order
from ordering.domain.errors import InvalidRequestError
from ordering.domain.ids import new_id
from ordering.domain.order import LineItem, Order
from ordering.domain.references import References
from ordering.domain.revision import RevisionPolicy, revise
from ordering.domain.rules import Policy
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import encode
from support import payloads
from support.found import demo_references, draft_of

__all__ = ["MOMENT", "audit_of", "line_of", "order_in", "problems_of", "revised"]

#: When the orders of `order_in` were placed.
MOMENT = Timestamp.parse("2026-01-02T03:04:05.678Z")


def order_in(
    state: OrderState, payload: payloads.Payload, found: References | None = None
) -> Order:
    """Place an order and move it, with all its lines, to a state."""
    how = Circumstances(order_id=new_id(), client="cpq", moment=MOMENT)
    order = capture(draft_of(payload), found or demo_references(), how)
    order.state = state
    for line in order.line_items:
        line.state = state
    return order


def revised(order: Order, said: object, found: References | None = None, **how: Any) -> Change:
    """Revise an order; the members of `how` are those of the two policies."""
    rules = {name: how.pop(name) for name in Policy.__struct_fields__ if name in how}
    policy = RevisionPolicy(client="portal", rules=Policy(**rules), **how)
    return revise(order, decode_order(payloads.to_json(said)), found or demo_references(), policy)


def problems_of(
    order: Order, said: object, found: References | None = None, **how: Any
) -> list[tuple[str, str, int]]:
    """Revise an order in vain; list pointer, text and code of each problem.

    The order must be as it was.
    """
    before = encode(order)
    try:
        revised(order, said, found, **how)
    except InvalidRequestError as error:
        assert encode(order) == before
        return [(problem.pointer, problem.message, problem.code) for problem in error.problems]
    raise AssertionError("the revision was accepted")


def line_of(order: Order, item_id: str) -> LineItem:
    """Return a line by the client's id."""
    (line,) = (line for line in order.line_items if line.item_id == item_id)
    return line


def audit_of(change: Change) -> dict[str, Any]:
    """Summarise what a change tells of lines: id → (version, types, fields)."""
    return {
        each.line.item_id: (each.line.version, [str(kind) for kind in each.types], each.fields)
        for each in change.lines
    }
