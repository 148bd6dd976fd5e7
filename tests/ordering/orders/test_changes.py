"""What a change writes: every row of it, or none if the order is not as it was read."""

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.orders.changes import write_change
from ordering.orders.reader import Branch, find_order
from support import payloads
from support.placed import in_state, normal, place, snapshot
from support.revisions import revised

EVERYTHING = {
    "externalId": "PO-9",
    "productOrderItem": [
        {
            "id": "1",
            "action": "add",
            "quantity": 4,
            "product": {
                "productCharacteristic": [payloads.characteristic("CPE Type", "none such")],
                "relatedParty": [payloads.contact(id="c1", phone="1"), payloads.contact()],
                "productRelationship": [
                    {"id": payloads.EDGE_INVENTORY, "relationshipType": "Requires"}
                ],
            },
        },
        payloads.item("3"),
    ],
}


@pytest.fixture
async def order(demo_database: Database, keeper: CatalogKeeper) -> Order:
    """An order of two lines in progress."""
    items = [payloads.item("1"), payloads.item("2")]
    (placed,) = await place(demo_database, keeper, payloads.order(items=items))
    return await in_state(demo_database, placed, "in_progress")


async def write(database: Database, order: Order, said: object) -> bool:
    """Write what a revision makes of the order as it was read; tells whether it was written."""
    async with database.acquire() as connection:
        return await write_change(connection, order, revised(order, said))


async def read(database: Database, order: Order) -> Order:
    async with database.acquire() as connection:
        found = await find_order(connection, show_id(order.id), Branch.ALL)
    assert found is not None
    return found


async def numbers(database: Database) -> list[tuple[object, ...]]:
    """Read how far the database has counted."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT sequencename, last_value FROM pg_sequences ORDER BY 1"
        )
    return [(row["sequencename"], row["last_value"]) for row in rows]


async def test_nothing_at_all_is_written_if_the_order_was_changed_since(
    demo_database: Database, order: Order
) -> None:
    assert await write(demo_database, order, {})
    before = (await snapshot(demo_database), await numbers(demo_database))
    assert not await write(demo_database, order, EVERYTHING)
    assert (await snapshot(demo_database), await numbers(demo_database)) == before


async def test_everything_is_written_if_the_order_is_as_it_was_read(
    demo_database: Database, order: Order
) -> None:
    before = await snapshot(demo_database)
    change = revised(order, EVERYTHING)
    async with demo_database.acquire() as connection:
        assert await write_change(connection, order, change)
    assert normal(await read(demo_database, order)) == normal(change.order)
    after = await snapshot(demo_database)
    assert {table for table in after if after[table] != before[table]} == {
        "customer_order",
        "order_characteristic_value",
        "order_event",
        "order_line_item",
        "order_line_item_contact",
        "order_line_related_item",
        "order_revision",
        "work_note",
    }


async def test_contacts_keep_their_ids_when_their_list_is_replaced(
    demo_database: Database, order: Order
) -> None:
    def said(phone: str) -> object:
        product = {"relatedParty": [payloads.contact(id="c1", phone=phone)]}
        return {"productOrderItem": [{"id": "1", "action": "add", "product": product}]}

    assert await write(demo_database, order, said("1"))
    first = await read(demo_database, order)
    assert await write(demo_database, first, said("2"))
    second = await read(demo_database, order)
    contacts = [each.line_items[0].contacts for each in (first, second)]
    assert [[each.phone for each in found] for found in contacts] == [["1"], ["2"]]
    assert [each.id for each in contacts[0]] == [each.id for each in contacts[1]]
