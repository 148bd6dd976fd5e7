"""Revising orders in the database: rows, audit, events, and who comes first."""

import asyncio
from typing import Any

import msgspec
import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import InvalidRequestError, NotFoundError, OutdatedError
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.orders.reader import Branch, find_order
from ordering.orders.revise import ReviseOrder
from ordering.settings import Settings
from support import payloads
from support.counting import CountingDatabase
from support.installed import installed
from support.locks import waiters
from support.placed import in_state, normal, place, snapshot


@pytest.fixture
def revise(demo_database: Database, finder: ReferenceFinder) -> ReviseOrder:
    return ReviseOrder(demo_database, finder, Settings())


async def in_progress(
    database: Database, keeper: CatalogKeeper, payload: payloads.Payload
) -> Order:
    (order,) = await place(database, keeper, payload)
    return await in_state(database, order, "in_progress")


async def read(database: Database, order: Order) -> Order:
    async with database.acquire() as connection:
        found = await find_order(connection, show_id(order.id), Branch.ALL)
    assert found is not None
    return found


def body(*items: payloads.Payload, **members: Any) -> bytes:
    lines = {"productOrderItem": list(items)} if items else {}
    return payloads.to_json(lines | members)


def rich_line(item_id: str, **members: Any) -> payloads.Payload:
    """A line with something in every list."""
    product = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[payloads.characteristic("Routing", "Base")],
        relatedParty=[payloads.contact(id="c1")],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires"}],
    )
    return payloads.item(item_id, product=product, itemPrice=[payloads.price()], **members)


