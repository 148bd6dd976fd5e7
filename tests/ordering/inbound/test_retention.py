"""Retention: what is deleted when, what never, and by how many at once."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from ordering.db.advisory import Turn
from ordering.db.engine import Database
from ordering.inbound.bulk_rows import Opened, open_bulk
from ordering.inbound.retention import Removed, Retention
from ordering.settings import Settings
from support.queued import queued


def retention(database: Database, **settings: Any) -> Retention:
    return Retention(database, Settings(**settings))


async def left(database: Database) -> set[UUID]:
    async with database.acquire() as connection:
        return {row["id"] for row in await connection.fetch("SELECT id FROM inbound_request")}


async def ended(database: Database, state: str, age: str) -> UUID:
    """Put a record that ended so long ago."""
    identity = await queued(database, state, age)
    async with database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET ended_at = created_at WHERE id = $1", identity
        )
    return identity


async def key(database: Database, age: str) -> int:
    async with database.acquire() as connection:
        return await connection.fetchval(
            """INSERT INTO idempotency_key
                   (client, path, key, request_hash, status_code, created_at)
               VALUES ('cpq', '/', $1, '', 201, now() - $1::text::interval) RETURNING id""",
            age,
        )


async def test_success_is_kept_ten_days_and_failure_thirty(demo_database: Database) -> None:
    kept = {
        await ended(demo_database, "completed", "9 d 23 h"),
        await ended(demo_database, "error", "10 d 1 h"),
        await ended(demo_database, "error", "29 d 23 h"),
    }
    await ended(demo_database, "completed", "10 d 1 h")
    await ended(demo_database, "completed", "40 d")
    await ended(demo_database, "error", "30 d 1 h")
    assert await retention(demo_database).sweep() == Removed(completed=2, failed=1)
    assert await left(demo_database) == kept
    assert await retention(demo_database).sweep() == Removed()


async def test_the_settings_tell_how_long(demo_database: Database) -> None:
    await ended(demo_database, "completed", "2 d")
    kept = await ended(demo_database, "error", "2 d")
    swept = retention(demo_database, retention_success_days=1, retention_failure_days=3)
    assert await swept.sweep() == Removed(completed=1)
    assert await left(demo_database) == {kept}


async def test_what_has_not_ended_is_never_deleted(demo_database: Database) -> None:
    unfinished = {
        await queued(demo_database, state, age="5000 d")
        for state in ("new", "in_progress", "pending")
    }
    assert await retention(demo_database).sweep() == Removed()
    assert await left(demo_database) == unfinished


async def test_a_record_that_took_long_is_kept_from_its_end_on(demo_database: Database) -> None:
    late = await queued(demo_database, "completed", age="40 d")
    await retention(demo_database).sweep()
    assert await left(demo_database) == {late}


async def test_keys_are_kept_for_hours(demo_database: Database) -> None:
    kept = [await key(demo_database, "47 h"), await key(demo_database, "1 h")]
    await key(demo_database, "49 h")
    assert await retention(demo_database, idempotency_hours=48).sweep() == Removed(keys=1)
    async with demo_database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM idempotency_key ORDER BY id")
    assert [row["id"] for row in rows] == kept


async def test_many_are_deleted_in_batches(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.inbound.retention._BATCH", 2)
    for _ in range(5):
        await ended(demo_database, "completed", "11 d")
    transactions = 0
    begin = demo_database.transaction

    def counted() -> Any:
        nonlocal transactions
        transactions += 1
        return begin()

    monkeypatch.setattr(demo_database, "transaction", counted)
    assert await retention(demo_database).sweep() == Removed(completed=5)
    # Two full batches, what is left, and a look at each of the other kinds; bulks have six.
    assert transactions == 3 + 1 + 1 + 6


async def test_one_worker_sweeps_at_a_time(demo_database: Database) -> None:
    identity = await ended(demo_database, "completed", "11 d")
    async with demo_database.transaction() as other:
        await other.fetchval("SELECT pg_advisory_xact_lock($1)", Turn.SWEEPING)
        assert await retention(demo_database).sweep() == Removed()
        assert await left(demo_database) == {identity}
    assert await retention(demo_database).sweep() == Removed(completed=1)


async def test_a_record_that_somebody_holds_is_passed_over(demo_database: Database) -> None:
    held = await ended(demo_database, "error", "31 d")
    await ended(demo_database, "error", "31 d")
    async with demo_database.transaction() as other:
        await other.fetch("SELECT 1 FROM inbound_request WHERE id = $1 FOR UPDATE", held)
        assert await retention(demo_database).sweep() == Removed(failed=1)
    assert await left(demo_database) == {held}


async def bulk(database: Database, age: str, *, refused: int = 0, lease: str | None = None) -> UUID:
    """Store a bulk of three lines that was changed so long ago; with a lease it is received."""
    async with database.acquire() as connection:
        identity = await connection.fetchval(
            """INSERT INTO bulk (id, initiated_by, state, refused, claim_token, lease_expires_at,
                                 created_at, updated_at, ended_at)
               SELECT id, 'cpq', CASE WHEN $3::text IS NULL THEN 'finished' ELSE 'receiving' END,
                      $2, CASE WHEN $3 IS NOT NULL THEN id END, now() + $3::interval,
                      now(), now() - $1::text::interval, CASE WHEN $3 IS NULL THEN now() END
               FROM (SELECT gen_random_uuid() AS id) AS made
               RETURNING id""",
            age,
            refused,
            lease,
        )
        await connection.execute(
            """INSERT INTO bulk_line (bulk_id, number, outcome, order_id, digest)
               SELECT $1, n, 'accepted', gen_random_uuid(), 0 FROM generate_series(1, 3) AS n""",
            identity,
        )
    return identity


async def test_bulks_go_with_their_lines_when_the_worst_of_these_would(
    demo_database: Database,
) -> None:
    kept = {
        await bulk(demo_database, "9 d 23 h"),
        await bulk(demo_database, "29 d 23 h", refused=1),
        await bulk(demo_database, "99 d", lease="1 h"),
    }
    await bulk(demo_database, "10 d 1 h")
    await bulk(demo_database, "30 d 1 h", refused=1)
    await bulk(demo_database, "10 d 1 h", lease="-1 h")
    assert await retention(demo_database).sweep() == Removed(lines=9, bulks=3)
    async with demo_database.acquire() as connection:
        left = await connection.fetch(
            "SELECT id, (SELECT count(*) FROM bulk_line WHERE bulk_id = bulk.id) FROM bulk"
        )
    assert {row["id"] for row in left} == kept
    assert {row["count"] for row in left} == {3}
    assert await retention(demo_database).sweep() == Removed()


async def test_a_repeat_of_a_bulk_whose_lines_are_being_deleted_is_a_bulk_of_its_own(
    demo_database: Database,
) -> None:
    old = await bulk(demo_database, "10 d 1 h")
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE bulk SET request_key = 'k', last_line = 3")
        async with demo_database.transaction() as other, asyncio.timeout(10):
            await other.execute("LOCK TABLE bulk_line IN EXCLUSIVE MODE")
            sweeping = asyncio.create_task(retention(demo_database).sweep())
            while await connection.fetchval("SELECT request_key FROM bulk") is not None:
                assert not sweeping.done()
            fresh = Opened(uuid4(), uuid4(), 0, has_key=True)
            opened = await open_bulk(connection, fresh, "cpq", "k", lease_s=60)
        assert opened == fresh
        assert await sweeping == Removed(lines=3, bulks=1)
        left = await connection.fetch("SELECT id FROM bulk")
    assert [row["id"] for row in left] == [fresh.id] != [old]
