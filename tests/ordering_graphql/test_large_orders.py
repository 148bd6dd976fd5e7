"""Orders of thousands of lines: one statement whose work grows with the lines, not their square."""

from typing import Any

import msgspec
import pytest

from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_graphql.engine import ASKERS, Question, make_engine
from support.counting import CountingDatabase
from support.explaining import explain, touched

#: Roots, of which each has children, of which each has children and requires its sibling.
FILL = """
WITH header AS (
    INSERT INTO customer_order (id, state, created_by, created_at, updated_at, external_id)
    VALUES (gen_random_uuid(), 'new', 'x', now(), now(), $2::text) RETURNING id
), lines AS (
    SELECT n, gen_random_uuid() AS id,
           CASE WHEN n % 100 = 0 THEN NULL WHEN n % 10 = 0 THEN n / 100 * 100 ELSE n / 10 * 10 END
               AS parent
    FROM generate_series(0, $1::int - 1) AS n
), stored AS (
    INSERT INTO order_line_item (id, order_id, position, item_id, action, state,
                                 parent_line_item_id, relationships)
    SELECT line.id, header.id, line.n, line.n::text, 'add', 'new', parent.id,
           CASE WHEN line.n % 10 > 1 THEN jsonb_build_array(jsonb_build_object(
               'id', (line.n - 1)::text, 'relationshipType', 'Requires')) END
    FROM header, lines AS line LEFT JOIN lines AS parent ON parent.n = line.parent
    RETURNING id, order_id
), revised AS (
    INSERT INTO order_revision (order_id, version, operation, change_types, changes, changed_by,
                                changed_at)
    SELECT header.id, 2, 'update', '[]', jsonb_build_object('lineItems', (
        SELECT jsonb_agg(jsonb_build_object(
            'id', n::text, 'version', 2, 'changeTypes', '["other"]'::jsonb, 'fields', '{}'::jsonb))
        FROM lines)), 'x', now()
    FROM header
)
INSERT INTO order_characteristic_value (order_id, line_item_id, name, value)
SELECT order_id, id, name, '1' FROM stored, unnest(ARRAY['a', 'b', 'c', 'd']) AS name
"""
SMALL = """
WITH header AS (
    INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
    SELECT gen_random_uuid(), 'new', 'x', now(), now() FROM generate_series(1, 2000) RETURNING id
)
INSERT INTO order_line_item (id, order_id, position, item_id, action, state)
SELECT gen_random_uuid(), header.id, n, n::text, 'add', 'new' FROM header, generate_series(1, 4) n
"""
TREE = """
query ($ext: String!) { order(externalId: $ext) {
  rootLineItems { ...line children { ...line children { ...line } } }
  lineItems(first: 5000) { nodes { ...line } }
} }
fragment line on LineItem {
  id itemId characteristics { name value } parent { itemId } requires { itemId }
  requiredBy { itemId } revisions { version changeTypes }
}
"""
ENGINE = make_engine(Settings(graphql_max_cost=1_000_000))


@pytest.fixture
async def orders(demo_database: Database) -> Database:
    """A database with an order of 200 lines and one of 2,000 among many small ones.

    From those the planner takes that orders have few lines, so that looking through all of them
    seems to cost as little as looking one up.
    """
    async with demo_database.acquire() as connection:
        await connection.execute(SMALL)
        for lines, name in ((200, "small"), (2_000, "large")):
            await connection.execute(FILL, lines, name)
        await connection.execute("ANALYZE")
    return demo_database


async def test_the_whole_tree_comes_by_one_statement(orders: Database) -> None:
    counting = CountingDatabase(orders)
    answer = await ENGINE.answer(Question(TREE, {"ext": "large"}), counting, ASKERS)
    assert len(counting.statements) == 1
    order = msgspec.json.decode(answer.body)["data"]["order"]
    nodes = order["lineItems"]["nodes"]
    assert [node["itemId"] for node in nodes] == [str(n) for n in range(2_000)]

    def walk(lines: list[Any]) -> list[str]:
        return [
            each for line in lines for each in (line["itemId"], *walk(line.get("children", [])))
        ]

    assert walk(order["rootLineItems"]) == [str(n) for n in range(2_000)]
    line = nodes[1_234]
    assert [each["name"] for each in line["characteristics"]] == ["a", "b", "c", "d"]
    assert line["parent"] == {"itemId": "1230"}
    assert line["requires"] == [{"itemId": "1233"}]
    assert line["requiredBy"] == [{"itemId": "1235"}]
    assert line["revisions"] == [{"version": 2, "changeTypes": ["other"]}]


async def test_the_work_grows_with_the_lines(orders: Database) -> None:
    async def rows(name: str) -> float:
        operation = ENGINE.documents.operation(TREE)
        variables = ENGINE.documents.variables(operation, {"ext": name})
        plan = ENGINE.documents.plan(operation, variables)
        async with orders.acquire() as connection:
            return touched(await explain(connection, plan.sql, name, options="ANALYZE, TIMING OFF"))

    few, many = await rows("small"), await rows("large")
    assert 5 * few < many < 15 * few
