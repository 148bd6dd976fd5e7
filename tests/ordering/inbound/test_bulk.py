"""A bulk as it is received: readers who do not read, leases, and a database that fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.gather import Gather
from ordering.domain.errors import KeyInUseError, RetryableError
from ordering.domain.ids import show_id
from ordering.domain.states import BulkState, LineOutcome
from ordering.inbound import bulk as bulk_module
from ordering.inbound.bulk import AcceptBulk, BulkEnd, BulkIntake, SenderGoneError
from ordering.inbound.bulk_output import BulkOutput
from ordering.inbound.bulk_rows import LineResult, read_bulk
from ordering.inbound.lookup import find_request_owners
from ordering.orders.external_ids import ExternalIds, find_order_owners
from ordering.settings import Settings
from support import payloads
from support.bulks import lines
from support.queue import states

LINE = lines(payloads.order())
ACCEPTED = LineOutcome.ACCEPTED


@asynccontextmanager
async def accepting(
    database: Database,
    keeper: CatalogKeeper,
    ring: Callable[[], None] = lambda: None,
    **chosen: Any,
) -> AsyncGenerator[AcceptBulk]:
    known = ExternalIds(requests=find_request_owners, orders=find_order_owners)
    accept = AcceptBulk(database, keeper, Settings(**chosen), ring, known)
    yield accept
    await accept.close()


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


async def broken(*chunks: bytes) -> AsyncIterator[bytes]:
    async for chunk in stream(*chunks):
        yield chunk
    raise SenderGoneError


async def results(intake: BulkIntake) -> list[LineResult]:
    return [each async for batch in intake.results() for each in batch]


async def take(accept: AcceptBulk, chunks: AsyncIterator[bytes], key: str = "k") -> BulkEnd:
    async with accept.open("cpq", key) as intake:
        await intake.take(chunks)
        return await intake.told()


def state(end: BulkEnd) -> tuple[BulkState, int, int, int]:
    assert end.bulk is not None
    return end.bulk.state, end.bulk.accepted, end.bulk.duplicates, end.bulk.refused


async def test_results_that_nobody_reads_are_not_held_and_none_is_lost(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    bad = lines(payloads.removed(payloads.order(), "/relatedParty"))
    async with accepting(demo_database, keeper) as accept, accept.open("cpq") as intake:
        # Nobody reads while all of it is taken: it does not wait.
        await intake.take(stream(*[LINE * 99 + bad] * 60))
        output: BulkOutput = vars(intake)["_output"]
        held: Sequence[Sequence[LineResult]] = vars(output)["_held"]
        assert sum(map(len, held)) <= 2000
        found = await results(intake)
    assert [each.number for each in found] == list(range(1, 6001))
    refused = [each.number for each in found if each.outcome is LineOutcome.REFUSED]
    assert refused == list(range(100, 6001, 100))
    assert {each.problems[0].pointer for each in found if each.problems} == {"/relatedParty"}


async def test_a_reader_who_was_behind_catches_up(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    go_on = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield LINE * 5000
        await go_on.wait()
        yield LINE * 10

    async with accepting(demo_database, keeper) as accept, accept.open("cpq") as intake:
        taking = asyncio.create_task(intake.take(chunks()))
        found: list[int] = []
        async for batch in intake.results():
            found += [each.number for each in batch]
            if found[-1] == 5000:
                go_on.set()
        await taking
    assert found == list(range(1, 5011))


async def test_lines_far_from_the_first_are_held_against_what_they_name_themselves(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    known = lines(payloads.order(items=[payloads.change_item()]))
    unknown = lines(payloads.order(items=[payloads.change_item(inventory=payloads.UNKNOWN_ID)]))
    async with accepting(demo_database, keeper) as accept, accept.open("cpq") as intake:
        await intake.take(stream(LINE * 200 + known + unknown + LINE * 200))
        found = await results(intake)
    assert [each.number for each in found] == list(range(1, 403))
    refused = [each for each in found if each.outcome is not ACCEPTED]
    assert [(each.number, each.problems[0].pointer) for each in refused] == [
        (202, "/productOrderItem/0/product/id")
    ]


@pytest.mark.parametrize(("key", "compared"), [(None, False), ("k", True)])
async def test_lines_are_told_apart_only_where_they_can_be_sent_again(
    key: str | None, compared: bool, demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper) as accept, accept.open("cpq", key) as intake:
        await intake.take(stream(LINE))
    async with demo_database.acquire() as connection:
        digests = await connection.fetch("SELECT digest <> 0 FROM bulk_line")
    assert [row[0] for row in digests] == [compared]


async def test_workers_are_woken_for_what_was_accepted_only(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    rings: list[None] = []
    async with accepting(demo_database, keeper, lambda: rings.append(None)) as accept:
        await take(accept, stream(b"[]\n"))
        assert rings == []
        await take(accept, stream(LINE), "another")
        assert rings == [None]


async def test_whole_lines_before_a_break_are_taken_and_half_a_line_is_not(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper) as accept:
        end = await take(accept, broken(LINE * 3 + LINE.strip()))
    assert state(end) == (BulkState.INTERRUPTED, 3, 0, 0)
    assert await states(demo_database) == {"new": 3}


async def test_a_finished_bulk_stays_so_when_a_repeat_breaks_off_before_a_further_line(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper) as accept:
        await take(accept, stream(LINE * 3))
        for _ in range(2):
            end = await take(accept, broken(LINE * 2))
            assert state(end) == (BulkState.FINISHED, 3, 0, 0)
        end = await take(accept, broken(LINE * 4))
        assert state(end) == (BulkState.INTERRUPTED, 4, 0, 0)
        end = await take(accept, broken(LINE * 4))
        assert state(end) == (BulkState.INTERRUPTED, 4, 0, 0)


async def test_a_bulk_that_somebody_else_took_over_writes_nothing_more(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper) as accept, accept.open("cpq", "k") as intake:
        await _expire(demo_database)
        assert state(await take(accept, stream(LINE * 2))) == (BulkState.FINISHED, 2, 0, 0)
        await intake.take(stream(LINE * 5))
        end = await intake.told()
    assert state(end) == (BulkState.FINISHED, 2, 0, 0)
    told = "Another request with this Idempotency-Key goes on with the bulk"
    assert [each.message for each in end.problems] == [told]
    assert await states(demo_database) == {"new": 2}


async def test_a_bulk_whose_lease_ran_out_counts_as_interrupted(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper) as accept, accept.open("cpq", "k") as intake:
        with pytest.raises(KeyInUseError):
            await take(accept, stream())
        await _expire(demo_database)
        async with demo_database.acquire() as connection:
            found = await read_bulk(connection, show_id(intake.id))
    assert found is not None
    assert found.state is BulkState.INTERRUPTED
    assert found.ended_at == found.updated_at


async def _expire(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("UPDATE bulk SET lease_expires_at = now() - interval '1 s'")


async def test_the_lease_is_renewed_while_no_line_comes(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    renewed = "SELECT lease_expires_at FROM bulk"
    go_on = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        await go_on.wait()
        yield LINE

    async with (
        accepting(demo_database, keeper, queue_lease_s=1) as accept,
        accept.open("cpq") as intake,
        demo_database.acquire() as connection,
    ):
        first = await connection.fetchval(renewed)
        taking = asyncio.create_task(intake.take(chunks()))
        async with asyncio.timeout(10):
            while await connection.fetchval(renewed) == first:
                pass
        go_on.set()
        await taking
        assert state(await intake.told()) == (BulkState.FINISHED, 1, 0, 0)


async def test_a_bulk_is_ended_early_when_the_process_is_to_end(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async def chunks(accept: AcceptBulk) -> AsyncIterator[bytes]:
        yield LINE * 3
        accept.stop()
        await asyncio.Event().wait()

    async with accepting(demo_database, keeper) as accept:
        end = await take(accept, chunks(accept))
        assert state(end) == (BulkState.INTERRUPTED, 3, 0, 0)
        with pytest.raises(RetryableError, match="shutting down"):
            await take(accept, stream())


async def test_only_so_many_bulks_are_received_at_a_time(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_module, "_MOST_BULKS", 1)
    async with accepting(demo_database, keeper) as accept:
        async with accept.open("cpq"):
            with pytest.raises(RetryableError, match="Too many bulks"):
                await take(accept, stream())
        assert state(await take(accept, stream(LINE))) == (BulkState.FINISHED, 1, 0, 0)


async def test_a_line_that_the_database_does_not_bear_is_refused_alone(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    poison = lines(payloads.order(externalId="poison"))
    async with demo_database.acquire() as connection:
        await connection.execute(
            "ALTER TABLE inbound_request ADD CONSTRAINT poison CHECK (external_id <> 'poison')"
        )
    try:
        async with accepting(demo_database, keeper) as accept, accept.open("cpq") as intake:
            await intake.take(stream(LINE * 2 + poison + LINE))
            found = await results(intake)
    finally:
        async with demo_database.acquire() as connection:
            await connection.execute("ALTER TABLE inbound_request DROP CONSTRAINT poison")
    assert [each.outcome for each in found] == [ACCEPTED, ACCEPTED, LineOutcome.REFUSED, ACCEPTED]
    told = [each.message for each in found[2].problems]
    assert told == ["Invalid payload: Order creation failed"]
    assert await states(demo_database) == {"new": 3}


async def test_a_batch_whose_answer_got_lost_is_not_written_twice(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with accepting(demo_database, keeper) as accept, accept.open("cpq") as intake:
        gather: Gather[Any, Any] = vars(accept)["_tools"].writes
        write: Any = vars(gather)["_work"]
        calls = 0

        async def lose_the_first_answer(connection: Any, batches: Any) -> Any:
            nonlocal calls
            calls += 1
            written = await write(connection, batches)
            if calls == 1:
                raise asyncpg.InterfaceError("connection is closed")
            return written

        monkeypatch.setattr(gather, "_work", lose_the_first_answer)
        await intake.take(stream(LINE * 3))
        found = await results(intake)
        assert state(await intake.told()) == (BulkState.FINISHED, 3, 0, 0)
    assert [(each.number, each.outcome) for each in found] == [(n, ACCEPTED) for n in (1, 2, 3)]
    assert calls == 1
    assert await states(demo_database) == {"new": 3}


async def test_a_database_that_is_away_interrupts_a_bulk_which_goes_on_later(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with accepting(demo_database, keeper) as accept:
        gather: Gather[Any, Any] = vars(accept)["_tools"].writes

        async def fail(*_arguments: object) -> None:
            raise ConnectionRefusedError

        with monkeypatch.context() as patched:
            patched.setattr(gather, "_work", fail)
            end = await take(accept, stream(LINE * 3))
        assert state(end) == (BulkState.INTERRUPTED, 0, 0, 0)
        assert [each.message for each in end.problems] == [
            "The database does not answer; the same request may succeed later"
        ]
        assert await states(demo_database) == {}
        assert state(await take(accept, stream(LINE * 3))) == (BulkState.FINISHED, 3, 0, 0)


async def silent(*chunks: bytes) -> AsyncIterator[bytes]:
    async for chunk in stream(*chunks):
        yield chunk
    await asyncio.Event().wait()


async def test_a_sender_who_falls_silent_does_not_keep_its_bulk(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async with accepting(demo_database, keeper, bulk_idle_s=1) as accept:
        async with asyncio.timeout(10):
            end = await take(accept, silent(LINE * 2))
        assert state(end) == (BulkState.INTERRUPTED, 2, 0, 0)
        assert [each.message for each in end.problems] == [
            "Nothing was sent for 1 s; send the rest again"
        ]
        assert state(await take(accept, stream(LINE * 3))) == (BulkState.FINISHED, 3, 0, 0)


async def test_an_answer_that_nobody_reads_takes_no_other_bulks_place(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_module, "_MOST_BULKS", 1)
    async with accepting(demo_database, keeper) as accept:
        async with accept.open("cpq", "unread") as intake:
            await intake.take(stream(LINE))
            assert state(await take(accept, stream(LINE))) == (BulkState.FINISHED, 1, 0, 0)
        # Left, it frees no second place.
        async with accept.open("cpq"):
            with pytest.raises(RetryableError, match="Too many bulks"):
                await take(accept, stream())


async def test_a_sender_who_waits_is_told_at_once_that_its_bulk_was_taken_over(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        await _take_away(demo_database)
        async for chunk in silent(LINE):
            yield chunk

    async with accepting(demo_database, keeper) as accept, asyncio.timeout(10):
        end = await take(accept, chunks())
    told = "Another request with this Idempotency-Key goes on with the bulk"
    assert [each.message for each in end.problems] == [told]
    assert await states(demo_database) == {}


async def test_a_sender_of_nothing_is_told_that_its_bulk_was_taken_over(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        await _take_away(demo_database)
        async for chunk in silent():
            yield chunk

    async with accepting(demo_database, keeper, queue_lease_s=1) as accept, asyncio.timeout(10):
        end = await take(accept, chunks())
    told = "Another request with this Idempotency-Key goes on with the bulk"
    assert [each.message for each in end.problems] == [told]


async def _take_away(database: Database) -> None:
    async with database.acquire() as connection:
        await connection.execute("UPDATE bulk SET claim_token = gen_random_uuid()")
