"""Batches of many records, and several of them at once."""

import asyncio
import secrets
from itertools import count, pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.capture import capture
from ordering.domain.draft import OrderDraft
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.inbound.backoff import Backoff
from ordering.inbound.failures import Aftermath
from ordering.inbound.interruption import Interruptions, Patience
from ordering.inbound.process import Processor
from ordering.settings import Settings
from support import payloads
from support.processes import until
from support.queue import created, make_processor, put, record, states

LINES = 12
GOOD = payloads.order(items=[payloads.item(str(number)) for number in range(LINES)])


async def test_of_a_batch_that_is_copied_what_the_database_refuses_fails_alone(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, *[GOOD] * 12)
    async with demo_database.acquire() as connection:
        # An order with the id of one record is there already.
        await connection.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES ($1, 'new', 'x', now(), now())""",
            ids[3],
        )
    assert await make_processor(demo_database, keeper).drain_batch() == 12
    assert await states(demo_database) == {"completed": 11, "error": 1}
    refused = await record(demo_database, ids[3])
    assert refused["error_message"] == "UniqueViolationError 23505 customer_order_pkey"
    assert await created(demo_database) == set(ids)
    async with demo_database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM order_line_item") == 11 * LINES


async def test_of_a_batch_that_is_copied_what_cannot_be_sent_fails_alone(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursed = GOOD | {"externalId": "cursed"}
    ids = await put(demo_database, *[GOOD] * 5, cursed, *[GOOD] * 6)

    def wrong(draft: OrderDraft, *rest: Any) -> Order:
        order = capture(draft, *rest)
        if draft.external_id == "cursed":
            order.line_items[-1].position = cast("int", "last")
        return order

    monkeypatch.setattr("ordering.inbound.process.capture", wrong)
    assert await make_processor(demo_database, keeper).drain_batch() == 12
    assert await states(demo_database) == {"completed": 11, "error": 1}
    # Alone it is not copied, so it is the database that refuses it.
    refused = await record(demo_database, ids[5])
    assert refused["error_message"] == "InvalidTextRepresentationError 22P02"
    assert await created(demo_database) == set(ids) - {ids[5]}


async def test_a_batch_is_prepared_while_another_is_written(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await put(demo_database, *[GOOD] * 2)
    processor = make_processor(demo_database, keeper, queue_batch=1)
    prepared = 0

    async def counted(*args: Any) -> Any:
        nonlocal prepared
        prepared += 1
        return await find_references(*args)

    async def both_prepared() -> bool:
        return prepared == 2

    monkeypatch.setattr("ordering.inbound.process.find_references", counted)
    async with demo_database.transaction() as connection:
        await connection.execute("LOCK TABLE customer_order IN SHARE MODE")
        draining = asyncio.gather(processor.drain_batch(), processor.drain_batch())
        await until(both_prepared)
        assert await states(demo_database) == {"in_progress": 2}
    assert await draining == [1, 1]
    assert await created(demo_database) == set(ids)


@pytest.mark.parametrize(("step_s", "others_run"), [(0.0, False), (1.0, True)])
async def test_others_run_now_and_then_while_a_batch_is_prepared(
    demo_database: Database,
    keeper: CatalogKeeper,
    monkeypatch: pytest.MonkeyPatch,
    *,
    step_s: float,
    others_run: bool,
) -> None:
    records, beats, seen = 12, count(), list[int]()
    clock = (step_s * tick for tick in count())
    await put(demo_database, *[GOOD] * records)

    async def beat() -> None:
        while True:
            next(beats)
            await asyncio.sleep(0)

    def watching(*args: Any) -> Order:
        seen.append(next(beats))
        return capture(*args)

    monkeypatch.setattr(
        "ordering.inbound.process.time", SimpleNamespace(perf_counter=lambda: next(clock))
    )
    monkeypatch.setattr("ordering.inbound.process.capture", watching)
    other = asyncio.create_task(beat())
    assert await make_processor(demo_database, keeper).drain_batch() == records
    other.cancel()
    apart = [later - earlier - 1 for earlier, later in pairwise(seen)]
    assert apart == [int(others_run)] * (records - 1)


class Held:
    """Keeps the first batch that is prepared from going on, and counts who is prepared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.preparing = 0
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()
        monkeypatch.setattr("ordering.inbound.process.find_references", self)

    async def __call__(self, *args: Any) -> Any:
        self.preparing += 1
        self.reached.set()
        await self.go_on.wait()
        return await find_references(*args)


async def two_batches(processor: Processor, held: Held) -> list[asyncio.Task[int]]:
    """Claim two batches, of which one is prepared and the other waits for that."""
    first = asyncio.create_task(processor.drain_batch())
    await held.reached.wait()
    return [first, asyncio.create_task(processor.drain_batch())]


async def test_the_lease_of_a_batch_that_waits_for_its_preparation_is_renewed(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    held = Held(monkeypatch)
    processor = make_processor(demo_database, keeper, queue_batch=1, queue_lease_s=1)
    draining = await two_batches(processor, held)

    async def claimed() -> bool:
        return await states(demo_database) == {"in_progress": 2}

    await until(claimed)
    before = (await record(demo_database, ids[1]))["lease_expires_at"]

    async def renewed() -> bool:
        return (await record(demo_database, ids[1]))["lease_expires_at"] > before

    await until(renewed)
    assert held.preparing == 1
    held.go_on.set()
    assert await asyncio.gather(*draining) == [1, 1]
    assert [(await record(demo_database, each))["attempts"] for each in ids] == [1, 1]


async def test_canceled_batches_are_given_back_whether_prepared_or_waiting(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await put(demo_database, GOOD, GOOD)
    held = Held(monkeypatch)
    draining = await two_batches(make_processor(demo_database, keeper, queue_batch=1), held)

    async def claimed() -> bool:
        return await states(demo_database) == {"in_progress": 2}

    await until(claimed)
    for task in draining:
        task.cancel()
    await asyncio.gather(*draining, return_exceptions=True)
    assert [task.cancelled() for task in draining] == [True, True]
    for identity in ids:
        back = await record(demo_database, identity)
        assert [back[name] for name in ("state", "attempts")] == ["new", 0]


async def test_claims_that_were_interrupted_may_be_given_back_by_two_batches_at_once(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, both = Settings(), asyncio.Barrier(2)
    patience = Patience(Backoff(1, 60, lambda: 1), 10)
    interruptions = Interruptions(demo_database, patience, Aftermath.of(settings))

    async def release(*_: object) -> bool:
        await both.wait()
        return True

    monkeypatch.setattr("ordering.inbound.interruption.release", release)
    interruptions.note(new_id(), "ConnectionResetError")
    await asyncio.gather(interruptions.release(), interruptions.release())
    assert interruptions.reasons == {}


async def test_the_life_of_a_record_does_not_copy_its_payload(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    records = 50
    # It does not get smaller by compression.
    noted = GOOD | {"note": [payloads.note(secrets.token_urlsafe(900))]}
    await put(demo_database, *[noted] * records)
    assert await make_processor(demo_database, keeper).drain_batch() == records
    async with demo_database.acquire() as connection:
        heap, payload = await connection.fetchrow(
            """SELECT pg_relation_size('inbound_request'), max(pg_column_size(payload))
               FROM inbound_request"""
        ) or (0, 0)
    versions = 3
    # With the payload inside, every version would be as large as that.
    assert heap / records / versions < payload
