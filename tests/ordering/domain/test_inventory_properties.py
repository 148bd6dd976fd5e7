"""Two orders about the same product inventories, in whatever order things are asked and reported.

A world without a database: it locks, finds holders and writes as `ordering.orders` does.
"""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ordering.domain.actions import FOR_WHOLE_ORDERS, Action
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import UPDATE, Change, moment_after
from ordering.domain.errors import ConflictError, InvalidRequestError
from ordering.domain.inventory import Holder, Inventories, ProductInventory, inventory_ids
from ordering.domain.order import LineItem, Order
from ordering.domain.progress import Transition, lines_moved, progress
from ordering.domain.revision import approve_added
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState
from support import payloads
from support.found import id_of
from support.revisions import order_in, revised

INVENTORIES = [payloads.INVENTORY, payloads.EDGE_INVENTORY]
PLACES = [payloads.SITE, "5671dd2ec3a53010188473ce3640dd81"]
NAMES = ["1", "2", "3"]

#: Of transitions those that orders in progress know, and the approval. Not `set_ponr`: what is past
#: its point of no return cannot be canceled, and so a revision that cannot be approved would stay.
REPORTED = [
    Action.APPROVE,
    *(action for action in Action if action not in FOR_WHOLE_ORDERS | {Action.SET_PONR}),
]

FORWARD = [
    Action.APPROVE,
    Action.RELEASE,
    Action.INFORMATION_RECEIVED,
    Action.START,
    Action.APPROVE_CANCELLATION,
    Action.FINISH_CANCELLATION,
    Action.COMPLETE,
]

#: A transition; lines of a revision, and whether it waits; None is a request to cancel the order.
Step = Transition | tuple[payloads.Payload, bool] | None


def _line(name: str, action: str, inventory: str, place: str | None) -> payloads.Payload:
    if action == "add":
        return payloads.item(name)
    product = {} if place is None else {"place": {"id": place}}
    return payloads.change_item(name, action, inventory, **product)


_PLACES = st.sampled_from(PLACES)


def lines_about(name: str, inventories: list[str]) -> st.SearchStrategy[payloads.Payload]:
    """Build a line about one of these inventories, of any action that they are ready for."""
    actions = st.sampled_from(["change", "delete", "suspend", "no-change", "add"])
    return st.builds(
        _line, st.just(name), actions, st.sampled_from(inventories), st.none() | _PLACES
    )


#: The lines of an order; at most one is about each inventory, or none could be approved.
ITEMS = st.tuples(
    *(lines_about(name, [inventory]) for name, inventory in zip(NAMES, INVENTORIES, strict=False)),
    st.just(payloads.item(NAMES[-1])),
).map(list)


def _said(name: str, members: payloads.Payload) -> payloads.Payload:
    return {"id": name, **members}


SAID: st.SearchStrategy[payloads.Payload] = lines_about("new", INVENTORIES) | st.builds(
    _said,
    st.sampled_from(NAMES),
    _PLACES.map(lambda place: {"product": {"place": {"id": place}}})
    | st.sampled_from([{"quantity": 2}, {"revisionOperation": "cancel"}]),
)

TRANSITIONS = st.builds(
    Transition,
    action=st.sampled_from(REPORTED),
    line_item_ids=st.none() | st.lists(st.sampled_from(NAMES), min_size=1, max_size=2),
)

REVISIONS = st.tuples(SAID, st.booleans())

#: Requests to cancel the order are rare, or little else would happen.
STEPS: st.SearchStrategy[list[tuple[int, Step]]] = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.one_of(TRANSITIONS, TRANSITIONS, TRANSITIONS, REVISIONS, REVISIONS, st.none()),
    ),
    min_size=20,
    max_size=40,
)


