"""Generated orders are whole orders, and nobody else's installation is filled with them."""

import asyncio
import re
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import pytest
from click.testing import CliRunner, Result

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.meta import column_name, filled_columns, table_name
from ordering.domain.ids import show_id
from ordering_app.cli import ordering
from ordering_app.demo.copies import COPIED_TABLES
from ordering_app.demo.generate import CLIENT
from ordering_app.demo.sized import sized_order
from ordering_app.embedded import EmbeddedServers
from support.api import ORDERS, Api, running_api
from support.placed import snapshot
from support.servers import blank_database, empty, new_database

#: One order of each life is placed, all others are copies.
PLACED = 6
LIVES = {
    "acknowledged": 1,
    "completed": 5,
    "in_progress": 1,
    "new": 1,
    "on_hold": 1,
    "rejected": 1,
}

#: The tables of orders, and those that tell whose installation this is.
TABLES = [*map(table_name, COPIED_TABLES), "product_offering", "api_client"]


@pytest.fixture(scope="module")
async def url(servers: EmbeddedServers) -> str:
    """A migrated database of these tests."""
    return await new_database(servers, "tests_generate", demo=False)


@pytest.fixture
async def blank(url: str) -> AsyncGenerator[Database]:
    """The same database, open and without any rows."""
    async with empty(url, ["catalog_revision", *TABLES]) as opened:
        async with opened.acquire() as connection:
            await connection.execute(
                "INSERT INTO catalog_revision (id, revision, changed_at) VALUES (1, 0, now())"
            )
        yield opened


async def generate(url: str, *arguments: str, **settings: str) -> Result:
    """Run the command as a user does."""
    return await asyncio.to_thread(
        CliRunner().invoke,
        ordering,
        ["demo", "generate", *arguments],
        env={"ORDERING_DATABASE_URL": url, **settings},
    )


