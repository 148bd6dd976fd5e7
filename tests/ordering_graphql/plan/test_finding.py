"""Filters that an index serves: few orders are found, many are met soon, among 100,000.

What is counted are the rows that PostgreSQL fetches by a plan that serves any values, as those of
the service do (docs/decisions/0028-plans.md).
"""

from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from ordering.db.connection import Connection, connect
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import ASKERS, Engine
from ordering_graphql.plan.binding import Asker
from support import payloads
from support.servers import new_database

ORDERS = 100_000
#: Of 100,000 orders five are rare in some way, 2,000 common, the others of a thousand kinds. One is
#: placed each second.
FILL = (
    """
    INSERT INTO customer_order (id, number, external_id, state, related_parties, created_by,
                                created_at, updated_at)
    SELECT md5(n::text)::uuid, n, CASE kind WHEN 'rare' THEN 'RARE-' ELSE 'PO-' END || n,
           CASE kind WHEN 'rare' THEN 'on_hold' WHEN 'common' THEN 'new' ELSE 'completed' END,
           jsonb_build_array(jsonb_build_object('id', kind)), 'x', at, at
    FROM generate_series(1, $1::int) AS n, LATERAL (
        SELECT CASE WHEN n % 20000 = 7 THEN 'rare' WHEN n % 50 = 0 THEN 'common'
               ELSE 'kind ' || n % 1000 END AS kind,
               timestamptz '2026-01-01 00:00:00Z' + n * interval '1 s' AS at
    ) AS made
    """,
    """
    INSERT INTO order_line_item (id, order_id, position, item_id, action, state,
                                 product_offering_id, product_offering)
    SELECT id, id, 0, '1', 'add', 'new', CASE kind WHEN 'common' THEN $1::uuid END,
           jsonb_build_object('id', kind)
    FROM customer_order, LATERAL (SELECT related_parties->0->>'id' AS kind) AS made
    """,
)
PAGE = """
query ($by: OrderSort, $after: String, $before: String, $filter: OrderFilter) {
  orders(orderBy: $by, after: $after, before: $before, filter: $filter) {
    nodes { externalId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
}
"""
TOTAL = "query ($filter: OrderFilter) { orders(filter: $filter) { totalCount } }"
FETCHED = "SELECT sum(seq_tup_read + idx_tup_fetch)::int FROM pg_stat_xact_user_tables"
SCANS = """
SELECT (seq_scan + idx_scan)::int FROM pg_stat_xact_user_tables WHERE relname = 'customer_order'
"""

RARE: list[dict[str, Any]] = [
    {"party": "rare"},
    {"lineItem": {"offering": "rare"}},
    {"externalId": {"startsWith": "RARE-"}},
    {"state": {"eq": "on_hold"}},
    {"state": {"in": ["on_hold", "draft"]}},
    {"and": [{"ponr": False}, {"and": [{"party": "rare"}]}], "not": {"state": {"eq": "new"}}},
    {"party": "rare", "lineItem": {"state": {"eq": "new"}}, "ponr": False},
]
NONE: list[dict[str, Any]] = [
    {"party": "none"},
    {"lineItem": {"offering": "none"}},
    {"externalId": {"startsWith": "none"}},
    {"state": {"eq": "draft"}},
    {"state": {"in": ["draft"]}},
    {"createdAt": {"lt": "2026-01-01T00:00:00Z"}},
    {"party": "common", "lineItem": {"offering": "rare"}},
    {"party": "rare", "lineItem": {"characteristic": {"name": "none"}}},
]
COMMON: list[dict[str, Any]] = [
    {"party": "common"},
    {"lineItem": {"offering": payloads.OFFERING}},
    {"state": {"eq": "new"}},
    {"state": {"in": ["new", "draft"]}},
    {"externalId": {"startsWith": "PO-"}},
    {"createdAt": {"gte": "2026-01-01T12:00:00Z"}},
]


@pytest.fixture(scope="module")
async def filled_url(servers: EmbeddedServers) -> str:
    url = await new_database(servers, "tests_filtered", demo=True)
    connection: Any = await connect(url)
    try:
        orders, lines = FILL
        await connection.execute(orders, ORDERS)
        await connection.execute(lines, payloads.OFFERING)
        await connection.execute("VACUUM ANALYZE customer_order, order_line_item")
    finally:
        await connection.close()
    return url


@pytest.fixture
async def filled(filled_url: str) -> AsyncGenerator[Connection]:
    connection = await connect(filled_url)
    yield connection
    await connection.close()


