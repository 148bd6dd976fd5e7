"""Move an order on: from what fulfilment reports to the change that it comes to, or every problem.

Transitions leave the version alone: it counts revisions and requests to cancel. Nothing here does
I/O; the caller holds the locks of the inventories.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from ordering.domain import messages
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
from ordering.domain.change import Change, Event, Fields, LineChange
from ordering.domain.decode import decode
from ordering.domain.errors import ConflictError, InvalidRequestError, Problem
from ordering.domain.inventory import Inventories, InventoryWriter, not_ready
from ordering.domain.order import LineItem, Order
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState, step
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import Value

__all__ = ["Transition", "lines_meant", "lines_moved", "progress", "read_transition"]

_S = OrderState


class Transition(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported: an action, of some line items or of the whole order (`None`)."""

    action: Action
    line_item_ids: Sequence[str] | None = None
    reason: str | None = None


class _Body(Value):
    """The body of a transition as it is sent; attributes that are unknown have no effect."""

    action: str | None = None
    line_item_ids: Annotated[list[str], Meta(max_length=10_000)] | None = None
    reason: str | None = None


def read_transition(body: bytes) -> Transition:
    """Read a body. Raises `InvalidRequestError` with every problem that the body alone shows."""
    sent, problems = decode(_Body, body)
    wrong = {problem.pointer for problem in problems}
    problems += [problem for problem in _problems(sent) if problem.pointer not in wrong]
    if problems or sent.action is None:
        raise InvalidRequestError(problems)
    return Transition(
        action=Action(sent.action), line_item_ids=sent.line_item_ids, reason=sent.reason
    )


def _problems(sent: _Body) -> Iterator[Problem]:
    if sent.action is None:
        yield Problem.of(messages.MANDATORY_MISSING, "/action", name="action")
    elif sent.action not in list(Action):
        yield Problem.of(messages.ACTION_NAME_UNKNOWN, "/action", actions=", ".join(Action))
    at = "/lineItemIds"
    if sent.line_item_ids is None:
        if sent.action in FOR_LINES:
            yield Problem.of(messages.MANDATORY_MISSING, at, name="lineItemIds")
    elif sent.action in FOR_WHOLE_ORDERS:
        yield Problem.of(messages.LINE_ITEMS_NOT_ALONE, at, action=sent.action)
    elif not sent.line_item_ids:
        yield Problem.of(messages.LINE_ITEMS_EMPTY, at)


def lines_meant(order: Order, asked: Transition) -> list[LineItem]:
    """Find the lines that a transition is about.

    Raises `InvalidRequestError` if it names lines that the order does not have.
    """
    if asked.line_item_ids is None:
        return order.line_items
    lines = {line.item_id: line for line in order.line_items}
    pointers = _pointers(asked)
    unknown = [
        Problem.of(messages.LINE_ITEM_UNKNOWN, pointer, id=name)
        for name, pointer in pointers.items()
        if name not in lines
    ]
    if unknown:
        raise InvalidRequestError(unknown)
    return [lines[name] for name in pointers]


def lines_moved(order: Order, asked: Transition) -> list[LineItem]:
    """Find the lines that a transition would move.

    Raises `InvalidRequestError` if it names lines that the order does not have.
    """
    return [line for line in lines_meant(order, asked) if line.state in MOVES[asked.action]]


def progress(
    order: Order, asked: Transition, inventories: Inventories, *, client: str, moment: Timestamp
) -> Change:
    """Decide what a transition changes of an order and of what is installed.

    Without line items it moves the order and all lines that can move; with them, exactly those
    lines, and the order where its lines tell of its state. Raises `InvalidRequestError` for
    unknown line items and `ConflictError` if the order or a line does not allow the action.
    """
    lines = lines_meant(order, asked)
    if refused := list(_refusals(order, asked, lines, inventories)):
        raise ConflictError(refused, allowed_actions(order))
    whole = asked.line_item_ids is None
    ponr = asked.action is Action.SET_PONR
    writer = InventoryWriter(order, inventories)
    moved = {line.id: _move(line, asked.action, writer) for line in lines_moved(order, asked)}
    after = [moved.get(line.id, line) for line in order.line_items]
    if ponr:
        # A line past the point of no return takes the whole order with it.
        after = [replace(line, ponr=True) for line in after]
    changed = replace(
        _step(order, asked.action) if whole else order,
        ponr=order.ponr or ponr,
        updated_at=moment,
        line_items=after,
    )
    changed.state = _roll_up(changed.state, after, whole=whole)
    fields = _fields(order, changed)
    changes = [
        LineChange(line=new, fields=_fields(old, new))
        for old, new in zip(order.line_items, after, strict=True)
        if new != old
    ]
    return Change(
        order=changed,
        operation=asked.action,
        client=client,
        moment=moment,
        fields=fields,
        lines=changes,
        inventories=writer.changes,
        events=_events(asked.action, moved=any([fields, *(each.fields for each in changes)])),
        details=_details(asked),
    )


