"""Records of the inbound queue: accepted, made orders, refused, found again."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from ordering.catalog.lookups import ReferenceFinder, find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.capture import capture
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.states import InboundState
from ordering.inbound.accept import AcceptOrder, NewRequest, insert_requests
from ordering.inbound.claim import give_back
from ordering.inbound.lookup import InboundRecord, find_request
from ordering.settings import Settings
from support import payloads
from support.processes import until
from support.queue import created, make_processor, put, record, states, take

GOOD = payloads.order(externalId="PO-1")
BAD = payloads.removed(payloads.order(), "/relatedParty")


async def test_accepting_stores_the_payload_and_rings(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    rings: list[str] = []
    accept = AcceptOrder(
        demo_database,
        finder,
        Settings(),
        lambda: rings.append("ring"),
    )
    body = payloads.to_json(
        payloads.order(
            externalId="PO-1",
            relatedParty=[
                payloads.party("Customer"),
                payloads.party("CustomerContact"),
                payloads.party("Consumer"),
            ],
        )
    )
    identity = await accept(body, "cpq")
    await accept.close()
    stored = await record(demo_database, identity)
    assert rings == ["ring"]
    assert stored["payload"] == body.decode()
    assert stored["state"] == "new"
    assert stored["status_code"] == 202
    assert stored["external_id"] == "PO-1"
    assert stored["initiated_by"] == "cpq"
    assert stored["account_id"] == UUID(payloads.ACCOUNT)
    assert stored["consumer_id"] == UUID(payloads.CONSUMER)
    assert stored["contact_id"] == UUID(payloads.CONTACT)
    assert stored["status"] is None


async def test_a_bad_order_is_not_queued_and_nobody_is_rung(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    rings: list[str] = []
    accept = AcceptOrder(
        demo_database,
        finder,
        Settings(),
        lambda: rings.append("ring"),
    )
    with pytest.raises(InvalidRequestError):
        await accept(payloads.to_json(BAD), "cpq")
    assert rings == []
    assert await states(demo_database) == {}


async def test_a_drained_record_is_an_order_with_its_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, GOOD)
    assert await make_processor(demo_database, keeper).drain_batch() == 1
    ended = await record(demo_database, identity)
    assert await created(demo_database) == {identity}
    assert [ended[name] for name in ("state", "status", "status_code", "attempts")] == [
        "completed",
        "success",
        201,
        1,
    ]
    assert ended["ended_at"] is not None
    assert ended["claim_token"] is None
    assert ended["system_id"] == "tester"


async def test_an_order_keeps_the_moment_and_the_client_of_its_acceptance(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, GOOD)
    await make_processor(demo_database, keeper).drain_batch()
    async with demo_database.acquire() as connection:
        row = await connection.fetchrow("SELECT created_at, created_by FROM customer_order")
    assert row is not None
    assert row["created_at"] == (await record(demo_database, identity))["created_at"]
    assert row["created_by"] == "cpq"


async def test_an_order_with_work_notes_is_a_partial_success(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    odd = payloads.product(
        payloads.EDGE_DEVICE, productCharacteristic=[payloads.characteristic("no such", "x")]
    )
    (identity,) = await put(demo_database, payloads.order(items=[payloads.item(product=odd)]))
    await make_processor(demo_database, keeper).drain_batch()
    assert (await record(demo_database, identity))["status"] == "partial_success"


async def test_batches_are_bounded_and_oldest_first(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, *[GOOD] * 5)
    processor = make_processor(demo_database, keeper, queue_batch=2)
    assert await processor.drain_batch() == 2
    assert await created(demo_database) == set(ids[:2])
    assert [await processor.drain_batch() for _ in range(3)] == [2, 1, 0]
    assert await created(demo_database) == set(ids)


async def test_bad_records_end_in_error_with_every_problem_and_delay_nobody(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, GOOD, BAD, b"{no json", GOOD)
    assert await make_processor(demo_database, keeper).drain_batch() == 4
    assert await created(demo_database) == {ids[0], ids[3]}
    bad = await record(demo_database, ids[1])
    assert [bad[name] for name in ("state", "status", "status_code")] == ["error", "failure", 400]
    assert bad["error_message"] == "Invalid payload: relatedParty is missing"
    assert bad["error"] == [
        {
            "message": "Invalid payload: relatedParty is missing",
            "pointer": "/relatedParty",
            "code": 23,
        }
    ]
    assert [attempt["attempt"] for attempt in bad["attempt_history"]] == [1]
    assert (await record(demo_database, ids[2]))["error"][0]["code"] == 22


async def test_what_the_database_refuses_fails_alone(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, GOOD, GOOD, BAD)
    async with demo_database.acquire() as connection:
        # An order with the id of the first record is there already.
        await connection.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES ($1, 'new', 'x', now(), now())""",
            ids[0],
        )
    await make_processor(demo_database, keeper).drain_batch()
    assert [(await record(demo_database, each))["state"] for each in ids] == [
        "error",
        "completed",
        "error",
    ]
    refused = await record(demo_database, ids[0])
    assert refused["error_message"] == "UniqueViolationError 23505 customer_order_pkey"
    # What PostgreSQL quotes of the row is not for clients.
    assert [each["message"] for each in refused["error"]] == [
        "Invalid payload: Order creation failed"
    ]
    assert await created(demo_database) == set(ids[:2])


