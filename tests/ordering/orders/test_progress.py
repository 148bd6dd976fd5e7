"""Moving orders on: one transaction under the order's lock, with its audit and its events."""

import asyncio
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.actions import FOR_LINES, MOVES, Action
from ordering.domain.errors import ConflictError, InvalidRequestError, NotFoundError, OutdatedError
from ordering.domain.ids import show_id
from ordering.domain.inventory import inventory_ids
from ordering.domain.order import Order
from ordering.domain.states import OrderState
from ordering.orders.progress import Progress, ProgressOrder
from ordering.orders.reader import Branch, find_order
from support import payloads
from support.counting import CountingDatabase
from support.installed import audit, events
from support.locks import waiters
from support.placed import in_state, normal, place, snapshot


async def move(
    database: Database, order: Order, action: str, tags: list[str] | None = None, **said: Any
) -> Progress:
    body = payloads.to_json({"action": action, **said})
    return await ProgressOrder(database)(show_id(order.id), body, "fulfilment", tags)


async def read(database: Database, order: Order) -> Order:
    async with database.acquire() as connection:
        found = await find_order(connection, show_id(order.id), Branch.ALL)
    assert found is not None
    return found


@pytest.mark.parametrize("action", [action for action in Action if action not in FOR_LINES])
async def test_every_action_in_every_state_moves_all_or_writes_nothing(
    action: Action, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order())
    for state in OrderState:
        order = await in_state(demo_database, placed, state)
        before = await snapshot(demo_database)
        if state in MOVES[action]:
            done = await move(demo_database, order, action)
            found = await read(demo_database, order)
            assert (found.state, found.line_items[0].state) == (MOVES[action][state],) * 2
            assert normal(found) == normal(done.order)
            assert found.updated_at > order.updated_at
        else:
            with pytest.raises(ConflictError):
                await move(demo_database, order, action)
            assert await snapshot(demo_database) == before


async def test_a_transition_leaves_an_audit_row_and_events(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    items = [payloads.item("1"), payloads.item("2")]
    (placed,) = await place(demo_database, keeper, payloads.order(items=items))
    order = await in_state(demo_database, placed, "in_progress")
    await move(demo_database, order, "await_information", lineItemIds=["2"], reason="which door?")
    await move(demo_database, order, "hold")
    held = {"state": {"before": "in_progress", "after": "on_hold"}}
    awaiting = {"state": {"before": "in_progress", "after": "awaiting_information"}}
    assert await audit(demo_database) == [
        {
            "version": 1,
            "operation": "await_information",
            "changeTypes": [],
            "changes": {
                "reason": "which door?",
                "lineItemIds": ["2"],
                "lineItems": [{"id": "2", "version": 1, "changeTypes": [], "fields": awaiting}],
            },
            "changedBy": "fulfilment",
        },
        {
            "version": 1,
            "operation": "hold",
            "changeTypes": [],
            "changes": {
                "fields": held,
                "lineItems": [{"id": "1", "version": 1, "changeTypes": [], "fields": held}],
            },
            "changedBy": "fulfilment",
        },
    ]
    assert await events(demo_database) == [
        "productOrderStateChangeEvent",
        "productOrderInformationRequiredEvent",
        "productOrderStateChangeEvent",
    ]


async def test_an_order_goes_all_the_way(demo_database: Database, keeper: CatalogKeeper) -> None:
    items = [payloads.item("1"), payloads.item("2")]
    (order,) = await place(demo_database, keeper, payloads.order(items=items))
    steps: list[tuple[str, list[str] | None, str, list[str]]] = [
        ("approve", None, "acknowledged", ["start"]),
        ("schedule", ["1"], "acknowledged", ["start"]),
        ("start", ["1"], "in_progress", ["hold", "await_information", "set_ponr"]),
        ("start", ["2"], "in_progress", ["hold", "await_information", "set_ponr", "complete"]),
        ("set_ponr", ["1"], "in_progress", ["hold", "await_information", "set_ponr", "complete"]),
        ("complete", ["1"], "in_progress", ["hold", "await_information", "set_ponr", "complete"]),
        ("complete", ["2"], "completed", []),
    ]
    for action, names, state, allowed in steps:
        done = await move(demo_database, order, action, lineItemIds=names)
        assert (done.order.state, list(done.allowed)) == (state, allowed)
    found = await read(demo_database, order)
    assert [line.state for line in found.line_items] == ["completed", "completed"]
    assert (found.version, found.ponr) == (1, True)
    assert await events(demo_database) == ["productOrderStateChangeEvent"] * len(steps)


async def test_an_order_is_found_by_its_external_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order(externalId="PO-1"))
    body = b'{"action": "approve"}'
    done = await ProgressOrder(demo_database)("PO-1", body, "fulfilment")
    assert done.order.id == order.id


