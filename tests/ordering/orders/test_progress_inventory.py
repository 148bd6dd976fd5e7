"""What transitions make of product inventories: on approval, completion and cancellation."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import ConflictError
from ordering.domain.ids import show_id
from ordering.domain.order import LineItem, Order
from ordering.orders.progress import ProgressOrder
from support import payloads
from support.found import id_of
from support.fulfilment import status
from support.installed import installed
from support.locks import waiters
from support.placed import in_state, place, snapshot

OTHER_SITE = "5671dd2ec3a53010188473ce3640dd81"


async def move(database: Database, order: Order, *actions: str) -> LineItem:
    """Do actions one after the other; return the order's only line, or the first."""
    done = None
    for action in actions:
        body = payloads.to_json({"action": action})
        done = await ProgressOrder(database)(show_id(order.id), body, "fulfilment")
    assert done is not None
    return done.order.line_items[0]


async def canceled(database: Database, order: Order) -> LineItem:
    """Cancel an order that was approved."""
    return await move(
        database, await in_state(database, order, "cancellation_in_progress"), "finish_cancellation"
    )


async def about(
    database: Database, keeper: CatalogKeeper, action: str, inventory: str, **product: Any
) -> Order:
    """Place an order with one line about an inventory."""
    items = [payloads.change_item("1", action, inventory, **product)]
    (order,) = await place(database, keeper, payloads.order(items=items))
    return order


#: By action and inventory: its status when approved, completed, or canceled after the approval.
_NAMED = [
    ("change", payloads.INVENTORY, "change_pending", "active", "active"),
    ("delete", payloads.INVENTORY, "change_pending", "inactive", "active"),
    ("delete", payloads.SUSPENDED_INVENTORY, "change_pending", "inactive", "suspended"),
    ("suspend", payloads.INVENTORY, "active", "suspended", "active"),
    ("resume", payloads.SUSPENDED_INVENTORY, "suspended", "active", "suspended"),
    ("no-change", payloads.INVENTORY, "active", "active", "active"),
    ("no-change", payloads.INACTIVE_INVENTORY, "inactive", "inactive", "inactive"),
]


@pytest.mark.parametrize(("action", "inventory", "approved", "completed", "given_up"), _NAMED)
async def test_the_inventory_of_a_line_follows_it(
    action: str,
    inventory: str,
    approved: str,
    completed: str,
    given_up: str,
    demo_database: Database,
    keeper: CatalogKeeper,
) -> None:
    count = "SELECT count(*) FROM product_inventory"
    async with demo_database.acquire() as connection:
        before = await connection.fetchval(count)
    order = await about(demo_database, keeper, action, inventory)
    line = await move(demo_database, order, "approve")
    assert await status(demo_database, inventory) == approved
    await canceled(demo_database, order)
    assert await status(demo_database, inventory) == given_up
    order = await about(demo_database, keeper, action, inventory)
    line = await move(demo_database, order, "approve", "start", "complete")
    assert await status(demo_database, inventory) == completed
    identity = UUID((await installed(demo_database, inventory))["id"])
    assert (line.product_inventory_id, line.resulting_inventory_id) == (identity, None)
    async with demo_database.acquire() as connection:
        assert await connection.fetchval(count) == before


