"""Whatever is reported in whatever order: states follow the tables, and every order can end."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from ordering.domain.actions import Action
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import Change, moment_after
from ordering.domain.errors import ConflictError, InvalidRequestError
from ordering.domain.inventory import Inventories
from ordering.domain.order import Order
from ordering.domain.progress import Transition, progress
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState
from support import payloads
from support.revisions import order_in

NAMES = ["1", "2", "3"]

FORWARD = [
    Action.RELEASE,
    Action.INFORMATION_RECEIVED,
    Action.START,
    Action.APPROVE_CANCELLATION,
    Action.FINISH_CANCELLATION,
    Action.COMPLETE,
]

#: An action with the lines that it names; None is a request to cancel.
Step = tuple[Action, list[str] | None] | None

STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.none()
    | st.tuples(st.sampled_from(Action), st.none() | st.lists(st.sampled_from(NAMES), min_size=1)),
    max_size=40,
)


def attempt(order: Order, step: Step) -> Change | None:
    """Do a step, if the order allows it."""
    moment = moment_after(order)
    try:
        if step is None:
            return cancel(order, Cancellation(), client="", moment=moment, cancel_new=False)
        action, names = step
        asked = Transition(action=action, line_item_ids=names)
        return progress(order, asked, Inventories(), client="", moment=moment)
    except (ConflictError, InvalidRequestError):
        return None


def forward(order: Order) -> Iterator[Step]:
    """List the steps that lead towards an end: of the order, then of each line."""
    for action in FORWARD:
        yield action, None
        yield from ((action, [line.item_id]) for line in order.line_items)


def check(before: Order, after: Order) -> None:
    """Hold a step against the tables."""
    if after.state is not before.state:
        # An order whose only open lines are canceled is in progress for no time at all.
        between = {OrderState.IN_PROGRESS} & ORDER_TRANSITIONS[before.state]
        states = {before.state, *between}
        assert any(after.state in ORDER_TRANSITIONS[state] for state in states)
    for old, new in zip(before.line_items, after.line_items, strict=True):
        assert new.state is old.state or new.state in LINE_TRANSITIONS[old.state]
    assert after.updated_at > before.updated_at
    assert not after.ponr or all(line.ponr for line in after.line_items)
    assert after.state.is_final == all(line.state.is_final for line in after.line_items)


@given(STEPS)
def test_an_order_follows_the_tables_and_can_always_be_brought_to_an_end(steps: list[Step]) -> None:
    items = [payloads.item(name) for name in NAMES]
    order = order_in(OrderState.NEW, payloads.order(items=items))
    # Random steps alone would seldom get past the approval.
    begun: list[Step] = [(Action.APPROVE, None), (Action.START, ["2"])]
    for step in (*begun, *steps, *forward(order), *forward(order)):
        change = attempt(order, step)
        if change is not None:
            check(order, change.order)
            order = change.order
    assert order.state.is_final