async def comparable(connection: Connection, order_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Read all rows of an order: its own ids as their places, moments as the time since then."""
    created: datetime | None = await connection.fetchval(
        "SELECT created_at FROM customer_order WHERE id = $1", order_id
    )
    assert created is not None
    about = {
        "customer_order": "id = $1",
        "product_inventory": "id IN (SELECT resulting_inventory_id FROM order_line_item"
        " WHERE order_id = $1)",
    }
    rows: dict[str, list[dict[str, Any]]] = {}
    for table in COPIED_TABLES:
        name = table_name(table)
        columns = ", ".join(column_name(each) for each in filled_columns(table))
        found = await connection.fetch(
            f"SELECT {columns} FROM {name} WHERE {about.get(name, 'order_id = $1')} ORDER BY id",
            order_id,
        )
        rows[name] = [dict(zip(columns.split(", "), row, strict=True)) for row in found]
    keys = sorted({row["id"] for each in rows.values() for row in each if "id" in row})
    places = {key: f"id {place}" for place, key in enumerate(keys)}

    def shown(name: str, value: Any) -> Any:
        if isinstance(value, datetime):
            return value - created
        if name == "external_id" and isinstance(value, str):
            return len(value)
        return places.get(value, value) if isinstance(value, UUID) else value

    return {
        table: [{name: shown(name, value) for name, value in row.items()} for row in found]
        for table, found in rows.items()
    }


async def placed_and_copied(connection: Connection, state: str) -> tuple[UUID, UUID]:
    """Find the order of a state that was placed, and the first copy of it."""
    rows = await connection.fetch(
        "SELECT id FROM customer_order WHERE state = $1 ORDER BY number", state
    )
    return rows[0]["id"], rows[1]["id"]


@pytest.mark.parametrize("lines", [1, 6])
async def test_a_generated_order_is_a_placed_one_row_by_row(
    blank: Database, url: str, lines: int
) -> None:
    result = await generate(url, "--orders", str(PLACED + 10), "--lines", str(lines))
    assert result.exit_code == 0, result.output
    async with blank.acquire() as connection:
        for state in LIVES:
            placed, copied = await placed_and_copied(connection, state)
            expected = await comparable(connection, placed)
            assert await comparable(connection, copied) == expected
            assert [row["position"] for row in expected["order_line_item"]] == [*range(lines)]
            inventories = lines if state not in {"new", "rejected"} else 0
            assert len(expected["product_inventory"]) == inventories


async def test_generated_orders_lie_in_the_year_before(blank: Database, url: str) -> None:
    before = datetime.now(UTC)
    result = await generate(url, "--orders", str(PLACED + 100), "--lines", "1")
    assert result.exit_code == 0, result.output
    async with blank.acquire() as connection:
        rows = await connection.fetch(
            "SELECT state, created_at, external_id FROM customer_order ORDER BY number"
        )
    copies = rows[PLACED:]
    states = [row["state"] for row in copies]
    assert {state: states.count(state) // 10 for state in set(states)} == LIVES
    moments = [row["created_at"] for row in copies]
    assert moments == sorted(moments)
    year = timedelta(days=365)
    assert abs(moments[0] + year - before) < timedelta(minutes=10)
    assert before - timedelta(days=4) < moments[-1] < before
    assert len({row["external_id"] for row in rows}) == PLACED + 100


@pytest.fixture
async def running(blank: Database, url: str, servers: EmbeddedServers) -> AsyncGenerator[Api]:
    """The application over generated orders of four lines."""
    result = await generate(url, "--orders", str(PLACED + 10))
    assert result.exit_code == 0, result.output
    async with running_api(blank, url, servers.redis_url) as started:
        yield started


async def test_generated_orders_are_read_over_rest_and_graphql(running: Api) -> None:
    page = (await running.get(ORDERS, limit=100)).json()
    assert len(page) == PLACED + 10
    assert {len(order["productOrderItem"]) for order in page} == {4}
    async with running.database.acquire() as connection:
        placed, copied = await placed_and_copied(connection, "in_progress")
    first, second = [
        (await running.get(f"{ORDERS}/{show_id(each)}")).json() for each in (placed, copied)
    ]
    assert [item["id"] for item in second["productOrderItem"]] == ["100", "110", "120", "130"]
    assert shape(second) == shape(first)
    query = """query ($id: ID!) { order(id: $id) {
        state version lineItems { nodes { itemId state characteristics { name value } } } } }"""
    told = [await running.graphql(query, id=show_id(each)) for each in (placed, copied)]
    assert told[0] == told[1]
    lines = told[1]["data"]["order"]["lineItems"]["nodes"]
    assert [line["itemId"] for line in lines] == ["100", "110", "120", "130"]


def shape(value: Any) -> Any:
    """Reduce JSON to its members and the kinds and lengths of their values."""
    match value:
        case dict():
            members = cast("dict[str, Any]", value)
            return {name: shape(each) for name, each in members.items()}
        case list():
            return [shape(each) for each in cast("list[Any]", value)]
        case str():
            return len(value)
        case _:
            return value


async def test_a_generated_order_goes_on_like_any_other(running: Api) -> None:
    async with running.database.acquire() as connection:
        _, copied = await placed_and_copied(connection, "on_hold")
    for action in (b'{"action": "release"}', b'{"action": "complete"}'):
        order = await running.services.progress_order(show_id(copied), action, "fulfilment")
    assert order.order.state == "completed"
    async with running.database.acquire() as connection:
        statuses = await connection.fetch(
            """SELECT i.status FROM product_inventory i
               JOIN order_line_item l ON l.resulting_inventory_id = i.id WHERE l.order_id = $1""",
            copied,
        )
    assert [row["status"] for row in statuses] == ["active"] * 4


async def test_more_orders_may_be_generated_into_a_demo(blank: Database, url: str) -> None:
    for total in (3, 6):
        assert (await generate(url, "--orders", "3", "--lines", "1")).exit_code == 0
        async with blank.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM customer_order") == total


SOMEBODY_ELSES = {
    "orders": """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
                 VALUES (gen_random_uuid(), 'new', 'crm', now(), now())""",
    "a catalog": """INSERT INTO product_offering (id, name, status)
                    VALUES (gen_random_uuid(), 'Fibre', 'published')""",
}


@pytest.mark.parametrize("what", SOMEBODY_ELSES)
async def test_an_installation_in_use_is_left_alone(blank: Database, url: str, what: str) -> None:
    async with blank.acquire() as connection:
        await connection.execute(SOMEBODY_ELSES[what])
    before = await snapshot(blank)
    result = await generate(url, "--orders", "1")
    assert result.exit_code == 1
    assert "neither empty nor a demo" in result.output
    assert "--i-know-this-writes" in result.output
    assert await snapshot(blank) == before


async def test_an_installation_in_use_is_filled_if_that_is_meant(blank: Database, url: str) -> None:
    async with blank.acquire() as connection:
        await connection.execute(SOMEBODY_ELSES["orders"])
    result = await generate(url, "--orders", "1", "--i-know-this-writes")
    assert (result.exit_code, result.output) == (0, "placed 1 orders of 4 line items\n")
    async with blank.acquire() as connection:
        rows = await connection.fetch("SELECT created_by FROM customer_order ORDER BY number")
    assert [row["created_by"] for row in rows] == ["crm", CLIENT]


async def test_a_database_without_tables_is_told(servers: EmbeddedServers) -> None:
    result = await generate(await blank_database(servers, "tests_generate_none"), "--orders", "1")
    assert (result.exit_code, result.output) == (
        1,
        "Error: the database has no tables yet: run `ordering migrate` first\n",
    )


async def test_what_the_rules_refuse_is_told(blank: Database, url: str) -> None:
    result = await generate(url, "--orders", "1", "--lines", "4", ORDERING_MAX_LINE_ITEMS="3")
    assert result.exit_code == 1
    assert re.fullmatch(r"Error: .*\b3\b.*\n", result.output)
    assert (await snapshot(blank))["customer_order"] == []


def test_a_sized_order_names_only_lines_that_it_has() -> None:
    order = msgspec.json.decode(sized_order(7))
    lines = {
        item["id"]: [each["id"] for each in item["productOrderItemRelationship"]]
        for item in order["productOrderItem"]
    }
    assert lines == {
        "100": ["110", "120", "130"],
        **{key: ["100"] for key in ("110", "120", "130")},
        "100-1": ["110-1", "120-1"],
        **{key: ["100-1"] for key in ("110-1", "120-1")},
    }
