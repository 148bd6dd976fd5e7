"""The migrations make exactly the tables that the Piccolo classes describe."""

import asyncio
import sys
from typing import Any

import pytest
from piccolo.columns import BigSerial, Column
from piccolo.table import Table

from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.meta import column_name, described_by, filled_columns, table_name
from ordering.db.migrate import MigrationError, find_missing, migrate
from ordering.db.tables import ALL_TABLES
from ordering_app.embedded import EmbeddedServers
from support.servers import blank_database

#: A migration that builds one index beside the running service.
PARTY_INDEX = "2026-11-22T09:00:00:000002"

#: A migration whose indexes take the place of others.
LINE_INDEXES = "2026-11-22T11:40:00:000001"

#: What each of the migrations builds beside the running service: its table, its indexes.
CONCURRENT = {
    PARTY_INDEX: ("customer_order", ["customer_order_party"]),
    "2026-11-22T11:00:00:000001": (
        "inbound_request",
        ["inbound_request_created", "inbound_request_partial_success"],
    ),
    "2026-11-22T11:30:00:000001": (
        "inbound_request",
        [
            "inbound_request_fresh",
            "inbound_request_fresh_party",
            "inbound_request_tried",
            "inbound_request_unfinished_account",
        ],
    ),
    LINE_INDEXES: (
        "order_line_item",
        [
            "order_line_item_parent",
            "order_characteristic_value_line",
            "order_line_item_contact_line",
            "order_line_related_item_line",
            "work_note_line",
        ],
    ),
    "2026-11-22T12:00:00:000002": ("order_event", ["order_event_mail_due"]),
    "2026-11-22T12:45:00:000001": ("customer_order", ["customer_order_updated"]),
    "2026-11-22T13:40:00:000001": (
        "customer_order",
        [
            "customer_order_external_text",
            "customer_order_created",
            "order_line_item_offering",
        ],
    ),
}

ALL_MIGRATIONS = [
    "2026-11-22T06:00:00:000001",
    "2026-11-22T09:00:00:000001",
    "2026-11-22T09:00:00:000002",
    "2026-11-22T11:00:00:000001",
    "2026-11-22T11:30:00:000001",
    "2026-11-22T11:40:00:000001",
    "2026-11-22T12:00:00:000001",
    "2026-11-22T12:00:00:000002",
    "2026-11-22T12:10:00:000001",
    "2026-11-22T12:20:00:000001",
    "2026-11-22T12:40:00:000001",
    "2026-11-22T12:45:00:000001",
    "2026-11-22T13:10:00:000001",
    "2026-11-22T13:40:00:000001",
    "2026-11-22T14:10:00:000001",
    "2026-11-22T14:10:00:000002",
    "2026-11-22T14:20:00:000001",
]

COLUMNS = """
SELECT column_name, is_nullable = 'YES' AS nullable,
       CASE data_type
           WHEN 'character varying' THEN 'VARCHAR(' || character_maximum_length || ')'
           WHEN 'timestamp with time zone' THEN 'TIMESTAMPTZ'
           ELSE upper(data_type)
       END AS type
FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position
"""


def described(column: Column) -> tuple[str, str, bool]:
    primary = bool(described_by(column).primary_key)
    return (
        column_name(column),
        "BIGINT" if isinstance(column, BigSerial) else str(column.column_type),
        bool(described_by(column).null) and not primary,
    )


@pytest.mark.parametrize("table", ALL_TABLES, ids=table_name)
async def test_columns_agree(table: type[Table], database: Database) -> None:
    async with database.acquire() as connection:
        rows = await connection.fetch(COLUMNS, table_name(table))
    found = [(row["column_name"], row["type"], row["nullable"]) for row in rows]
    every = list(described_by(table).columns)
    assert found == [described(column) for column in every]
    assert {column_name(column) for column in filled_columns(table)} <= {
        name for name, _, _ in found
    }


async def test_no_table_is_forgotten(database: Database) -> None:
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        )
    assert {row["table_name"] for row in rows} == {
        "migration",
        *(table_name(table) for table in ALL_TABLES),
    }


async def test_it_runs_once_whoever_asks(servers: EmbeddedServers) -> None:
    url = await blank_database(servers, "tests_migrations")
    assert await migrate(url) == ALL_MIGRATIONS
    assert await migrate(url) == []


async def test_what_a_version_needs_is_missing_until_it_is_migrated(
    servers: EmbeddedServers,
) -> None:
    url = await blank_database(servers, "tests_migrations")
    connection: Any = await connect(url)
    try:
        assert await find_missing(connection) == ALL_MIGRATIONS
        await migrate(url)
        await connection.execute("UPDATE migration SET name = 'newer' WHERE name = $1", PARTY_INDEX)
        assert await find_missing(connection) == [PARTY_INDEX]
    finally:
        await connection.close()


async def test_processes_that_start_together_migrate_once(servers: EmbeddedServers) -> None:
    url = await blank_database(servers, "tests_migrations")
    code = (
        "import asyncio, sys; from ordering.db.migrate import migrate;"
        "print(len(asyncio.run(migrate(sys.argv[1]))))"
    )
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, url, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    outputs = [(await process.communicate())[0].strip() for process in processes]
    assert sorted(outputs) == [b"0", b"0", str(len(ALL_MIGRATIONS)).encode()]


