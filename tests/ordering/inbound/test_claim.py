"""Claims: taken once, fenced, given back, rescued."""

import asyncio
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import Problem
from ordering.domain.ids import new_id
from ordering.domain.states import InboundStatus
from ordering.inbound.claim import Claim, claim, complete, fail, give_back, postpone, rescue
from support import payloads
from support.queue import created, make_processor, put, record, states, take

GOOD = payloads.order(externalId="PO-1")


async def test_two_claims_never_share_a_record(demo_database: Database) -> None:
    ids = await put(demo_database, *[GOOD] * 50)
    claims = await asyncio.gather(*(take(demo_database, 10) for _ in range(8)))
    taken = [each.id for one in claims for each in one.records]
    assert sorted(taken) == sorted(ids)
    assert await states(demo_database) == {"in_progress": 50}


async def test_priority_comes_before_age(demo_database: Database) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET priority = 1 WHERE id = $1", ids[1])
    assert [each.id for each in (await take(demo_database, 1)).records] == [ids[1]]


async def test_a_stale_token_completes_nothing_and_creates_nothing(
    demo_database: Database,
) -> None:
    (identity,) = await put(demo_database, GOOD)
    stale = await take(demo_database, lease_s=-1)
    async with demo_database.transaction() as connection:
        assert await rescue(connection, max_attempts=5) == 1
    mine = await take(demo_database)
    async with demo_database.transaction() as connection:
        done = [(identity, InboundStatus.SUCCESS)]
        assert await complete(connection, stale.token, done) == set()
        assert not await fail(connection, stale.token, identity, [Problem("x", "", 1)])
        await postpone(connection, stale.token, [identity], wait_s=1, reason="x")
        assert await give_back(connection, stale.token) == 0
    assert (await record(demo_database, identity))["claim_token"] == mine.token


async def test_a_batch_whose_lease_was_lost_creates_only_what_is_still_ours(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    processor = make_processor(demo_database, keeper)

    async def lose_one(*args: Any, **how: Any) -> Claim:
        taken = await claim(*args, **how)
        async with demo_database.acquire() as connection:
            await connection.execute(
                "UPDATE inbound_request SET claim_token = $1 WHERE id = $2", new_id(), ids[0]
            )
        return taken

    monkeypatch.setattr("ordering.inbound.process.claim", lose_one)
    await processor.drain_batch()
    assert await created(demo_database) == {ids[1]}
    assert await states(demo_database) == {"in_progress": 1, "completed": 1}


async def test_giving_back_is_no_attempt(demo_database: Database) -> None:
    (identity,) = await put(demo_database, GOOD)
    taken = await take(demo_database)
    async with demo_database.acquire() as connection:
        assert await give_back(connection, taken.token) == 1
    back = await record(demo_database, identity)
    assert [back[name] for name in ("state", "attempts", "claim_token")] == ["new", 0, None]


async def test_only_expired_leases_are_rescued(demo_database: Database) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    await take(demo_database, 1, lease_s=-1)
    await take(demo_database, 1, lease_s=60)
    async with demo_database.acquire() as connection:
        assert await rescue(connection, max_attempts=5) == 1
        assert await rescue(connection, max_attempts=5) == 0
    assert [(await record(demo_database, each))["state"] for each in ids] == ["new", "in_progress"]
    history = (await record(demo_database, ids[0]))["attempt_history"]
    assert [(each["attempt"], each["error"]) for each in history] == [(1, "lease expired")]


async def test_a_record_that_no_worker_survives_ends_in_error(demo_database: Database) -> None:
    (identity,) = await put(demo_database, GOOD)
    for expected in ("new", "new", "error"):
        await take(demo_database, lease_s=-1)
        async with demo_database.acquire() as connection:
            assert await rescue(connection, max_attempts=3) == 1
        assert (await record(demo_database, identity))["state"] == expected
    ended = await record(demo_database, identity)
    assert [ended[name] for name in ("status", "status_code")] == ["failure", 400]
    assert ended["error"][0]["message"] == ended["error_message"]
    assert len(ended["attempt_history"]) == 3


async def test_a_batch_that_is_being_completed_is_not_rescued(demo_database: Database) -> None:
    (identity,) = await put(demo_database, GOOD)
    taken = await take(demo_database, lease_s=-1)
    async with demo_database.transaction() as connection:
        await complete(connection, taken.token, [(identity, InboundStatus.SUCCESS)])
        async with demo_database.acquire() as rescuer:
            assert await rescue(rescuer, max_attempts=5) == 0
    assert (await record(demo_database, identity))["state"] == "completed"


async def test_an_interrupted_batch_is_given_back(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identity,) = await put(demo_database, GOOD)
    reached, never = asyncio.Event(), asyncio.Event()

    async def hang(*_: object) -> object:
        reached.set()
        await never.wait()
        return None

    monkeypatch.setattr("ordering.inbound.process.find_references", hang)
    draining = asyncio.create_task(make_processor(demo_database, keeper).drain_batch())
    await reached.wait()
    draining.cancel()
    await asyncio.gather(draining, return_exceptions=True)
    back = await record(demo_database, identity)
    assert [back[name] for name in ("state", "attempts")] == ["new", 0]