def _pointers(asked: Transition) -> dict[str, str]:
    """Tell where the request names each line item, once where it does so repeatedly."""
    named = enumerate(asked.line_item_ids or ())
    return {name: f"/lineItemIds/{index}" for index, name in named}


def _refusals(
    order: Order, asked: Transition, lines: Sequence[LineItem], inventories: Inventories
) -> Iterator[Problem]:
    """Find what does not allow the action: the order, lines, inventories."""
    action, moves = asked.action, MOVES[asked.action]
    whole = asked.line_item_ids is None
    if order.state not in (moves if whole else states_for_lines(action)):
        yield Problem.of(
            messages.ORDER_CANNOT_MOVE, "/action", state=order.state.label, action=action
        )
        if whole:
            return
    pointers = _pointers(asked)
    for line in lines:
        pointer = pointers.get(line.item_id, "/action")
        # Of a whole order those lines move that can; but it cannot end before all of them do.
        must_move = not whole or (action is Action.COMPLETE and not line.state.is_final)
        if must_move and line.state not in moves:
            yield Problem.of(
                messages.LINE_CANNOT_MOVE,
                pointer,
                id=line.item_id,
                state=line.state.label,
                action=action,
            )
        elif action is Action.APPROVE and line.state in moves:
            yield from not_ready(line, inventories, pointer)


def _step(order: Order, action: Action) -> Order:
    """Bring an order one step on; the request to cancel that was judged, if it was, is settled."""
    state = step(order.state, goal_of(action, order), ORDER_TRANSITIONS)
    return replace(order, state=state, state_before=None)


def _move(line: LineItem, action: Action, writer: InventoryWriter) -> LineItem:
    """Bring a line one step on, and the inventories that it is about along with it."""
    state = step(line.state, goal_of(action, line), LINE_TRANSITIONS)
    line = replace(line, state=state, state_before=None)
    match action:
        case Action.APPROVE:
            return writer.approve(line)
        case Action.COMPLETE:
            return writer.complete(line)
        case Action.FINISH_CANCELLATION:
            return writer.cancel(line)
        case _:
            return line


def _roll_up(state: OrderState, lines: Sequence[LineItem], *, whole: bool) -> OrderState:
    """Tell an order's state from those of its lines.

    An order whose lines were moved is under way with the first of them; every order ends with the
    last: completed if any line is, as far as its own state allows that.
    """
    ended = bool(lines) and all(line.state.is_final for line in lines)
    begun = any(line.state in (_S.IN_PROGRESS, _S.COMPLETED) for line in lines)
    if state is _S.ACKNOWLEDGED and (ended or (begun and not whole)):
        state = step(state, _S.IN_PROGRESS, ORDER_TRANSITIONS)
    if ended:
        completed = any(line.state is _S.COMPLETED for line in lines)
        ends = (_S.COMPLETED, _S.CANCELED) if completed else (_S.CANCELED,)
        end = next((end for end in ends if end in ORDER_TRANSITIONS[state]), state)
        return step(state, end, ORDER_TRANSITIONS)
    return state


def _fields(before: Order | LineItem, after: Order | LineItem) -> Fields:
    members = {name: (getattr(before, name), getattr(after, name)) for name in ("state", "ponr")}
    return {name: (old, new) for name, (old, new) in members.items() if old != new}


def _events(action: Action, *, moved: bool) -> list[Event]:
    events: list[Event] = []
    if moved:
        events.append(Event.STATE_CHANGED)
    if action is Action.AWAIT_INFORMATION:
        events.append(Event.INFORMATION_REQUIRED)
    if action in CANCELLATION_ACTIONS:
        events.append(Event.CANCELLATION_MOVED)
    return events


def _details(asked: Transition) -> Mapping[str, Any]:
    details = {"reason": asked.reason, "lineItemIds": asked.line_item_ids}
    return {name: value for name, value in details.items() if value is not None}
