"""A page costs the same wherever it is in the list."""

from typing import Any

import pytest

from ordering.db.engine import Database
from ordering_graphql.engine import ASKERS, Engine
from ordering_graphql.plan.binding import Asker
from ordering_graphql.plan.finding import MOST_FOUND
from support.explaining import explain, touched

ORDERS = 20_000
FILL = """
INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
SELECT gen_random_uuid(), CASE WHEN n % 10 = 0 THEN 'completed' ELSE 'new' END, 'x', at, at
FROM generate_series(1, $1::int) AS n, LATERAL (SELECT now() + n * interval '1 ms' AS at) AS moment
"""
PAGE = """
query ($by: OrderSort, $after: String, $before: String, $filter: OrderFilter) {
  orders(orderBy: $by, after: $after, before: $before, filter: $filter) {
    nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor startCursor } }
}
"""


async def explained(engine: Engine, database: Database, **asked: Any) -> float:
    """Count the rows that reading a page touches."""
    operation = engine.documents.operation(PAGE)
    variables = engine.documents.variables(operation, asked)
    plan = engine.documents.plan(operation, variables)
    values, wrong = plan.bind(Asker(variables.coerced, ASKERS))
    assert wrong == []
    async with database.acquire() as connection:
        return touched(await explain(connection, plan.sql, *values, options="ANALYZE"))


@pytest.fixture
async def many(demo_database: Database) -> Database:
    """A database with many orders, one in ten completed."""
    async with demo_database.acquire() as connection:
        await connection.execute(FILL, ORDERS)
        await connection.execute("ANALYZE customer_order")
    return demo_database


@pytest.mark.parametrize("by", ["CREATED_ASC", "CREATED_DESC", "UPDATED_ASC", "UPDATED_DESC"])
@pytest.mark.parametrize("direction", ["after", "before"])
async def test_a_deep_page_touches_as_few_rows_as_the_first(
    engine: Engine, many: Database, by: str, direction: str
) -> None:
    async with many.acquire() as connection:
        cursor = await connection.fetchval(
            """SELECT rtrim(translate(encode(convert_to(CASE WHEN $1 LIKE 'CREATED%'
                 THEN json_build_array(1, $1::text, number)
                 ELSE json_build_array(1, $1::text, updated_at, number) END::text, 'UTF8'),
                 'base64'), E'+/\n', '-_'), '=')
               FROM customer_order ORDER BY number OFFSET $2 LIMIT 1""",
            by,
            ORDERS // 2,
        )
    for wanted in (None, {"state": {"eq": "completed"}}, {"state": {"in": ["completed"]}}):
        if wanted and by.startswith("UPDATED"):
            continue
        first = await explained(engine, many, by=by, filter=wanted)
        deep = await explained(engine, many, by=by, filter=wanted, **{direction: cursor})
        # With a filter it is first seen that those that fit are many.
        most = 300 if wanted is None else 500 + 2 * MOST_FOUND
        assert first <= most
        assert deep <= most