class World:
    """Orders and inventories as the database would hold them."""

    def __init__(self, *orders: list[payloads.Payload]) -> None:
        self.orders = [order_in(OrderState.NEW, payloads.order(items=items)) for items in orders]
        self.inventories = {
            id_of(name): ProductInventory(
                id=id_of(name), status="active", location_id=id_of(payloads.SITE)
            )
            for name in INVENTORIES
        }

    def holders(self) -> Iterator[tuple[UUID, Holder]]:
        """Find who holds what."""
        for order in self.orders:
            for line in order.line_items:
                held = line.product_inventory_id
                if held and line.inventory_status_before and not line.state.is_final:
                    yield held, Holder(line.id, line.item_id, order.id)

    def lock(self, moved: list[LineItem]) -> Inventories:
        """Read the inventories of lines."""
        found = [self.inventories[each] for each in inventory_ids(moved)]
        return Inventories.of(found, dict(self.holders()), moved)

    def decide(self, order: Order, step: Step) -> Change:
        """Decide what a step changes."""
        moment = moment_after(order)
        match step:
            case None:
                return cancel(order, Cancellation(), client="", moment=moment, cancel_new=False)
            case Transition():
                found = self.lock(lines_moved(order, step))
                return progress(order, step, found, client="", moment=moment)
            case said, waits:
                known = {line.item_id: line.action for line in order.line_items}
                item = said | {"action": known.get(said["id"], said.get("action"))}
                change = revised(order, {"productOrderItem": [item]}, wait_for_approval=waits)
                return approve_added(change, self.lock(list(change.added)))

    def do(self, number: int, step: Step) -> None:
        """Do a step if it is allowed, and check what came of it."""
        before = self.orders[number]
        try:
            change = self.decide(before, step)
        except (ConflictError, InvalidRequestError):
            return
        check(before, change)
        self.orders[number] = change.order
        for each in change.inventories:
            old = self.inventories.get(each.id)
            assert old is None or old.status != "inactive" or each.status == "inactive"
            location = each.location_id or (old and old.location_id)
            new = old or ProductInventory(id=each.id, status=each.status)
            self.inventories[each.id] = replace(new, status=each.status, location_id=location)
        held = Counter(identity for identity, _ in self.holders())
        assert set(held.values()) <= {1}


def check(before: Order, change: Change) -> None:
    """Hold a change against the tables, and what counts versions against who may."""
    after = change.order
    between = {OrderState.IN_PROGRESS} & ORDER_TRANSITIONS[before.state]
    states = {before.state, *between}
    assert after.state is before.state or any(after.state in ORDER_TRANSITIONS[s] for s in states)
    old = {line.id: line for line in before.line_items}
    for line in after.line_items:
        state = old[line.id].state if line.id in old else line.state
        assert line.state is state or line.state in LINE_TRANSITIONS[state]
    counts = change.operation in (UPDATE, "cancel")
    assert after.version == before.version + counts
    told = {each.line.id for each in change.lines if each.fields} | {x.id for x in change.added}
    for line in after.line_items:
        version = old[line.id].version if line.id in old else 0
        assert line.version == version + (counts and line.id in told)
        assert (line.id in told) or line.state is old[line.id].state
    assert after.state.is_final == all(line.state.is_final for line in after.line_items)


def forward(order: Order) -> Iterator[Step]:
    """List the steps that lead towards an end: of the order, then of each line."""
    for action in FORWARD:
        yield Transition(action=action)
        for line in order.line_items:
            yield Transition(action=action, line_item_ids=[line.item_id])


@settings(max_examples=200)
@given(ITEMS, ITEMS, STEPS)
def test_inventories_follow_their_lines_and_end_with_them(
    one: list[payloads.Payload], other: list[payloads.Payload], steps: list[tuple[int, Step]]
) -> None:
    world = World(one, other)
    # Random steps alone would seldom get past the approval.
    for number in (0, 1):
        for action in (Action.APPROVE, Action.START):
            world.do(number, Transition(action=action))
    for number, step in steps:
        world.do(number, step)
    for final in (False, False, True, True):
        for number in (0, 1):
            if final:
                # What cannot be approved any more is canceled.
                world.do(number, None)
            for step in forward(world.orders[number]):
                world.do(number, step)
    # An order that was never approved has done nothing to an inventory.
    assert all(order.state.is_final or _is_untouched(order) for order in world.orders)
    pending = [each for each in world.inventories.values() if each.status.endswith("_pending")]
    assert pending == []


def _is_untouched(order: Order) -> bool:
    untouched = {OrderState.NEW, OrderState.DRAFT, OrderState.REJECTED}
    return order.state in untouched and not any(
        line.inventory_status_before or line.resulting_inventory_id for line in order.line_items
    )
