"""The drainer: woken or not, it empties the queue; closing finishes what it has in hand."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import cast

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.domain.ids import new_id
from ordering.domain.timestamps import now
from ordering.inbound.claim import Claim, Claimed
from ordering.inbound.control import Gate
from ordering.inbound.process import Processor
from ordering_jobs.drain import Drainer
from support import payloads
from support.processes import until
from support.queue import make_processor, put, states

GOOD = payloads.order()


async def all_completed(database: Database, number: int) -> None:
    async def look() -> bool:
        return await states(database) == {"completed": number}

    await until(look)


async def test_it_looks_at_the_start_and_when_it_is_woken(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await put(demo_database, GOOD, GOOD)
    drainer = Drainer(make_processor(demo_database, keeper, queue_batch=1), sweep_s=3600)
    drainer.open()
    try:
        await all_completed(demo_database, 2)
        await put(demo_database, GOOD)
        drainer.wake()
        await all_completed(demo_database, 3)
    finally:
        await drainer.close()


async def test_it_looks_by_itself_too(demo_database: Database, keeper: CatalogKeeper) -> None:
    drainer = Drainer(make_processor(demo_database, keeper), sweep_s=0.02)
    drainer.open()
    try:
        await put(demo_database, GOOD)
        await all_completed(demo_database, 1)
    finally:
        await drainer.close()


class Scripted:
    """Stands in for a processor where the database must fail in a certain way."""

    def __init__(self, *script: Callable[[], Claim]) -> None:
        self.script = list(script)
        self.looks = 0
        self.finished: list[Claim] = []

    async def rescue(self) -> int:
        return 0

    async def claim_batch(self) -> Claim:
        self.looks += 1
        return self.script.pop(0)() if self.script else NOTHING

    async def process_batch(self, taken: Claim) -> None:
        self.finished.append(taken)


def raising(error: type[Exception]) -> Callable[[], Claim]:
    def look() -> Claim:
        raise error

    return look


away = raising(ConnectionRefusedError)


def batch() -> Claim:
    one = Claimed(new_id(), 1, "{}", "cpq", now(), 1, names_inventory=False)
    return Claim(new_id(), [one])


NOTHING = Claim(new_id(), [])


async def test_a_database_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordering_jobs.drain._AFTER_FAILURE_S", 0.0)
    processor = Scripted(away, raising(asyncpg.InvalidPasswordError), batch)
    drainer = Drainer(cast("Processor", processor), sweep_s=0.01)
    drainer.open()

    async def looked() -> bool:
        return processor.looks > 3

    await until(looked)
    await drainer.close()


@pytest.mark.parametrize(
    "error", [ZeroDivisionError, asyncpg.UndefinedTableError, asyncpg.DataError]
)
async def test_a_defect_ends_the_task_with_its_error(error: type[Exception]) -> None:
    drainer = Drainer(cast("Processor", Scripted(raising(error))), sweep_s=0)
    task = drainer.open()
    await asyncio.wait({task}, timeout=10)
    assert task.done()
    assert isinstance(task.exception(), error)
    await drainer.close()


class Slow(Scripted):
    """A full queue, whose batches end when they are let go."""

    def __init__(self) -> None:
        super().__init__(*[batch] * 9)
        self.begun = 0
        self.go_on = asyncio.Semaphore(0)
        self.failing: list[Exception] = []

    async def process_batch(self, taken: Claim) -> None:
        self.begun += 1
        await self.go_on.acquire()
        if self.failing:
            raise self.failing.pop(0)
        await super().process_batch(taken)


async def has_begun(slow: Slow, number: int) -> None:
    async def look() -> bool:
        return slow.begun == number

    await until(look)


async def test_three_batches_are_in_hand_and_the_next_is_claimed_when_one_ends() -> None:
    slow = Slow()
    drainer = Drainer(cast("Processor", slow), sweep_s=3600)
    drainer.open()
    await has_begun(slow, 3)
    assert slow.looks == 3
    slow.go_on.release()
    await has_begun(slow, 4)
    assert (slow.looks, len(slow.finished)) == (4, 1)
    for _ in range(len(slow.script) + 3):
        slow.go_on.release()
    await drainer.close()


class Gated:
    """A gate that is moved by hand."""

    def __init__(self) -> None:
        self.open = True
        self.looks = 0

    async def is_open(self) -> bool:
        self.looks += 1
        return self.open


@pytest.mark.parametrize("rings", [True, False])
async def test_a_batch_that_is_held_up_holds_up_no_other(*, rings: bool) -> None:
    slow = Slow()
    slow.script = [batch]
    drainer = Drainer(cast("Processor", slow), sweep_s=3600 if rings else 0.02)
    drainer.open()

    async def waits() -> bool:
        return slow.looks >= 2

    await until(waits)
    assert slow.begun == 1
    slow.script = [batch]
    if rings:
        drainer.wake()
    await has_begun(slow, 2)
    assert slow.finished == []
    slow.go_on.release()
    slow.go_on.release()
    await drainer.close()
    assert len(slow.finished) == 2


async def test_a_gate_that_opens_again_is_seen_beside_a_batch_that_is_held_up() -> None:
    slow, gate = Slow(), Gated()
    slow.script = [batch]
    drainer = Drainer(cast("Processor", slow), sweep_s=0.02, gate=cast("Gate", gate))
    drainer.open()
    await has_begun(slow, 1)
    gate.open = False
    seen = gate.looks

    async def is_seen() -> bool:
        return gate.looks > seen + 1

    await until(is_seen)
    slow.script = [batch]
    looks = slow.looks
    seen = gate.looks
    await until(is_seen)
    assert (slow.looks, slow.begun) == (looks, 1)
    gate.open = True
    await has_begun(slow, 2)
    slow.go_on.release()
    slow.go_on.release()
    await drainer.close()


async def test_closing_finishes_the_batches_in_hand_and_takes_no_other() -> None:
    slow = Slow()
    drainer = Drainer(cast("Processor", slow), sweep_s=3600)
    drainer.open()
    await has_begun(slow, 3)
    closing = asyncio.create_task(drainer.close())
    slow.go_on.release()

    async def one_finished() -> bool:
        return len(slow.finished) == 1

    await until(one_finished)
    assert not closing.done()
    slow.go_on.release()
    slow.go_on.release()
    await closing
    assert (slow.looks, len(slow.finished)) == (3, 3)
    await drainer.close()


async def test_a_defect_in_one_batch_ends_the_task_behind_the_others() -> None:
    slow = Slow()
    slow.failing = [ConnectionResetError(), ZeroDivisionError(), ConnectionResetError()]
    drainer = Drainer(cast("Processor", slow), sweep_s=3600)
    task = drainer.open()
    await has_begun(slow, 3)
    for _ in slow.failing.copy():
        slow.go_on.release()
    await asyncio.wait({task})
    assert isinstance(task.exception(), ZeroDivisionError)
    assert (slow.looks, slow.finished) == (3, [])
    await drainer.close()


async def test_what_a_batch_lets_go_on_is_drained_without_another_ring(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    first, waiting = await put(demo_database, GOOD, GOOD)
    async with demo_database.acquire() as connection:
        await connection.execute(
            """UPDATE inbound_request SET inventory_ids = '["a"]',
                      state = CASE id WHEN $2::uuid THEN 'pending' ELSE 'new' END,
                      execute_after = CASE id WHEN $2 THEN $1::uuid END""",
            first,
            waiting,
        )
    drainer = Drainer(make_processor(demo_database, keeper), sweep_s=3600)
    drainer.open()
    try:
        await all_completed(demo_database, 2)
    finally:
        await drainer.close()


class Runs(Scripted):
    """Stands in for a processor with a queue that never empties."""

    async def claim_batch(self) -> Claim:
        self.looks += 1
        await asyncio.sleep(0)
        return batch()


async def test_a_run_ends_when_its_time_is_over_and_the_next_begins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "ordering_jobs.drain")
    runs = Runs()
    drainer = Drainer(cast("Processor", runs), sweep_s=3600, max_runtime_s=0.02)
    drainer.open()

    async def ended_twice() -> bool:
        return len(caplog.messages) >= 2

    await until(ended_twice)
    await drainer.close()
    assert set(caplog.messages) == {"a run of draining ends after 0.02 s, the next begins"}
    assert len(runs.finished) >= 2


async def test_expired_claims_are_rescued_by_the_clock_alone(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    drainer = Drainer(make_processor(demo_database, keeper), sweep_s=0.02, rescue_s=0.05)
    drainer.open()
    try:
        async with demo_database.transaction() as connection:
            (identity,) = await put(demo_database, GOOD)
            await connection.execute(
                """UPDATE inbound_request SET state = 'in_progress', claim_token = id,
                          lease_expires_at = now() - interval '1 s' WHERE id = $1""",
                identity,
            )
        await all_completed(demo_database, 1)
    finally:
        await drainer.close()


async def test_after_an_outage_nobody_is_taken_for_dead_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ordering_jobs.drain._AFTER_FAILURE_S", 0.0)
    clock, rescues = SimpleNamespace(now=0), list[int]()
    monkeypatch.setattr("ordering_jobs.drain.time", SimpleNamespace(monotonic=lambda: clock.now))

    def at(moment: int, then: Callable[[], Claim]) -> Callable[[], Claim]:
        def look() -> Claim:
            clock.now = moment
            return then()

        return look

    class Timed(Scripted):
        async def rescue(self) -> int:
            rescues.append(clock.now)
            return 0

    processor = Timed(at(4, away), at(6, lambda: NOTHING), at(10, lambda: NOTHING))
    drainer = Drainer(cast("Processor", processor), sweep_s=0.001, rescue_s=5)
    drainer.open()

    async def looked() -> bool:
        return processor.looks > 4

    await until(looked)
    await drainer.close()
    assert rescues == [0, 10]
