"""Orders become rows by one statement or by COPY; the rows are the same."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from piccolo.table import Table

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.meta import column_name, filled_columns, table_name
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderEvent,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    OrderRevision,
    WorkNote,
)
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now, show_timestamp
from ordering.orders.reader import Branch, find_order
from ordering.orders.rows import insert_batch, insert_orders
from support import generated, payloads
from support.counting import CountingDatabase
from support.placed import normal
from support.servers import DYNAMIC_TABLES

_SEPARATE_LINES = 128

Insert = Callable[[Connection, list[Order]], Awaitable[object]]


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


async def insert_singly(connection: Connection, orders: list[Order]) -> None:
    """Create orders row by row, each value as a parameter of its own."""

    async def insert(table: type[Table], row: object, **others: object) -> None:
        names = {column_name(column) for column in filled_columns(table)} - others.keys()
        values = others | {name: getattr(row, name) for name in names if hasattr(row, name)}
        marks = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        await connection.execute(
            f"INSERT INTO {table_name(table)} ({', '.join(values)}) VALUES ({marks})",
            *values.values(),
        )

    for order in orders:
        moment = order.created_at
        await insert(CustomerOrder, order)
        await insert(
            OrderRevision,
            None,
            order_id=order.id,
            version=1,
            operation="create",
            change_types="[]",
            changed_by="cpq",
            changed_at=moment,
        )
        await insert(
            OrderEvent,
            None,
            order_id=order.id,
            event_type="productOrderCreateEvent",
            occurred_at=moment,
        )
        for line in order.line_items:
            await insert(OrderLineItem, line, order_id=order.id)
            below: dict[str, Any] = {"order_id": order.id, "line_item_id": line.id}
            for characteristic in line.characteristics:
                await insert(OrderCharacteristicValue, characteristic, **below)
            for contact in line.contacts:
                await insert(OrderLineItemContact, contact, **below)
            for related in line.related_items:
                await insert(OrderLineRelatedItem, related, **below)
            for text in line.work_notes:
                await insert(WorkNote, None, text=text, created_at=moment, **below)


async def written_by(
    database: Database, insert: Insert, orders: list[Order]
) -> dict[str, list[str]]:
    """List the rows of orders, written into empty tables."""
    async with database.transaction() as connection:
        await connection.execute(f"TRUNCATE {', '.join(DYNAMIC_TABLES)} RESTART IDENTITY")
        await insert(connection, orders)
        return await rows(connection)


@settings(
    max_examples=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sent=st.lists(generated.orders(), min_size=1, max_size=3))
async def test_whatever_is_captured_becomes_the_rows_of_its_values(
    demo_database: Database,
    keeper: CatalogKeeper,
    monkeypatch: pytest.MonkeyPatch,
    sent: list[payloads.Payload],
) -> None:
    # It is the rules that know how long currencies are, and that lines have ids of their own.
    for order in sent:
        order |= {"orderCurrency": "USD", "currencyCode": None}
        for number, item in enumerate(order.get("productOrderItem") or ()):
            item["id"] = f"line {number}"
    orders = await captured(demo_database, keeper, *sent)
    monkeypatch.setattr("ordering.orders.rows._COPIED_FROM_LINES", 0)
    expected = await written_by(demo_database, insert_singly, orders)
    assert await written_by(demo_database, insert_orders, orders) == expected
    assert await written_by(demo_database, insert_batch, orders) == expected


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
        generated.full_order()[0] | {"orderCurrency": "USD", "currencyCode": "USD"},
        payloads.order(
            orderDate="0001-01-01T00:00:00.001Z", committedDueDate="9999-12-31T23:59:59Z"
        ),
    )
    written = await written_by(demo_database, insert_orders, orders)
    assert await written_by(demo_database, insert_batch, orders) == written
    assert {table: len(texts) for table, texts in written.items()} == {
        "customer_order": 3,
        "order_line_item": _SEPARATE_LINES + 2,
        "order_characteristic_value": 2 * _SEPARATE_LINES + 1,
        "order_line_item_contact": _SEPARATE_LINES + 1,
        "order_line_related_item": _SEPARATE_LINES + 1,
        "order_revision": 3,
        "order_event": 3,
        "work_note": _SEPARATE_LINES,
    }


async def test_what_is_too_much_for_a_document_is_copied_and_numbered(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = await captured(demo_database, keeper, payloads.order(), payloads.order())
    expected = await written_by(demo_database, insert_orders, orders)
    monkeypatch.setattr("ordering.orders.rows._MOST_CHARACTERS", 0)
    counting = CountingDatabase(demo_database)
    assert await written_by(counting, insert_orders, orders) == expected
    assert "COPY customer_order" in counting.statements
    async with demo_database.acquire() as connection:
        stored = await connection.fetch("SELECT id, number FROM customer_order")
    assert {row["id"]: row["number"] for row in stored} == {each.id: each.number for each in orders}


@pytest.mark.parametrize("insert", [insert_orders, insert_batch])
async def test_the_first_moment_and_the_last_are_read_as_they_were_sent(
    demo_database: Database,
    keeper: CatalogKeeper,
    monkeypatch: pytest.MonkeyPatch,
    insert: Insert,
) -> None:
    monkeypatch.setattr("ordering.orders.rows._COPIED_FROM_LINES", 0)
    sent = {"orderDate": "0001-01-01T00:00:00.000Z", "committedDueDate": "9999-12-31T23:59:59.999Z"}
    orders = await captured(demo_database, keeper, payloads.order(**sent))
    async with demo_database.transaction() as connection:
        await insert(connection, orders)
        found = await find_order(connection, orders[0].id.hex, Branch.NONE)
    assert found is not None
    shown = [
        moment and show_timestamp(moment) for moment in (found.order_date, found.committed_due_date)
    ]
    assert shown == list(sent.values())


async def test_a_text_that_is_too_long_for_its_column_is_refused_not_cut(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await captured(demo_database, keeper, payloads.order(orderCurrency="EURO"))
    async with demo_database.acquire() as connection:
        with pytest.raises(asyncpg.StringDataRightTruncationError):
            await insert_orders(connection, [order])
        assert await rows(connection) == {}


async def test_an_order_of_many_lines_is_one_statement_too(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    items = [line(number) for number in range(5_000)]
    orders = await captured(demo_database, keeper, payloads.order(items=items))
    counting = CountingDatabase(demo_database)
    async with counting.acquire() as connection:
        (created,) = await insert_orders(connection, orders)
        found = await find_order(connection, created.id.hex, Branch.ALL)
    assert len(counting.statements) == 2
    assert found is not None
    assert normal(found) == normal(created)


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
    items = [payloads.item(str(number)) for number in range(_SEPARATE_LINES)]
    payload = payloads.order(items=items)
    orders = await captured(demo_database, keeper, payload, payload)
    async with demo_database.transaction() as connection:
        await insert_orders(connection, orders[:1])
    async with demo_database.acquire() as connection:
        before = await rows(connection)
        with pytest.raises(asyncpg.UniqueViolationError):
            async with connection.transaction():
                await insert_batch(connection, orders)
        assert await rows(connection) == before
