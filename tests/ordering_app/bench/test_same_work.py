"""A ceiling that writes other rows than the service must not be compared with it."""

import re

import pytest

from ordering.db.engine import Database
from ordering_app.bench.model import BenchError
from ordering_app.bench.same_work import (
    ORDER_TABLES,
    Work,
    empty_tables,
    footprint,
    require_rows,
    require_same,
)
from ordering_app.bench.template import drop_schema, keep_template, make_schema, read_template

ONCE = {"customer_order": Work(1, 850), "order_line_item": Work(4, 3700)}


def test_the_same_rows_pass() -> None:
    require_same("create", ONCE, dict(ONCE))


@pytest.mark.parametrize(
    ("ceiling", "told"),
    [
        (
            {"customer_order": Work(1, 850)},
            "order_line_item: 4 rows of 3700 bytes on our side, none on the other",
        ),
        (
            {**ONCE, "order_line_item": Work(4, 3600)},
            "4 rows of 3700 bytes on our side, 4 rows of 3600 bytes on the other",
        ),
        (
            {**ONCE, "order_event": Work(1, 70)},
            "order_event: none on our side, 1 rows of 70 bytes on the other",
        ),
    ],
)
def test_other_rows_fail_by_name(ceiling: dict[str, Work], told: str) -> None:
    with pytest.raises(BenchError, match=re.escape(told)):
        require_same("create", ONCE, ceiling)


def test_writing_nothing_is_no_work() -> None:
    with pytest.raises(BenchError, match="nothing was written at all"):
        require_same("create", {}, {})


def test_answers_without_rows_fail() -> None:
    twice = {"customer_order": Work(2, 1700), "order_line_item": Work(8, 7400)}
    require_rows("create", ONCE, 2, twice)
    require_rows("create", ONCE, 0, {})
    with pytest.raises(BenchError, match="3 answers should have left"):
        require_rows("create", ONCE, 3, twice)


async def test_the_template_writes_what_was_kept_under_new_ids(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        await make_schema(connection)
        try:
            await connection.execute(
                """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
                   VALUES (gen_random_uuid(), 'new', 'somebody', now(), now())"""
            )
            await connection.execute(
                """INSERT INTO order_event (order_id, event_type, occurred_at)
                   SELECT id, 'productOrderCreateEvent', now() FROM customer_order"""
            )
            once = await footprint(connection)
            await keep_template(connection, ORDER_TABLES)
            await empty_tables(connection)
            template = await read_template(connection, ORDER_TABLES)
            await connection.fetch(template.statement, *template.arrays())
            require_same("template", once, await footprint(connection))
            await connection.fetch(template.statement, *template.arrays())
            require_rows("template", once, 2, await footprint(connection))
            assert (
                await connection.fetchval(
                    "SELECT count(DISTINCT o.id) FROM customer_order o "
                    "JOIN order_event e ON e.order_id = o.id"
                )
                == 2
            )
            assert [len(rows) for rows in template.records(3)] == [3, 3]
        finally:
            await drop_schema(connection)
