"""Who holds a product inventory, and who gets the external id that two ask for."""

import asyncio

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import ConflictError, InvalidRequestError, OrderingError
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from support import payloads
from support.fulfilment import act, revise, status
from support.installed import installed
from support.locks import waiters
from support.placed import place, snapshot

HELD = "Line item {}: the product inventory is held by line item {} of {}"


async def about(
    database: Database, keeper: CatalogKeeper, *actions: str, inventory: str = payloads.INVENTORY
) -> Order:
    """Place an order with one line per action, all about one inventory."""
    items = [
        payloads.change_item(str(number), action, inventory)
        for number, action in enumerate(actions, 1)
    ]
    (order,) = await place(database, keeper, payloads.order(items=items))
    return order


async def refusal(database: Database, order: Order) -> list[tuple[str, str, int]]:
    """Approve an order in vain; list the problems."""
    before = await snapshot(database)
    with pytest.raises(ConflictError) as caught:
        await act(database, order, "approve")
    assert await snapshot(database) == before
    return told(caught.value)


def told(error: OrderingError) -> list[tuple[str, str, int]]:
    return [(each.pointer, each.message, each.code) for each in error.problems]


@pytest.mark.parametrize("second", ["change", "delete", "suspend"])
@pytest.mark.parametrize("first", ["change", "delete", "suspend"])
async def test_an_inventory_is_held_by_one_order(
    first: str, second: str, demo_database: Database, keeper: CatalogKeeper
) -> None:
    holder = await about(demo_database, keeper, first)
    late = await about(demo_database, keeper, second)
    await act(demo_database, holder, "approve")
    text = HELD.format(1, 1, f"order {show_id(holder.id)}")
    assert await refusal(demo_database, late) == [("/action", text, 1)]


async def test_a_late_resume_does_not_bring_back_what_is_being_ended(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    name = payloads.SUSPENDED_INVENTORY
    ending = await about(demo_database, keeper, "delete", inventory=name)
    late = await about(demo_database, keeper, "resume", inventory=name)
    await act(demo_database, late, "approve")
    text = HELD.format(1, 1, f"order {show_id(late.id)}")
    assert await refusal(demo_database, ending) == [("/action", text, 1)]


async def test_an_inventory_is_held_in_every_state_until_the_line_ends(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    holder = await about(demo_database, keeper, "suspend")
    late = await about(demo_database, keeper, "delete")
    text = HELD.format(1, 1, f"order {show_id(holder.id)}")
    for action in ("approve", "start", "hold", "release", "await_information"):
        await act(demo_database, holder, action)
        assert await refusal(demo_database, late) == [("/action", text, 1)]


async def test_an_inventory_is_free_once_the_line_is_completed(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    first = await about(demo_database, keeper, "suspend")
    second = await about(demo_database, keeper, "delete")
    for action in ("approve", "start", "complete"):
        await act(demo_database, first, action)
    await act(demo_database, second, "approve")
    assert await status(demo_database, payloads.INVENTORY) == "change_pending"


async def test_of_the_lines_of_one_order_the_first_holds_what_they_name(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await about(demo_database, keeper, "no-change", "change", "delete", "no-change")
    assert await refusal(demo_database, order) == [
        ("/action", HELD.format(3, 2, "the same order"), 1)
    ]


async def test_no_change_neither_holds_an_inventory_nor_minds_that_it_is_held(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    looking = await about(demo_database, keeper, "no-change")
    (line,) = (await act(demo_database, looking, "approve")).line_items
    assert line.inventory_status_before is None
    ending = await about(demo_database, keeper, "delete")
    await act(demo_database, ending, "approve")
    late = await about(demo_database, keeper, "no-change")
    await act(demo_database, late, "approve")
    for order in (ending, late, looking):
        await act(demo_database, order, "start")
        await act(demo_database, order, "complete")
    assert await status(demo_database, payloads.INVENTORY) == "inactive"


async def test_a_revision_adds_no_line_about_what_another_holds(
    demo_database: Database, keeper: CatalogKeeper, finder: ReferenceFinder
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order(items=[payloads.item("1")]))
    await act(demo_database, order, "approve")
    await act(demo_database, order, "start")
    holder = await about(demo_database, keeper, "suspend")
    await act(demo_database, holder, "approve")
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError) as caught:
        await revise(demo_database, finder, order, payloads.change_item("2", "delete"))
    text = HELD.format(2, 1, f"order {show_id(holder.id)}")
    assert [message for _, message, _ in told(caught.value)] == [text]
    assert await snapshot(demo_database) == before


async def test_a_line_leaves_alone_what_it_does_not_hold(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    """Such as an inventory that became known after the line was approved."""
    async with demo_database.acquire() as connection:
        name = "UPDATE product_inventory SET external_id = $2 WHERE external_id = $1"
        await connection.execute(name, payloads.SUSPENDED_INVENTORY, "elsewhere")
        items = [
            payloads.change_item(str(number), action, payloads.SUSPENDED_INVENTORY)
            for number, action in enumerate(("suspend", "change", "delete", "delete"))
        ]
        (order,) = await place(demo_database, keeper, payloads.order(items=items))
        await act(demo_database, order, "approve")
        await connection.execute(
            "UPDATE order_line_item SET product_inventory_id ="
            " (SELECT id FROM product_inventory WHERE external_id = 'elsewhere')"
        )
        await connection.execute(
            "UPDATE order_line_item SET state = 'cancellation_in_progress' WHERE item_id = '3'"
        )
    await act(demo_database, order, "start")
    await act(demo_database, order, "finish_cancellation", "3")
    assert (await act(demo_database, order, "complete")).state == "completed"
    assert (await installed(demo_database, "elsewhere"))["status"] == "suspended"


@pytest.mark.parametrize("outcome", ["commits", "rolls back"])
async def test_an_external_id_goes_to_who_asked_first(
    outcome: str, demo_database: Database, keeper: CatalogKeeper
) -> None:
    """The other may be the catalog loader, which asks nobody."""
    named = [{"externalProductInventoryId": "edge-77"}]
    items = [payloads.item(externalProductInventory=named)]
    (order,) = await place(demo_database, keeper, payloads.order(items=items))
    async with demo_database.acquire() as watching, demo_database.acquire() as other:
        await other.execute("BEGIN")
        await other.execute(
            "INSERT INTO product_inventory (id, external_id, name, status)"
            " VALUES (gen_random_uuid(), 'edge-77', 'theirs', 'active')"
        )
        approving = asyncio.create_task(act(demo_database, order, "approve"))
        await waiters(watching, 1)
        await other.execute("COMMIT" if outcome == "commits" else "ROLLBACK")
        created_id = (await approving).line_items[0].resulting_inventory_id
    assert created_id is not None
    created = await installed(demo_database, created_id)
    assert created["status"] == "installation_pending"
    theirs = outcome == "commits"
    assert created.get("external_id") == (None if theirs else "edge-77")
    found = await installed(demo_database, "edge-77")
    assert found["name"] == ("theirs" if theirs else "SD-WAN Service Package")
    await act(demo_database, order, "start")
    (line,) = (await act(demo_database, order, "complete")).line_items
    assert line.product_id == (show_id(created_id) if theirs else "edge-77")