async def test_a_product_is_added(demo_database: Database, keeper: CatalogKeeper) -> None:
    product = payloads.product(
        payloads.EDGE_DEVICE,
        place={"id": payloads.SITE},
        productCharacteristic=[
            payloads.characteristic("CPE Model", "ASR"),
            payloads.characteristic("ports", {"lan": [1, 2.50]}, valueType="Object"),
            {"value": "nameless"},
        ],
    )
    item = payloads.item(
        product=product,
        externalProductInventory=[{"externalProductInventoryId": "edge-77", "system": "old"}],
    )
    parties = [payloads.party("Customer"), payloads.party("Consumer")]
    (order,) = await place(
        demo_database, keeper, payloads.order(items=[item], relatedParty=parties)
    )
    line = await move(demo_database, order, "approve")
    assert line.resulting_inventory_id is not None
    assert (line.product_inventory_id, line.product_id) == (None, None)
    expected = {
        "id": str(line.resulting_inventory_id),
        "external_id": "edge-77",
        "name": "SD-WAN Edge Device",
        "status": "installation_pending",
        "product_offering_id": str(id_of(payloads.OFFERING)),
        "product_specification_id": str(id_of(payloads.EDGE_DEVICE)),
        "internal_version": 1,
        "location_id": str(id_of(payloads.SITE)),
        "account_id": str(id_of(payloads.ACCOUNT)),
        "consumer_id": str(id_of(payloads.CONSUMER)),
    }
    assert await installed(demo_database, line.resulting_inventory_id) == expected
    line = await move(demo_database, order, "start", "complete")
    assert line.product_inventory_id == line.resulting_inventory_id
    assert line.product_id == "edge-77"
    assert await installed(demo_database, line.product_inventory_id or "") == expected | {
        "status": "active",
        "characteristics": [
            {"name": "CPE Model", "value": "ASR", "valueType": "Choice"},
            {"name": "ports", "value": {"lan": [1, 2.50]}, "valueType": "Object"},
        ],
    }


async def test_an_added_product_without_an_external_id_is_named_by_its_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    line = await move(demo_database, order, "approve", "start", "complete")
    assert line.product_id == show_id(line.resulting_inventory_id or UUID(int=0))


