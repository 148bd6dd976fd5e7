"""Outages of the database: what they interrupt is given back, and is blamed late."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, OUTAGE
from ordering.inbound.backoff import Backoff
from ordering.inbound.claim import rescue
from ordering.inbound.failures import Aftermath
from ordering.inbound.interruption import Interruptions, Patience
from ordering.inbound.process import Processor
from ordering.orders.rows import insert_batch
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.queue import created, make_processor, put, record, states, take

GOOD = payloads.order()
KILLER = payloads.order(externalId="killer")

#: The server ends the session that inserts this order, as it would if a process of it crashed.
_KILL = """
CREATE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NEW; END $$;
CREATE TRIGGER kill BEFORE INSERT ON customer_order
    FOR EACH ROW WHEN (NEW.external_id = 'killer') EXECUTE FUNCTION kill()
"""


@asynccontextmanager
async def killing(database: Database) -> AsyncGenerator[None]:
    """Let the order `killer` cost the connection of who inserts it."""
    async with database.acquire() as connection:
        await connection.execute(_KILL)
    try:
        yield
    finally:
        async with database.acquire() as connection:
            await connection.execute("DROP FUNCTION kill CASCADE")


async def make_due(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET due_at = now() WHERE state = 'new'")


async def interrupted(processor: Processor) -> None:
    with pytest.raises(OUTAGE):
        await processor.drain_batch()


async def test_what_an_outage_interrupts_is_no_attempt_and_waits(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, GOOD, KILLER)
    processor = make_processor(demo_database, keeper, queue_retry_s=3)
    async with killing(demo_database):
        await interrupted(processor)
        assert await processor.drain_batch() == 0
    for identity in ids:
        found = await record(demo_database, identity)
        assert [found[name] for name in ("state", "attempts", "interruptions")] == ["new", 0, 1]
        assert found["due_at"] == found["updated_at"] + timedelta(seconds=3)
        assert [(each["attempt"], each["error"]) for each in found["attempt_history"]] == [
            (1, "ConnectionDoesNotExistError 08003")
        ]
    assert await created(demo_database) == set()


async def test_after_an_outage_the_batch_is_tried_again_together(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, *[GOOD] * 9, KILLER)
    processor = make_processor(demo_database, keeper)
    async with killing(demo_database):
        for _ in range(2):
            await interrupted(processor)
            await make_due(demo_database)
    assert await processor.drain_batch() == 10
    assert await created(demo_database) == set(ids)


async def test_a_record_that_breaks_the_database_ends_in_error_and_takes_no_neighbour_with_it(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    *neighbours, killer = await put(demo_database, GOOD, GOOD, GOOD, KILLER)
    processor = make_processor(
        demo_database, keeper, queue_max_interruptions=5, queue_retry_max_s=6
    )
    waits: list[timedelta] = []
    async with killing(demo_database):
        while set(await states(demo_database)) != {"completed", "error"}:
            await make_due(demo_database)
            try:
                await processor.drain_batch()
            except OUTAGE:
                found = await record(demo_database, killer)
                if found["state"] == "new":
                    waits.append(found["due_at"] - found["updated_at"])
    assert await created(demo_database) == set(neighbours)
    # Together twice, then alone.
    assert {(await record(demo_database, each))["interruptions"] for each in neighbours} == {3}
    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 6]
    failed = await record(demo_database, killer)
    assert [failed[name] for name in ("status", "status_code", "interruptions", "attempts")] == [
        "failure",
        400,
        5,
        2,
    ]
    assert failed["error_message"] == "The database failed whenever this request was processed"
    assert failed["error"] == [{"message": failed["error_message"], "pointer": "", "code": 1}]
    assert len(failed["attempt_history"]) == 5


@asynccontextmanager
async def closed(servers: EmbeddedServers, url: str) -> AsyncGenerator[None]:
    """End every session of a database, and let nobody in."""
    name = urlsplit(url).path.removeprefix("/")
    admin = await connect(servers.database_url)
    try:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name
        )
        yield
    finally:
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await admin.close()


def before_inserting(monkeypatch: pytest.MonkeyPatch, do: Callable[[], Awaitable[object]]) -> None:
    """Do something once, when the records are completed and the orders are not created yet."""

    async def insert(*args: Any) -> Any:
        monkeypatch.undo()
        await do()
        return await insert_batch(*args)

    monkeypatch.setattr("ordering.inbound.process.insert_batch", insert)


async def test_a_claim_is_given_back_when_the_database_is_back(
    demo_database: Database,
    keeper: CatalogKeeper,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    processor = make_processor(demo_database, keeper)
    outage = closed(servers, demo_url)
    before_inserting(monkeypatch, outage.__aenter__)
    try:
        for _ in range(3):
            with pytest.raises(DATABASE_AWAY):
                await processor.drain_batch()
    finally:
        await outage.__aexit__(None, None, None)
    assert await states(demo_database) == {"in_progress": 2}
    assert await processor.drain_batch() == 0
    found = [await record(demo_database, each) for each in ids]
    assert [(each["state"], each["attempts"], each["interruptions"]) for each in found] == [
        ("new", 0, 1),
        ("new", 0, 1),
    ]
    await make_due(demo_database)
    assert await processor.drain_batch() == 2
    assert await created(demo_database) == set(ids)


async def test_while_the_queue_is_paused_a_rescue_gives_the_claim_back(
    demo_database: Database,
    keeper: CatalogKeeper,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (identity,) = await put(demo_database, GOOD)
    processor = make_processor(demo_database, keeper)
    outage = closed(servers, demo_url)
    before_inserting(monkeypatch, outage.__aenter__)
    try:
        with pytest.raises(DATABASE_AWAY):
            await processor.drain_batch()
    finally:
        await outage.__aexit__(None, None, None)
    assert await processor.rescue() == 0
    assert (await record(demo_database, identity))["state"] == "new"


async def test_what_the_server_has_not_let_go_of_is_given_back_later(
    demo_database: Database,
) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    taken = await take(demo_database)
    interruptions = Interruptions(demo_database, Patience(Backoff(1, 1), 9), Aftermath())
    interruptions.note(taken.token, "lost")
    async with demo_database.transaction() as other:
        await other.execute("SELECT FROM inbound_request WHERE id = $1 FOR UPDATE", ids[0])
        await interruptions.release()
        assert await states(demo_database) == {"in_progress": 1, "new": 1}
        assert interruptions.reasons == {taken.token: "lost"}
    await interruptions.release()
    assert await states(demo_database) == {"new": 2}
    assert interruptions.reasons == {}


async def test_what_another_has_taken_meanwhile_is_left_to_it(demo_database: Database) -> None:
    (identity,) = await put(demo_database, GOOD)
    stale = await take(demo_database, lease_s=-1)
    async with demo_database.transaction() as connection:
        assert await rescue(connection, max_attempts=5) == 1
    theirs = await take(demo_database)
    interruptions = Interruptions(demo_database, Patience(Backoff(1, 1), 9), Aftermath())
    interruptions.note(stale.token, "lost")
    await interruptions.release()
    found = await record(demo_database, identity)
    assert [found["claim_token"], found["interruptions"]] == [theirs.token, 0]
    assert interruptions.reasons == {}
