"""Creating orders while the client waits."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.domain.errors import InvalidRequestError
from ordering.orders.create import CreateOrder
from ordering.settings import Settings
from support import payloads
from support.servers import DYNAMIC_TABLES


@pytest.fixture
async def create(demo_database: Database, finder: ReferenceFinder) -> AsyncGenerator[CreateOrder]:
    use_case = CreateOrder(demo_database, finder, Settings())
    yield use_case
    await use_case.close()


async def rows(database: Database) -> dict[str, int]:
    async with database.acquire() as connection:
        counts = {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}")
            for table in DYNAMIC_TABLES
        }
    return {table: count for table, count in counts.items() if count}


async def test_an_order_is_committed_with_its_first_revision_and_event(
    create: CreateOrder, demo_database: Database
) -> None:
    order = await create(payloads.to_json(payloads.order()), "cpq")
    assert (order.state, order.version, order.number) == ("new", 1, 1)
    assert await rows(demo_database) == {
        "customer_order": 1,
        "order_line_item": 1,
        "order_revision": 1,
        "order_event": 1,
    }
    async with demo_database.acquire() as connection:
        revision = await connection.fetchrow("SELECT * FROM order_revision")
        event = await connection.fetchrow("SELECT * FROM order_event")
    assert revision is not None
    assert event is not None
    assert [revision[name] for name in ("order_id", "version", "operation", "changed_by")] == [
        order.id,
        1,
        "create",
        "cpq",
    ]
    assert [event[name] for name in ("order_id", "event_type", "delivered_at")] == [
        order.id,
        "productOrderCreateEvent",
        None,
    ]


async def test_orders_that_meet_are_all_created(
    create: CreateOrder, demo_database: Database
) -> None:
    orders = await asyncio.gather(
        *(create(payloads.to_json(payloads.order(externalId=str(n))), "cpq") for n in range(40))
    )
    assert sorted(order.number or 0 for order in orders) == list(range(1, 41))
    assert (await rows(demo_database))["customer_order"] == 40


async def test_large_bodies_that_meet_share_no_transaction(
    create: CreateOrder, demo_database: Database
) -> None:
    body = payloads.to_json(payloads.order()) + b" " * (3 * 1024 * 1024)
    await asyncio.gather(*(create(body, "cpq") for _ in range(8)))
    async with demo_database.acquire() as connection:
        found = await connection.fetch("SELECT DISTINCT xmin::text FROM customer_order")
    assert len(found) == 8


async def test_a_bad_order_changes_nothing_and_harms_no_other(
    create: CreateOrder, demo_database: Database
) -> None:
    bad = payloads.changed(payloads.order(), "/productOrderItem/0/productOffering/id", "unknown")
    results = await asyncio.gather(
        create(payloads.to_json(payloads.order()), "cpq"),
        create(payloads.to_json(bad), "cpq"),
        return_exceptions=True,
    )
    assert isinstance(results[1], InvalidRequestError)
    assert [(problem.message, problem.pointer) for problem in results[1].problems] == [
        (
            "Invalid payload: Product offering does not exist",
            "/productOrderItem/0/productOffering/id",
        )
    ]
    assert (await rows(demo_database))["customer_order"] == 1


async def test_fifty_errors_at_once_change_nothing(
    create: CreateOrder, demo_database: Database
) -> None:
    items = [payloads.item(str(n), action="explode") for n in range(50)]
    with pytest.raises(InvalidRequestError) as caught:
        await create(payloads.to_json(payloads.order(items=items)), "cpq")
    assert [problem.pointer for problem in caught.value.problems] == [
        f"/productOrderItem/{n}/action" for n in range(50)
    ]
    assert await rows(demo_database) == {}


async def test_the_switch_turns_off_what_needs_the_catalog_only(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    create = CreateOrder(
        demo_database,
        finder,
        Settings(create_product_order_validations_sync=False),
    )
    unknown = payloads.changed(payloads.order(), "/relatedParty/0/id", "nobody")
    assert (await create(payloads.to_json(unknown), "cpq")).account_id is None
    with pytest.raises(InvalidRequestError) as caught:
        await create(payloads.to_json(payloads.order(orderCurrency="DEM")), "cpq")
    assert [problem.message for problem in caught.value.problems] == ["Inactive Currency Code: DEM"]


async def test_values_are_not_judged_when_the_setting_says_so(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    odd = payloads.product(
        payloads.EDGE_DEVICE, productCharacteristic=[payloads.characteristic("no such", "x")]
    )
    body = payloads.to_json(payloads.order(items=[payloads.item(product=odd)]))
    strict = CreateOrder(demo_database, finder, Settings())
    assert (await strict(body, "cpq")).has_work_notes
    lax = CreateOrder(
        demo_database,
        finder,
        Settings(disable_char_value_validation=True),
    )
    assert not (await lax(body, "cpq")).has_work_notes
