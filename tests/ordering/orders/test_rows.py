"""Orders become rows by one statement or by COPY; the rows are the same."""

from decimal import Decimal
from typing import Any

import pytest

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.rows import insert_batch, insert_orders
from support import payloads
from support.counting import CountingDatabase
from support.generated import full_order
from support.servers import DYNAMIC_TABLES

_SEPARATE_LINES = 64


def line(identity: int, **members: Any) -> payloads.Payload:
    """Build a line with something in every table."""
    product = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[
            payloads.characteristic("WAN Optimization", "Base"),
            payloads.characteristic("no such characteristic", {"deep": [1, None, "ü \u2028 x"]}),
        ],
        relatedParty=[payloads.contact()],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires"}],
        place={"id": payloads.SITE},
    )
    return payloads.item(str(identity), product=product, **members)


async def captured(
    database: Database, keeper: CatalogKeeper, *orders: payloads.Payload
) -> list[Order]:
    """Make orders of payloads, past all rules and without writing them."""
    drafts = [decode_order(payloads.to_json(order)).draft for order in orders]
    async with database.acquire() as connection:
        found = await find_references(connection, keeper.catalog, drafts)
    return [
        capture(draft, found, Circumstances(order_id=new_id(), client="cpq", moment=now()))
        for draft in drafts
    ]


async def rows(connection: Connection) -> dict[str, list[str]]:
    """Read every row of the order tables as text, in the order of the database's numbers."""
    found: dict[str, list[str]] = {}
    for table in DYNAMIC_TABLES:
        texts = await connection.fetch(f"SELECT t::text AS text FROM {table} t ORDER BY 1")
        if texts:
            found[table] = [row["text"] for row in texts]
    return found


async def test_copied_orders_are_the_rows_that_the_statement_writes(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    quantities = ["0", "20.00", "66.0", "0.000000000001", "999999999999999999", "1E+300", "1E-300"]
    lines = [line(number, quantity=Decimal(text)) for number, text in enumerate(quantities)]
    others = [line(number) for number in range(len(lines), _SEPARATE_LINES)]
    orders = await captured(
        demo_database,
        keeper,
        payloads.order(items=[*lines, *others], externalId="PO-1", note=[payloads.note("ü")]),
        full_order()[0] | {"orderCurrency": "USD", "currencyCode": "USD"},
        payloads.order(orderDate="0001-01-01T00:00:00Z", committedDueDate="9999-12-31T23:59:59Z"),
    )
    written: list[dict[str, list[str]]] = []
    for insert in (insert_orders, insert_batch):
        async with demo_database.transaction() as connection:
            await connection.execute(f"TRUNCATE {', '.join(DYNAMIC_TABLES)} RESTART IDENTITY")
            await insert(connection, orders)
            written.append(await rows(connection))
    assert written[1] == written[0]
    assert {table: len(texts) for table, texts in written[1].items()}["order_line_item"] >= 65
    assert set(written[1]) == {
        "customer_order",
        "order_line_item",
        "order_characteristic_value",
        "order_line_item_contact",
        "order_line_related_item",
        "order_revision",
        "order_event",
        "work_note",
    }


@pytest.mark.parametrize("lines", [_SEPARATE_LINES - 1, _SEPARATE_LINES])
async def test_many_lines_are_copied_and_few_are_one_statement(
    demo_database: Database, keeper: CatalogKeeper, lines: int
) -> None:
    order = payloads.order(items=[payloads.item(str(number)) for number in range(lines)])
    orders = await captured(demo_database, keeper, order)
    counting = CountingDatabase(demo_database)
    async with counting.transaction() as connection:
        await insert_batch(connection, orders)
    copied = [statement for statement in counting.statements if statement.startswith("COPY")]
    if lines < _SEPARATE_LINES:
        assert (len(counting.statements), copied) == (1, [])
    else:
        assert counting.statements == [
            "COPY customer_order",
            "COPY order_line_item",
            "COPY order_revision",
            "COPY order_event",
        ]


async def test_copied_orders_are_numbered_in_their_order(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    payload = payloads.order(items=[payloads.item(str(number)) for number in range(10)])
    orders = await captured(demo_database, keeper, *[payload] * 20)
    async with demo_database.transaction() as connection:
        await insert_batch(connection, orders)
        found = await connection.fetch("SELECT id FROM customer_order ORDER BY number")
    assert [row["id"] for row in found] == [order.id for order in orders]


async def test_a_copied_order_that_exists_already_is_refused_and_leaves_nothing(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    payload = payloads.order(items=[payloads.item(str(number)) for number in range(40)])
    orders = await captured(demo_database, keeper, payload, payload)
    async with demo_database.transaction() as connection:
        await insert_orders(connection, orders[:1])
    async with demo_database.acquire() as connection:
        before = await rows(connection)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await insert_batch(connection, orders)
        assert await rows(connection) == before
