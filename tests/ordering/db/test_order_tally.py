"""The tally comes to a database that has orders, and counts whoever writes more."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ordering.db.connection import connect
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.migrate import migrate
from ordering_app.embedded import EmbeddedServers
from support.locks import waiters
from support.servers import blank_database

TABLE = "2026-11-22T14:10:00:000001"
ORDERS_BEFORE = "2026-11-22T14:10:00:000002"

_INSERT = """
INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
VALUES (gen_random_uuid(), $1, 'x', now(), now())
"""
_BACK = """
DROP TABLE order_tally;
DROP FUNCTION tally_written_orders CASCADE;
DROP FUNCTION tally_moved_order CASCADE;
DROP FUNCTION tally_no_orders CASCADE;
DROP FUNCTION recount_orders
"""
_WAITED = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE NOT granted AND waitstart < clock_timestamp() - $1 * interval '1 ms'
)
"""


@pytest.fixture
async def url(servers: EmbeddedServers) -> str:
    """A database as it was before the tally."""
    url = await blank_database(servers, "tests_migrations")
    await migrate(url)
    admin = await connect(url)
    await admin.execute(_BACK)
    await admin.execute("DELETE FROM migration WHERE name = ANY ($1)", [TABLE, ORDERS_BEFORE])
    await admin.close()
    return url


@pytest.fixture
async def writer(url: str) -> AsyncGenerator[Any]:
    connection = await connect(url)
    yield connection
    await connection.close()


@pytest.fixture
async def admin(url: str) -> AsyncGenerator[Any]:
    connection = await connect(url)
    yield connection
    await connection.close()


async def rows(connection: Any) -> list[tuple[str, int]]:
    found = await connection.fetch("SELECT state, orders FROM order_tally ORDER BY id")
    return [tuple(row) for row in found]


async def test_orders_from_before_count_and_one_that_is_being_written(
    url: str, admin: Any, writer: Any
) -> None:
    for state in ("new", "completed", "new"):
        await admin.execute(_INSERT, state)
    transaction = writer.transaction()
    await transaction.start()
    await writer.execute(_INSERT, "new")
    migrating = asyncio.create_task(migrate(url))
    await waiters(admin, 1)
    await transaction.commit()
    assert await migrating == [TABLE, ORDERS_BEFORE]
    assert sorted(await rows(admin)) == [("completed", 1), ("new", 3)]


async def test_what_is_written_between_the_two_steps_counts_once(url: str, admin: Any) -> None:
    await admin.execute(_INSERT, "new")
    await migrate(url)
    await admin.execute("DELETE FROM order_tally")
    await admin.execute(_INSERT, "new")
    await admin.execute("DELETE FROM migration WHERE name = $1", ORDERS_BEFORE)
    assert await migrate(url) == [ORDERS_BEFORE]
    assert await rows(admin) == [("new", 1), ("new", 1)]


async def test_to_count_again_adds_nothing(url: str, admin: Any) -> None:
    await admin.execute(_INSERT, "new")
    await migrate(url)
    await admin.execute("DELETE FROM migration WHERE name = $1", ORDERS_BEFORE)
    assert await migrate(url) == [ORDERS_BEFORE]
    assert await rows(admin) == [("new", 1)]


async def test_counting_may_take_longer_than_any_timeout(
    url: str, admin: Any, writer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await admin.execute(_INSERT, "new")
    await migrate(url)
    await admin.execute("DELETE FROM order_tally")
    await admin.execute("DELETE FROM migration WHERE name = $1", ORDERS_BEFORE)
    timeout_ms = 100
    for name in ("_LOCK_TIMEOUT_MS", "_STATEMENT_TIMEOUT_MS"):
        monkeypatch.setattr(f"ordering.db.migrate.{name}", timeout_ms)
    async with writer.transaction():
        await writer.execute("LOCK TABLE customer_order")
        migrating = asyncio.create_task(migrate(url))
        async with asyncio.timeout(20):
            while not migrating.done() and not await admin.fetchval(_WAITED, 2 * timeout_ms):
                pass
        assert not migrating.done()
    assert await migrating == [ORDERS_BEFORE]
    assert await rows(admin) == [("new", 1)]


@pytest.mark.parametrize(
    "statement", ["SELECT recount_orders()", "TRUNCATE customer_order CASCADE"]
)
async def test_what_must_see_what_others_committed_wants_read_committed(
    database: Database, statement: str
) -> None:
    async with database.acquire() as connection:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            async with connection.transaction(isolation="repeatable_read"):
                await connection.execute(statement)


async def test_orders_count_whoever_writes_them_however_tables_are_found(
    database: Database,
) -> None:
    """A dump is restored without a path to tables, and its role may have no more than that."""
    async with database.acquire() as connection:
        schema = await connection.fetchval("SELECT current_schema()")
        inserted = _INSERT.replace("customer_order", f"{schema}.customer_order")
        async with connection.transaction():
            await connection.execute("CREATE ROLE restorer")
            await connection.execute(
                "GRANT INSERT, UPDATE, SELECT, DELETE ON customer_order, order_event TO restorer;"
                "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO restorer;"
                "REVOKE ALL ON SEQUENCE order_tally_id_seq FROM restorer"
            )
            await connection.execute("SET LOCAL ROLE restorer")
            await connection.execute("SET LOCAL search_path = ''")
            for state in ("new", "draft"):
                await connection.execute(inserted, state)
            await connection.execute(f"UPDATE {schema}.customer_order SET state = 'new'")
            await connection.execute(
                f"INSERT INTO {schema}.order_event (order_id, event_type, occurred_at)"
                f" SELECT id, 'x', now() FROM {schema}.customer_order"
            )
            assert not await connection.fetchval(
                f"SELECT has_function_privilege('{schema}.tally_written_orders()', 'EXECUTE')"
            )
            await connection.execute("RESET ROLE; RESET search_path")
            assert await rows(connection) == [("new", 1), ("draft", 1), ("draft", -1), ("new", 1)]
            await connection.execute("REASSIGN OWNED BY restorer TO CURRENT_USER")
            await connection.execute("DROP OWNED BY restorer; DROP ROLE restorer")