async def test_what_is_answered_is_what_is_read_back(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    payload = payloads.order(items=[rich_line("1"), rich_line("2")], note=[payloads.note()])
    order = await in_progress(demo_database, keeper, payload)
    changed = {
        "id": "2",
        "action": "add",
        "quantity": 3,
        "itemPrice": [payloads.price(10)],
        "product": {
            "productCharacteristic": [
                payloads.characteristic("Routing", "Premium"),
                payloads.characteristic("CPE Type", "none such"),
            ],
            "relatedParty": [payloads.contact(id="c1", phone="1"), payloads.contact()],
            "productRelationship": [
                {"id": payloads.EDGE_INVENTORY, "relationshipType": "Requires"}
            ],
        },
    }
    answered = await revise(
        show_id(order.id),
        body(changed, rich_line("3"), note=[payloads.note("more")], externalId="PO-7"),
        "portal",
    )
    stored = await read(demo_database, order)
    assert normal(stored) == normal(answered)
    assert [(line.item_id, line.version, line.state) for line in stored.line_items] == [
        ("1", 1, "in_progress"),
        ("2", 2, "in_progress"),
        ("3", 1, "acknowledged"),
    ]
    assert [len(line.characteristics) for line in stored.line_items] == [1, 2, 1]
    assert [len(line.contacts) for line in stored.line_items] == [1, 2, 1]
    assert [len(line.work_notes) for line in stored.line_items] == [0, 1, 0]
    assert (stored.version, stored.external_id, stored.number) == (2, "PO-7", order.number)


async def test_the_audit_tells_who_changed_what_and_the_outbox_that_something_changed(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    payload = payloads.order(items=[payloads.item("1"), payloads.item("2")])
    order = await in_progress(demo_database, keeper, payload)
    line = {"id": "1", "action": "add", "quantity": 4}
    gone = {"id": "2", "action": "add", "revisionOperation": "cancel"}
    answered = await revise(show_id(order.id), body(line, gone, externalId="PO-7"), "portal")
    async with demo_database.acquire() as connection:
        _, row = await connection.fetch("SELECT * FROM order_revision ORDER BY id")
        events = await connection.fetch("SELECT * FROM order_event ORDER BY id")
    assert (row["order_id"], row["version"], row["operation"]) == (order.id, 2, "update")
    assert (row["changed_by"], row["changed_at"]) == ("portal", answered.updated_at)
    assert msgspec.json.decode(row["change_types"]) == ["quantity", "line_canceled", "header"]
    assert msgspec.json.decode(row["changes"]) == {
        "fields": {"externalId": {"before": None, "after": "PO-7"}},
        "lineItems": [
            {
                "id": "1",
                "version": 2,
                "changeTypes": ["quantity"],
                "fields": {"quantity": {"before": 1, "after": 4}},
            },
            {
                "id": "2",
                "version": 2,
                "changeTypes": ["line_canceled"],
                "fields": {"state": {"before": "in_progress", "after": "cancellation_in_progress"}},
            },
        ],
    }
    assert [(event["event_type"], event["occurred_at"]) for event in events] == [
        ("productOrderCreateEvent", order.created_at),
        ("productOrderAttributeValueChangeEvent", answered.updated_at),
        ("productOrderStateChangeEvent", answered.updated_at),
    ]


async def test_a_refused_revision_leaves_everything_as_it_was(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order(items=[rich_line("1")]))
    before = await snapshot(demo_database)
    line = {"id": "1", "action": "add", "quantity": 4}
    with pytest.raises(InvalidRequestError):
        await revise(show_id(order.id), body(line, orderCurrency="EUR"), "portal")
    with pytest.raises(OutdatedError):
        await revise(show_id(order.id), body(line), "portal", {"1-1"})
    with pytest.raises(NotFoundError):
        await revise(payloads.UNKNOWN_ID, body(line), "portal")
    assert await snapshot(demo_database) == before


async def test_an_order_is_found_by_its_external_id_too(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order(externalId="PO-1"))
    assert (await revise("PO-1", b"{}", "portal")).id == order.id


@pytest.mark.parametrize("others", [[], ["1-1"]])
async def test_the_tag_that_was_read_is_needed_and_used_up(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper, others: list[str]
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order())
    first = await revise(show_id(order.id), b"{}", "portal", [*others, order.tag])
    with pytest.raises(OutdatedError, match=f"its entity tag is {first.tag}"):
        await revise(show_id(order.id), b"{}", "portal", [order.tag])
    assert (await revise(show_id(order.id), b"{}", "portal", ["*"])).version == 3


async def test_revisions_of_one_order_follow_each_other(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    """Eight at once, each adding a line: none is lost, and every version is given once."""
    order = await in_progress(demo_database, keeper, payloads.order())
    revisions = [
        revise(show_id(order.id), body(payloads.item(f"new {number}")), "portal")
        for number in range(8)
    ]
    answered = await asyncio.gather(*revisions)
    assert sorted(each.version for each in answered) == list(range(2, 10))
    stored = await read(demo_database, order)
    assert len(stored.line_items) == 9
    assert [line.position for line in stored.line_items] == list(range(9))


async def test_of_two_revisions_of_one_version_one_wins(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order())
    outcomes = await asyncio.gather(
        *(revise(show_id(order.id), b"{}", "portal", [order.tag]) for _ in range(4)),
        return_exceptions=True,
    )
    assert sorted(type(each).__name__ for each in outcomes) == [
        "Order", "OutdatedError", "OutdatedError", "OutdatedError",
    ]  # fmt: skip
    assert (await read(demo_database, order)).version == 2


async def test_a_revision_waits_for_who_holds_the_order_and_sees_what_that_one_changed(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order())
    async with demo_database.transaction() as holder:
        await holder.execute("SELECT 1 FROM customer_order FOR UPDATE")
        await holder.execute("UPDATE order_line_item SET quantity = 7")
        await holder.execute("UPDATE customer_order SET updated_at = updated_at + interval '1 ms'")
        revising = asyncio.create_task(revise(show_id(order.id), b"{}", "portal"))
        async with demo_database.acquire() as watcher:
            await waiters(watcher, 1)
            assert not revising.done()
    revised = await revising
    assert revised.version == 2
    assert [line.quantity for line in revised.line_items] == [7]


async def test_the_number_of_statements_does_not_depend_on_the_lines(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    counts: list[int] = []
    for lines in (1, 300):
        items = [rich_line(str(number)) for number in range(lines)]
        order = await in_progress(demo_database, keeper, payloads.order(items=items))
        counting = CountingDatabase(demo_database)
        finder = ReferenceFinder(counting, keeper)
        said = [
            {
                "id": item["id"],
                "action": "add",
                "quantity": 2,
                "product": {
                    "productCharacteristic": [payloads.characteristic("Routing", "Premium")]
                },
            }
            for item in items
        ]
        revise = ReviseOrder(counting, finder, Settings())
        answered = await revise(show_id(order.id), body(*said, rich_line("new")), "portal")
        assert {line.version for line in answered.line_items[:-1]} == {2}
        counts.append(len(counting.statements))
    assert counts[0] == counts[1] == 6


async def test_a_line_that_is_added_holds_its_inventory(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    first = await in_progress(demo_database, keeper, payloads.order())
    second = await in_progress(demo_database, keeper, payloads.order())
    said = body(payloads.change_item("swap"), payloads.item("more"))
    line, more = (await revise(show_id(first.id), said, "portal")).line_items[1:]
    assert (line.state, line.inventory_status_before) == ("acknowledged", "active")
    assert (await installed(demo_database, payloads.INVENTORY))["status"] == "change_pending"
    assert more.resulting_inventory_id is not None
    created = await installed(demo_database, more.resulting_inventory_id)
    assert created["status"] == "installation_pending"
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError, match="Sold Product is inactive"):
        await revise(show_id(second.id), said, "portal")
    assert await snapshot(demo_database) == before


async def test_of_two_revisions_about_one_inventory_one_gets_it(
    revise: ReviseOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    """Both found it active before either had locked it."""
    orders = [await in_progress(demo_database, keeper, payloads.order()) for _ in range(4)]
    outcomes = await asyncio.gather(
        *(
            revise(show_id(each.id), body(payloads.change_item("swap")), "portal")
            for each in orders
        ),
        return_exceptions=True,
    )
    kinds = sorted(type(each).__name__ for each in outcomes)
    assert kinds == ["InvalidRequestError"] * 3 + ["Order"]


async def test_lines_of_a_revision_that_waits_hold_nothing_yet(
    demo_database: Database, finder: ReferenceFinder, keeper: CatalogKeeper
) -> None:
    order = await in_progress(demo_database, keeper, payloads.order())
    revise = ReviseOrder(demo_database, finder, Settings(revision_approval="manual"))
    await revise(show_id(order.id), body(payloads.change_item("swap")), "portal")
    assert (await installed(demo_database, payloads.INVENTORY))["status"] == "active"