async def asked(
    engine: Engine, connection: Connection, query: str, *, count: str = FETCHED, **sent: Any
) -> tuple[Any, int]:
    """Ask for orders; returns them, and what was counted meanwhile: rows that were fetched."""
    operation = engine.documents.operation(query)
    variables = engine.documents.variables(operation, sent)
    plan = engine.documents.plan(operation, variables)
    values, wrong = plan.bind(Asker(variables.coerced, ASKERS))
    assert wrong == []
    async with connection.transaction():
        await connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        before = await connection.fetchval(count)
        text = await connection.fetchval(plan.sql, *values)
        counted = await connection.fetchval(count) - before
    return msgspec.json.decode(text)["orders"], counted


@pytest.mark.parametrize("wanted", [*RARE, *NONE], ids=str)
async def test_few_orders_are_found_without_reading_others(
    engine: Engine, filled: Connection, wanted: Any
) -> None:
    orders, of_total = await asked(engine, filled, TOTAL, filter=wanted)
    assert orders["totalCount"] == (5 if wanted in RARE else 0)
    assert of_total <= 2_200
    for by in ("CREATED_DESC", "UPDATED_ASC"):
        page, fetched = await asked(engine, filled, PAGE, filter=wanted, by=by)
        assert len(page["nodes"]) == orders["totalCount"]
        assert fetched <= 2_200


@pytest.mark.parametrize("wanted", COMMON, ids=str)
async def test_a_page_of_many_orders_does_not_read_all_of_them(
    engine: Engine, filled: Connection, wanted: Any
) -> None:
    page, fetched = await asked(engine, filled, PAGE, filter=wanted, by="CREATED_DESC")
    assert len(page["nodes"]) == 20
    assert fetched <= 5_000


async def test_all_of_many_orders_are_counted(engine: Engine, filled: Connection) -> None:
    counted = [(await asked(engine, filled, TOTAL, filter=each))[0] for each in COMMON]
    assert [each["totalCount"] for each in counted] == [2_000, 2_000, 2_000, 2_000, 99_995, 56_801]


@pytest.mark.parametrize(
    ("wanted", "total"),
    [
        (None, 100_000),
        ({}, 100_000),
        ({"state": {"eq": "completed"}}, 97_995),
        ({"state": {"in": ["new", "on_hold"]}}, 2_005),
    ],
    ids=str,
)
async def test_how_many_orders_there_are_by_state_is_known(
    engine: Engine, filled: Connection, wanted: Any, total: int
) -> None:
    orders, scans = await asked(engine, filled, TOTAL, count=SCANS, filter=wanted)
    assert orders == {"totalCount": total}
    assert scans == 0


async def test_ten_minutes_of_orders_are_read_by_themselves(
    engine: Engine, filled: Connection
) -> None:
    minutes = {"gte": "2026-01-01T12:00:00Z", "lt": "2026-01-01T12:10:00Z"}
    page, fetched = await asked(engine, filled, PAGE, filter={"createdAt": minutes})
    assert page["nodes"][0] == {"externalId": "PO-43200"}
    assert fetched <= 2_000


@pytest.mark.parametrize("wanted", [{"party": "common"}, {"party": "kind 7"}], ids=str)
@pytest.mark.parametrize("by", ["CREATED_ASC", "CREATED_DESC"])
async def test_pages_follow_each_other_whether_few_or_many_fit(
    engine: Engine, filled: Connection, wanted: Any, by: str
) -> None:
    rows = await filled.fetch(
        "SELECT external_id AS name FROM customer_order WHERE related_parties->0->>'id' = $1"
        f" ORDER BY number {by.removeprefix('CREATED_')}",
        wanted["party"],
    )
    every = [row["name"] for row in rows]
    assert len(every) > 90
    one, _ = await asked(engine, filled, PAGE, filter=wanted, by=by)
    two, _ = await asked(
        engine, filled, PAGE, filter=wanted, by=by, after=one["pageInfo"]["endCursor"]
    )
    back, _ = await asked(
        engine, filled, PAGE, filter=wanted, by=by, before=two["pageInfo"]["startCursor"]
    )
    assert [[node["externalId"] for node in page["nodes"]] for page in (one, two, back)] == [
        every[:20],
        every[20:40],
        every[:20],
    ]
    assert [
        (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"])
        for page in (one, two, back)
    ] == [(False, True), (True, True), (False, True)]


async def test_a_filter_is_looked_up_in_a_few_ways_only(engine: Engine, filled: Connection) -> None:
    every = {"and": [{"party": "common"}] * 40 + [{"party": "rare"}]}
    found, fetched = await asked(engine, filled, TOTAL, filter=every)
    assert found == {"totalCount": 0}
    # Forty times as many as each finds would be 40,000 and more.
    assert fetched < 20_000