async def test_an_added_product_that_is_given_up_is_inactive(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    line = await move(demo_database, order, "approve")
    await canceled(demo_database, order)
    assert await status(demo_database, line.resulting_inventory_id) == "inactive"


async def test_an_external_id_is_given_once(demo_database: Database, keeper: CatalogKeeper) -> None:
    def named(id: str, name: str) -> payloads.Payload:
        return payloads.item(id, externalProductInventory=[{"externalProductInventoryId": name}])

    items = [named("1", "new-1"), named("2", "new-1"), named("3", payloads.INACTIVE_INVENTORY)]
    (order,) = await place(demo_database, keeper, payloads.order(items=items))
    await move(demo_database, order, "approve", "start", "complete")
    done = await in_state(demo_database, order, "completed")
    created = [
        await installed(demo_database, line.resulting_inventory_id or "")
        for line in done.line_items
    ]
    assert [each.get("external_id") for each in created] == ["new-1", None, None]
    assert [line.product_id for line in done.line_items] == [
        "new-1",
        *(show_id(line.resulting_inventory_id or UUID(int=0)) for line in done.line_items[1:]),
    ]
    assert await status(demo_database, payloads.INACTIVE_INVENTORY) == "inactive"


async def test_orders_that_meet_over_external_ids_both_go_on(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    names = ["meeting-1", "meeting-2"]
    one, other = (
        payloads.order(
            items=[
                payloads.item(name, externalProductInventory=[{"externalProductInventoryId": name}])
                for name in each
            ]
        )
        for each in (names, names[::-1])
    )
    orders = await place(demo_database, keeper, one, other)
    async with demo_database.acquire() as watching, demo_database.acquire() as holding:
        async with holding.transaction():
            # Both get as far as they can without writing.
            await holding.execute("LOCK TABLE product_inventory IN SHARE MODE")
            both = [asyncio.create_task(move(demo_database, each, "approve")) for each in orders]
            await waiters(watching, 2)
        lines = await asyncio.gather(*both)
    given = [await installed(demo_database, name) for name in names]
    created = {str(line.resulting_inventory_id) for line in lines}
    assert {each["status"] for each in given} == {"installation_pending"}
    assert len(created) == 2
    assert len(created & {each["id"] for each in given}) == 1


async def test_a_change_lays_what_is_new_over_what_is_installed(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    before = await installed(demo_database, payloads.EDGE_INVENTORY)
    assert before["characteristics"] == [{"name": "WAN Optimization", "value": "Advance"}]
    item = payloads.item(
        product=payloads.product(
            payloads.SECURITY,
            id=payloads.EDGE_INVENTORY,
            productCharacteristic=[
                payloads.characteristic("Security Type", "Base"),
                payloads.characteristic("WAN Optimization", "Premium", previousValue="Advance"),
            ],
        ),
        action="change",
    )
    (order,) = await place(demo_database, keeper, payloads.order(items=[item]))
    await move(demo_database, order, "approve")
    assert await installed(demo_database, payloads.EDGE_INVENTORY) == before | {
        "status": "change_pending"
    }
    line = await move(demo_database, order, "start", "complete")
    assert line.product_inventory_id == id_of(payloads.EDGE_INVENTORY)
    assert await installed(demo_database, payloads.EDGE_INVENTORY) == before | {
        "status": "active",
        "product_specification_id": str(id_of(payloads.SECURITY)),
        "characteristics": [
            {"name": "WAN Optimization", "value": "Premium"},
            {"name": "Security Type", "value": "Base", "valueType": "Choice"},
        ],
    }


async def test_a_change_to_another_place_is_a_move(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    old = await installed(demo_database, payloads.EDGE_INVENTORY)
    order = await about(
        demo_database, keeper, "change", payloads.EDGE_INVENTORY, place={"id": OTHER_SITE}
    )
    line = await move(demo_database, order, "approve")
    assert await status(demo_database, payloads.EDGE_INVENTORY) == "change_pending"
    assert await status(demo_database, line.resulting_inventory_id) == "installation_pending"
    await canceled(demo_database, order)
    assert await status(demo_database, payloads.EDGE_INVENTORY) == "active"
    assert await status(demo_database, line.resulting_inventory_id) == "inactive"

    order = await about(
        demo_database, keeper, "change", payloads.EDGE_INVENTORY, place={"id": OTHER_SITE}
    )
    line = await move(demo_database, order, "approve", "start", "complete")
    assert await installed(demo_database, payloads.EDGE_INVENTORY) == old | {"status": "inactive"}
    new = await installed(demo_database, line.resulting_inventory_id or "")
    assert (new["status"], new["location_id"]) == ("active", str(id_of(OTHER_SITE)))
    assert new["characteristics"] == old["characteristics"]
    assert (line.product_inventory_id, line.product_id) == (
        id_of(payloads.EDGE_INVENTORY),
        payloads.EDGE_INVENTORY,
    )


async def test_a_change_at_the_same_place_is_no_move(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await about(
        demo_database, keeper, "change", payloads.EDGE_INVENTORY, place={"id": payloads.SITE}
    )
    assert (await move(demo_database, order, "approve")).resulting_inventory_id is None


async def test_lines_whose_inventory_is_not_ready_are_all_told(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    first = await about(demo_database, keeper, "add", payloads.INVENTORY)
    pending = await move(demo_database, first, "approve")
    created = show_id(pending.resulting_inventory_id or UUID(int=0))
    items = [
        payloads.change_item("1", "change", payloads.INACTIVE_INVENTORY),
        payloads.change_item("2", "suspend", created),
        payloads.change_item("3", "no-change", created),
        payloads.change_item("4", "resume", payloads.INVENTORY),
        payloads.change_item("5", "delete", payloads.EDGE_INVENTORY),
    ]
    (order,) = await place(demo_database, keeper, payloads.order(items=items))
    before = await snapshot(demo_database)
    with pytest.raises(ConflictError) as caught:
        await move(demo_database, order, "approve")
    text = "Line item {}: the product inventory is {}, which does not allow {}"
    assert [(each.pointer, each.message, each.code) for each in caught.value.problems] == [
        ("/action", text.format(1, "inactive", "change"), 1),
        ("/action", text.format(2, "installation pending", "suspend"), 1),
        ("/action", text.format(3, "installation pending", "no-change"), 1),
        ("/action", text.format(4, "active", "resume"), 1),
    ]
    assert caught.value.allowed == ("approve", "reject")
    assert await snapshot(demo_database) == before


@pytest.mark.parametrize("action", ["change", "delete", "suspend", "resume", "no-change"])
async def test_an_inventory_that_is_not_there_is_passed_over(
    action: str, demo_database: Database, keeper: CatalogKeeper
) -> None:
    before = (await snapshot(demo_database))["product_inventory"]
    for last in (("start", "complete"), ()):
        order = await about(demo_database, keeper, action, "nowhere", place={"id": OTHER_SITE})
        await move(demo_database, order, "approve", *last)
        if not last:
            await canceled(demo_database, order)
    assert (await snapshot(demo_database))["product_inventory"] == before
