"""What revisions of lines come to for their product inventories, once they are moved on."""

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.order import Order
from support import payloads
from support.found import id_of
from support.fulfilment import act, revise, status
from support.installed import installed
from support.placed import in_state, place

OTHER_SITE = "5671dd2ec3a53010188473ce3640dd81"


async def begun(database: Database, keeper: CatalogKeeper, *items: payloads.Payload) -> Order:
    """Place an order, and start it."""
    (order,) = await place(database, keeper, payloads.order(items=list(items)))
    await act(database, order, "approve")
    return await act(database, order, "start")


def change(place: str | None = None) -> payloads.Payload:
    """Build a line that changes the product at `SITE`, or moves it to another place."""
    product = {} if place is None else {"place": {"id": place}}
    return payloads.change_item("1", "change", payloads.EDGE_INVENTORY, **product)


def put(place: str) -> payloads.Payload:
    """Build the revision of that line that says where the product shall be."""
    return {"id": "1", "action": "change", "product": {"place": {"id": place}}}


async def test_a_revised_line_keeps_the_inventory_that_it_was_approved_with(
    demo_database: Database, keeper: CatalogKeeper, finder: ReferenceFinder
) -> None:
    items = [payloads.change_item("1"), payloads.item("2")]
    before = await begun(demo_database, keeper, *items)
    said = [
        {"id": "1", "action": "change", "quantity": 2},
        {"id": "2", "action": "add", "quantity": 2},
    ]
    waits = await revise(demo_database, finder, before, *said, revision_approval="manual")
    assert [line.state for line in waits.line_items] == ["revision_in_progress"] * 2
    after = await act(demo_database, waits, "approve")
    created = before.line_items[1].resulting_inventory_id
    assert created is not None
    assert [
        (line.resulting_inventory_id, line.inventory_status_before) for line in after.line_items
    ] == [(None, "active"), (created, None)]
    canceled = await in_state(demo_database, after, "cancellation_in_progress")
    await act(demo_database, canceled, "finish_cancellation")
    assert await status(demo_database, payloads.INVENTORY) == "active"
    assert await status(demo_database, created) == "inactive"


@pytest.mark.parametrize("approval", ["automatic", "manual"])
async def test_a_line_that_a_revision_adds_waits_for_its_approval_and_then_for_its_product(
    approval: str, demo_database: Database, keeper: CatalogKeeper, finder: ReferenceFinder
) -> None:
    order = await begun(demo_database, keeper, payloads.item("1", product=payloads.ABSENT))
    new = payloads.item("2")
    order = await revise(demo_database, finder, order, new, revision_approval=approval)
    if approval == "manual":
        line = order.line_items[1]
        assert (line.state, line.resulting_inventory_id) == ("new", None)
        order = await act(demo_database, order, "approve")
    line = order.line_items[1]
    created = line.resulting_inventory_id
    assert line.state == "acknowledged"
    assert await status(demo_database, created) == "installation_pending"
    await act(demo_database, order, "start", "2")
    line = (await act(demo_database, order, "complete", "2")).line_items[1]
    assert (line.product_inventory_id, line.resulting_inventory_id) == (created, created)
    assert await status(demo_database, created) == "active"


async def test_a_move_that_a_revision_takes_back_is_none(
    demo_database: Database, keeper: CatalogKeeper, finder: ReferenceFinder
) -> None:
    before = await installed(demo_database, payloads.EDGE_INVENTORY)
    order = await begun(demo_database, keeper, change(OTHER_SITE))
    created = order.line_items[0].resulting_inventory_id
    assert await status(demo_database, created) == "installation_pending"
    await revise(demo_database, finder, order, put(payloads.SITE))
    (line,) = (await act(demo_database, order, "complete")).line_items
    specification = {"product_specification_id": str(id_of(payloads.SPECIFICATION))}
    after = await installed(demo_database, payloads.EDGE_INVENTORY)
    assert after == before | specification | {"status": "active"}
    assert await status(demo_database, created) == "inactive"
    assert line.resulting_inventory_id is None


async def test_a_change_that_a_revision_makes_a_move_is_one(
    demo_database: Database, keeper: CatalogKeeper, finder: ReferenceFinder
) -> None:
    before = await installed(demo_database, payloads.EDGE_INVENTORY)
    order = await begun(demo_database, keeper, change())
    assert order.line_items[0].resulting_inventory_id is None
    await revise(demo_database, finder, order, put(OTHER_SITE))
    (line,) = (await act(demo_database, order, "complete")).line_items
    after = await installed(demo_database, payloads.EDGE_INVENTORY)
    assert after == before | {"status": "inactive"}
    created = await installed(demo_database, line.resulting_inventory_id or "")
    assert (created["status"], created["location_id"]) == ("active", str(id_of(OTHER_SITE)))
    assert created["characteristics"] == before["characteristics"]
    assert line.product_inventory_id == id_of(payloads.EDGE_INVENTORY)
