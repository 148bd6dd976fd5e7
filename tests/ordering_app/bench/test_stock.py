"""The stock is put back as it was, and what was made of it is told."""

import re
from collections.abc import AsyncGenerator

import msgspec
import pytest

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering_app.bench.model import BenchError
from ordering_app.bench.same_work import ORDER_TABLES
from ordering_app.bench.stock import (
    NEWS,
    changed,
    growth,
    has_stock,
    keep_news,
    keep_stock,
    put_stock,
    require_growth,
    require_same_changes,
    stocked_ids,
)
from ordering_app.bench.template import drop_schema, make_schema

ORDERS = 3


@pytest.fixture
async def connection(demo_database: Database) -> AsyncGenerator[Connection]:
    """A connection to tables that hold the stock: orders of one line with one characteristic."""
    async with demo_database.acquire() as opened:
        await make_schema(opened)
        await opened.execute(
            """
            WITH header AS (
                INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
                VALUES (gen_random_uuid(), 'new', 'somebody', now(), now()) RETURNING id
            ), line AS (
                INSERT INTO order_line_item (id, order_id, position, item_id, action, state)
                SELECT gen_random_uuid(), id, 0, 'A', 'add', 'new' FROM header
                RETURNING id, order_id
            )
            INSERT INTO order_characteristic_value (order_id, line_item_id, name, value)
            SELECT order_id, id, 'CPE Model', '"ASR"' FROM line
            """
        )
        assert not await has_stock(opened)
        await keep_stock(opened, ORDERS)
        assert await has_stock(opened)
        yield opened
        await drop_schema(opened)


async def rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Read everything that the tables of orders hold."""
    found: dict[str, list[tuple[object, ...]]] = {}
    for table in ORDER_TABLES:
        found[table] = sorted(
            tuple(map(str, row)) for row in await connection.fetch(f"SELECT * FROM {table}")
        )
    return found


async def test_the_stock_is_orders_in_progress_under_ids_of_their_own(
    connection: Connection,
) -> None:
    ids = await stocked_ids(connection)
    found = await connection.fetch(
        """SELECT o.id, o.state, l.state, c.value FROM customer_order o
           JOIN order_line_item l ON l.order_id = o.id
           JOIN order_characteristic_value c ON (c.order_id, c.line_item_id) = (o.id, l.id)
           ORDER BY o.number"""
    )
    assert [tuple(row) for row in found] == [
        (each, "in_progress", "in_progress", '"ASR"') for each in ids
    ]
    assert len(set(ids)) == ORDERS


async def test_the_stock_is_put_back_as_it_was(connection: Connection) -> None:
    before = await rows(connection)
    await connection.execute("UPDATE customer_order SET version = 7")
    await connection.execute("DELETE FROM order_characteristic_value")
    await connection.execute(
        """INSERT INTO order_event (order_id, event_type, occurred_at)
           SELECT id, 'productOrderCreateEvent', now() FROM customer_order"""
    )
    assert await rows(connection) != before
    await put_stock(connection)
    assert await rows(connection) == before


async def test_what_was_changed_is_told_by_content(connection: Connection) -> None:
    assert await changed(connection) == {}
    (first, *_) = await stocked_ids(connection)
    await connection.execute("UPDATE order_line_item SET quantity = 2 WHERE order_id = $1", first)
    # Replaced by its like: the number that the database counts up is no content.
    await connection.execute(
        """WITH gone AS (DELETE FROM order_characteristic_value RETURNING *)
           INSERT INTO order_characteristic_value (order_id, line_item_id, name, value)
           SELECT order_id, line_item_id, name, value FROM gone"""
    )
    await connection.execute("UPDATE customer_order SET updated_at = now() WHERE id = $1", first)
    found = await changed(connection)
    assert list(found) == ["customer_order", "order_line_item"]
    (order,), (line,) = (map(msgspec.json.decode, rows) for rows in found.values())
    assert order["id"] == str(first)
    assert "updated_at" not in order
    assert (line["order_id"], line["item_id"], line["quantity"]) == (str(first), "A", 2)


def test_other_changes_fail_by_table() -> None:
    once = {"customer_order": ['{"version": 2}'], "order_event": ["{}"]}
    require_same_changes("revise", once, dict(once))
    told = """order_event: ['{}'] on our side, None on the other"""
    with pytest.raises(BenchError, match=re.escape(told)):
        require_same_changes("revise", once, {"customer_order": ['{"version": 2}']})
    told = """customer_order: ['{"version": 2}'] on our side, ['{"version": 3}'] on the other"""
    with pytest.raises(BenchError, match=re.escape(told)):
        require_same_changes("revise", once, {**once, "customer_order": ['{"version": 3}']})
    with pytest.raises(BenchError, match="nothing was changed at all"):
        require_same_changes("revise", {}, {})


async def test_growth_counts_rows_and_versions(connection: Connection) -> None:
    assert await growth(connection) == {}
    await connection.execute("UPDATE customer_order SET version = version + 2")
    await connection.execute("DELETE FROM order_characteristic_value")
    await connection.execute(
        """INSERT INTO order_event (order_id, event_type, occurred_at)
           SELECT id, 'productOrderCreateEvent', now() FROM customer_order LIMIT 1"""
    )
    assert await growth(connection) == {
        "customer_order.version": 2 * ORDERS,
        "order_characteristic_value": -ORDERS,
        "order_event": 1,
    }


async def test_news_are_the_rows_that_were_added(connection: Connection) -> None:
    await connection.execute(
        """INSERT INTO order_event (order_id, event_type, occurred_at)
           SELECT id, 'productOrderAttributeValueChangeEvent', now() FROM customer_order LIMIT 1"""
    )
    await keep_news(connection)
    kept = await connection.fetch(f"SELECT event_type FROM {NEWS}order_event")
    assert [row["event_type"] for row in kept] == ["productOrderAttributeValueChangeEvent"]
    assert await connection.fetchval(f"SELECT count(*) FROM {NEWS}order_revision") == 0


def test_answers_without_growth_fail() -> None:
    once = {"order_event": 1, "customer_order.version": 1}
    require_growth("revise", once, 2, {"order_event": 2, "customer_order.version": 2})
    require_growth("revise", once, 0, {})
    require_growth("read", {}, 5, {})
    told = "revise: 2 answers should have added {'order_event': 2, 'customer_order.version': 2}"
    with pytest.raises(BenchError, match=re.escape(told)):
        require_growth("revise", once, 2, {"order_event": 2})
    with pytest.raises(BenchError, match=re.escape("read: 5 answers should have added {}")):
        require_growth("read", {}, 5, {"order_event": 5})