async def test_refusals_write_nothing(demo_database: Database, keeper: CatalogKeeper) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError):
        await move(demo_database, order, "explode")
    with pytest.raises(InvalidRequestError):
        await move(demo_database, order, "start", lineItemIds=["100", "unknown"])
    with pytest.raises(OutdatedError):
        await move(demo_database, order, "approve", ["1-1"])
    with pytest.raises(NotFoundError):
        await ProgressOrder(demo_database)("unknown", b'{"action": "approve"}', "fulfilment")
    assert await snapshot(demo_database) == before


async def test_a_tag_that_the_client_knows_is_of_use_once(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    done = await move(demo_database, order, "approve", ["other", order.tag])
    with pytest.raises(OutdatedError) as caught:
        await move(demo_database, order, "start", [order.tag])
    assert [problem.message for problem in caught.value.problems] == [
        f"The order was changed since: its entity tag is {done.order.tag}"
    ]
    assert (await move(demo_database, order, "start", ["*"])).order.state == "in_progress"


async def test_transitions_of_one_order_follow_each_other(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    async with demo_database.acquire() as watching, demo_database.acquire() as holding:
        async with holding.transaction():
            await holding.execute("SELECT FROM customer_order WHERE id = $1 FOR UPDATE", order.id)
            both = [asyncio.create_task(move(demo_database, order, "approve")) for _ in range(2)]
            await waiters(watching, 2)
        results = await asyncio.gather(*both, return_exceptions=True)
    (done,) = (each for each in results if isinstance(each, Progress))
    (refused,) = (each for each in results if isinstance(each, ConflictError))
    assert done.order.state == "acknowledged"
    assert [problem.message for problem in refused.problems] == [
        "The order in state Acknowledged does not allow approve"
    ]
    assert await events(demo_database) == ["productOrderStateChangeEvent"]


async def test_two_orders_about_the_same_inventories_do_not_lock_each_other_out(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    names = [payloads.INVENTORY, payloads.EDGE_INVENTORY]
    one, other = (
        payloads.order(items=[payloads.change_item(name, inventory=name) for name in each])
        for each in (names, names[::-1])
    )
    orders = await place(demo_database, keeper, one, other)
    async with demo_database.acquire() as watching, demo_database.acquire() as holding:
        async with holding.transaction():
            # Both get as far as they can: one waits for this lock, the other for either.
            await holding.execute(
                "SELECT FROM product_inventory WHERE id = $1 FOR UPDATE",
                inventory_ids(orders[0].line_items)[0],
            )
            both = [asyncio.create_task(move(demo_database, each, "approve")) for each in orders]
            await waiters(watching, 2)
        results = await asyncio.gather(*both, return_exceptions=True)
    (refused,) = (each for each in results if isinstance(each, Exception))
    (done,) = (each for each in results if isinstance(each, Progress))
    assert isinstance(refused, ConflictError)
    assert sorted(problem.message for problem in refused.problems) == sorted(
        f"Line item {name}: the product inventory is held by line item {name}"
        f" of order {show_id(done.order.id)}"
        for name in names
    )


async def test_statements_do_not_depend_on_the_number_of_lines(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    counted: list[list[int]] = []
    for lines in (3, 300):
        items = [
            payloads.item(
                str(number),
                externalProductInventory=[{"externalProductInventoryId": f"{lines}-{number}"}],
            )
            for number in range(lines)
        ]
        (order,) = await place(demo_database, keeper, payloads.order(items=items))
        counts: list[int] = []
        for action in ("approve", "start", "complete"):
            counting = CountingDatabase(demo_database)
            done = await move(counting, order, action)
            assert len(done.moved) == lines
            counts.append(len(counting.statements))
        counted.append(counts)
    assert counted[0] == counted[1] == [6, 2, 5]