async def test_references_are_checked_again_only_if_the_setting_says_so(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    unknown = payloads.changed(payloads.order(), "/relatedParty/0/id", "nobody")
    (taken,) = await put(demo_database, unknown)
    await make_processor(demo_database, keeper).drain_batch()
    assert await created(demo_database) == {taken}
    (refused,) = await put(demo_database, unknown)
    checking = make_processor(demo_database, keeper, enable_validation_via_schedule_job=True)
    await checking.drain_batch()
    assert await created(demo_database) == {taken}
    assert (await record(demo_database, refused))["error_message"] == (
        "Invalid payload: Customer Account does not exist"
    )


async def test_a_passing_failure_is_tried_again_later_and_not_for_ever(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, GOOD)
    processor = make_processor(demo_database, keeper, queue_max_attempts=2)
    async with demo_database.acquire() as connection:
        await connection.execute(
            """CREATE FUNCTION deadlock() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = 'deadlock_detected'; END $$"""
        )
        await connection.execute(
            """CREATE TRIGGER deadlock BEFORE INSERT ON customer_order
               FOR EACH ROW EXECUTE FUNCTION deadlock()"""
        )
        try:
            assert await processor.drain_batch() == 1
            waiting = await record(demo_database, identity)
            assert [waiting[name] for name in ("state", "attempts")] == ["new", 1]
            assert waiting["due_at"] > waiting["updated_at"]
            assert waiting["attempt_history"][0]["error"] == "DeadlockDetectedError 40P01"
            assert await processor.drain_batch() == 0  # not due yet
            await connection.execute("UPDATE inbound_request SET due_at = now()")
            assert await processor.drain_batch() == 1
            assert (await record(demo_database, identity))["state"] == "error"
        finally:
            await connection.execute("DROP FUNCTION deadlock CASCADE")
    assert await created(demo_database) == set()


async def test_a_record_is_found_by_id_and_by_the_newest_external_id(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    accept = AcceptOrder(demo_database, finder, Settings(), lambda: None)
    body = payloads.to_json(GOOD)
    older, newer = await accept(body, "cpq"), await accept(body, "cpq")
    async with demo_database.acquire() as connection:
        assert await find_request(connection, older.hex) == InboundRecord(
            older, InboundState.NEW, []
        )
        assert await find_request(connection, "PO-1") == InboundRecord(newer, InboundState.NEW, [])
        assert await find_request(connection, "PO-2") is None


async def test_a_batch_is_bounded_in_bytes(demo_database: Database, keeper: CatalogKeeper) -> None:
    ids = await put(demo_database, GOOD, GOOD, GOOD)
    size = (await record(demo_database, ids[0]))["payload_bytes"]
    assert size == len(payloads.to_json(GOOD))
    processor = make_processor(demo_database, keeper, queue_batch_bytes=2 * size)
    assert [await processor.drain_batch() for _ in range(3)] == [2, 1, 0]
    await put(demo_database, GOOD, GOOD)
    smaller = make_processor(demo_database, keeper, queue_batch_bytes=1)
    assert [await smaller.drain_batch() for _ in range(3)] == [1, 1, 0]


async def test_a_lease_is_renewed_while_a_batch_is_prepared(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identity,) = await put(demo_database, GOOD)
    rescued: list[int] = []

    async def slow(*args: Any) -> Any:
        before = (await record(demo_database, identity))["lease_expires_at"]

        async def renewed() -> bool:
            return (await record(demo_database, identity))["lease_expires_at"] > before

        await until(renewed)
        rescued.append(await processor.rescue())
        return await find_references(*args)

    processor = make_processor(demo_database, keeper, queue_lease_s=1)
    monkeypatch.setattr("ordering.inbound.process.find_references", slow)
    async with asyncio.timeout(10):
        await processor.drain_batch()
    assert rescued == [0]
    assert await created(demo_database) == {identity}


async def test_a_record_that_kills_workers_takes_no_neighbour_with_it(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, *[GOOD] * 10)
    killer = ids[4]
    processor = make_processor(demo_database, keeper, queue_max_attempts=3)
    for _ in range(40):
        taken = await take(demo_database, lease_s=-1)
        if not taken.records:
            break
        if killer not in {each.id for each in taken.records}:
            async with demo_database.acquire() as connection:
                await give_back(connection, taken.token)
            await processor.drain_batch()
        else:
            # The worker is gone, with everything that it had claimed.
            await processor.rescue()
    assert await states(demo_database) == {"completed": 9, "error": 1}
    assert await created(demo_database) == set(ids) - {killer}


async def test_a_record_that_our_code_cannot_bear_fails_alone(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await put(demo_database, GOOD, payloads.order(externalId="cursed"), GOOD)

    def defect(draft: OrderDraft, *rest: Any) -> Order:
        if draft.external_id == "cursed":
            raise ZeroDivisionError("secret detail")
        return capture(draft, *rest)

    monkeypatch.setattr("ordering.inbound.process.capture", defect)
    assert await make_processor(demo_database, keeper).drain_batch() == 3
    assert await created(demo_database) == {ids[0], ids[2]}
    failed = await record(demo_database, ids[1])
    assert [failed["state"], failed["error_message"]] == ["error", "ZeroDivisionError"]
    assert "secret" not in str(failed)


@pytest.mark.parametrize("in_line", [False, True])
async def test_large_bodies_that_meet_share_no_transaction(
    demo_database: Database, finder: ReferenceFinder, *, in_line: bool
) -> None:
    settings = Settings(queue_serialise_accounts=in_line)
    accept = AcceptOrder(demo_database, finder, settings, lambda: None)
    body = payloads.to_json(GOOD) + b" " * (3 * 1024 * 1024)
    await asyncio.gather(*(accept(body, "cpq") for _ in range(8)))
    await accept.close()
    async with demo_database.acquire() as connection:
        found = await connection.fetch("SELECT DISTINCT xmin::text FROM inbound_request")
    assert len(found) == 8


async def test_a_record_is_as_old_as_the_database_s_clock_says(demo_database: Database) -> None:
    request = NewRequest(id=new_id(), initiated_by="cpq", payload="{}", payload_bytes=2)
    async with demo_database.transaction() as connection:
        await insert_requests(connection, [request])
        moment = await connection.fetchval("SELECT date_trunc('milliseconds', now())")
    found = await record(demo_database, request.id)
    assert (found["created_at"], found["updated_at"]) == (moment, moment)