async def test_a_failing_migration_changes_nothing(servers: EmbeddedServers) -> None:
    url = await blank_database(servers, "tests_migrations")
    admin = await connect(url)
    try:
        await admin.execute("CREATE TABLE currency (id integer)")
        with pytest.raises(MigrationError, match='relation "currency" already exists'):
            await migrate(url)
        assert await admin.fetchval("SELECT to_regclass('customer_order')") is None
        await admin.execute("DROP TABLE currency")
    finally:
        await admin.close()
    assert await migrate(url) == ALL_MIGRATIONS


#: Whoever waits for the end of another's transaction, and for longer than this.
_WAITED = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE NOT granted AND locktype = 'virtualxid'
      AND waitstart < clock_timestamp() - $1 * interval '1 ms'
)
"""


async def _forget(admin: Any, migration: str) -> tuple[str, list[str]]:
    """Make a migration of indexes run once more; tells its table and them."""
    table, indexes = CONCURRENT[migration]
    await admin.execute("DELETE FROM migration WHERE name = $1", migration)
    await admin.execute(f"DROP INDEX {', '.join(indexes)}")
    return table, indexes


async def _validity(admin: Any, indexes: list[str]) -> list[bool | None]:
    """Tell which indexes are valid; None if there is none of that name."""
    rows = await admin.fetch(
        "SELECT indisvalid FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place)"
        " LEFT JOIN pg_index ON indexrelid = to_regclass(name) ORDER BY place",
        indexes,
    )
    return [row["indisvalid"] for row in rows]


@pytest.mark.parametrize("migration", CONCURRENT)
async def test_an_index_is_built_beside_old_snapshots_however_long_they_last(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch, migration: str
) -> None:
    url = await blank_database(servers, "tests_migrations")
    await migrate(url)
    timeout_ms = 100
    for name in ("_LOCK_TIMEOUT_MS", "_STATEMENT_TIMEOUT_MS"):
        monkeypatch.setattr(f"ordering.db.migrate.{name}", timeout_ms)
    admin, reader = await connect(url), await connect(url)
    try:
        table, indexes = await _forget(admin, migration)
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch(f"SELECT FROM {table}")
        migrating = asyncio.create_task(migrate(url))
        async with asyncio.timeout(20):
            while not migrating.done() and not await admin.fetchval(_WAITED, 2 * timeout_ms):
                pass
        assert not migrating.done()
        await reader.execute("COMMIT")
        assert await migrating == [migration]
        assert await _validity(admin, indexes) == [True] * len(indexes)
    finally:
        await admin.close()
        await reader.close()


async def test_an_index_that_was_left_unfinished_is_built_anew(servers: EmbeddedServers) -> None:
    url = await blank_database(servers, "tests_migrations")
    await migrate(url)
    admin, reader = await connect(url), await connect(url)
    try:
        _, indexes = await _forget(admin, PARTY_INDEX)
        await reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await reader.fetch("SELECT FROM customer_order")
        migrating = asyncio.create_task(migrate(url))
        async with asyncio.timeout(20):
            while not await admin.fetchval(_WAITED, 0):
                pass
        await admin.execute(
            "SELECT pg_cancel_backend(pid) FROM pg_locks"
            " WHERE NOT granted AND locktype = 'virtualxid'"
        )
        # It names the failure, and does not claim that nothing is left.
        with pytest.raises(MigrationError, match=r"^the migration failed: canceling statement"):
            await migrating
        assert await _validity(admin, indexes) == [False]
        await reader.execute("COMMIT")
        assert await migrate(url) == [PARTY_INDEX]
        assert await _validity(admin, indexes) == [True]
    finally:
        await admin.close()
        await reader.close()


async def test_an_index_that_replaced_another_is_kept_when_the_others_are_built_anew(
    servers: EmbeddedServers,
) -> None:
    url = await blank_database(servers, "tests_migrations")
    await migrate(url)
    admin = await connect(url)

    async def built() -> list[tuple[str, int, bool]]:
        """List the indexes of the migration, by name; one that is built anew has another number."""
        rows = await admin.fetch(
            "SELECT relname, pg_class.oid::bigint, indisvalid FROM pg_index"
            " JOIN pg_class ON pg_class.oid = indexrelid WHERE relname = ANY($1) ORDER BY relname",
            indexes,
        )
        return [tuple(row) for row in rows]

    try:
        _, indexes = CONCURRENT[LINE_INDEXES]
        await admin.execute("DELETE FROM migration WHERE name = $1", LINE_INDEXES)
        await admin.execute("DROP INDEX work_note_line")
        await admin.execute(
            "UPDATE pg_index SET indisvalid = false"
            " WHERE indexrelid = 'order_line_related_item_line'::regclass"
        )
        before = {name: number for name, number, _ in await built()}
        assert await migrate(url) == [LINE_INDEXES]
        after = await built()
        assert [(name, valid) for name, _, valid in after] == [
            (name, True) for name in sorted(indexes)
        ]
        assert [name for name, number, _ in after if before.get(name) != number] == [
            "order_line_related_item_line",
            "work_note_line",
        ]
    finally:
        await admin.close()
