"""Draining behind the gate: nothing is claimed while the queue is paused or out of its hours."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.inbound.control import Gate, switch
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_jobs.drain import Drainer
from ordering_jobs.worker import run_worker
from support import payloads
from support.processes import until
from support.queue import make_processor, put, states

GOOD = payloads.order()


class WatchedGate(Gate):
    """A gate that tells how often it was asked."""

    asked = 0

    async def is_open(self) -> bool:
        answer = await super().is_open()
        self.asked += 1
        return answer


@asynccontextmanager
async def draining(
    database: Database, keeper: CatalogKeeper, gate: Gate, **how: Any
) -> AsyncGenerator[Drainer]:
    processor = make_processor(database, keeper, queue_batch=1)
    drainer = Drainer(processor, **({"sweep_s": 0.02} | how), gate=gate)
    drainer.open()
    try:
        yield drainer
    finally:
        await drainer.close()


async def turn(database: Database, *, paused: bool) -> None:
    async with database.acquire() as connection:
        await switch(connection, "ann", paused=paused)


async def looked(gate: WatchedGate, times: int) -> None:
    """Wait until the gate was asked so many times more."""
    before = gate.asked

    async def look() -> bool:
        return gate.asked >= before + times

    await until(look)


async def completed(database: Database, number: int) -> None:
    async def look() -> bool:
        return (await states(database)).get("completed") == number

    await until(look)


async def test_a_paused_queue_is_left_alone_until_it_is_resumed(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await put(demo_database, GOOD, GOOD)
    await turn(demo_database, paused=True)
    gate = WatchedGate(demo_database, None)
    async with draining(demo_database, keeper, gate):
        await looked(gate, 3)
        assert await states(demo_database) == {"new": 2}
        await turn(demo_database, paused=False)
        await completed(demo_database, 2)


async def test_a_pause_stops_a_run_between_two_batches(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    class PausedBehindTheFirst(WatchedGate):
        async def is_open(self) -> bool:
            if self.asked == 1:
                await turn(demo_database, paused=True)
            return await super().is_open()

    await put(demo_database, GOOD, GOOD, GOOD)
    gate = PausedBehindTheFirst(demo_database, None)
    async with draining(demo_database, keeper, gate):
        await completed(demo_database, 1)
        await looked(gate, 4)
        assert await states(demo_database) == {"completed": 1, "new": 2}


async def test_a_worker_that_looks_rarely_obeys_within_a_second_too(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_jobs.drain._WHILE_CLOSED_S", 0.02)
    await put(demo_database, GOOD)
    await turn(demo_database, paused=True)
    gate = WatchedGate(demo_database, None)
    async with draining(demo_database, keeper, gate, sweep_s=3600):
        await looked(gate, 2)
        await turn(demo_database, paused=False)
        await completed(demo_database, 1)


async def test_a_ring_opens_a_resumed_queue_at_once(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_jobs.drain._WHILE_CLOSED_S", 3600)
    await put(demo_database, GOOD)
    await turn(demo_database, paused=True)
    gate = WatchedGate(demo_database, None)
    async with draining(demo_database, keeper, gate, sweep_s=3600) as drainer:
        await looked(gate, 1)
        await turn(demo_database, paused=False)
        drainer.wake()
        await completed(demo_database, 1)


async def test_outside_of_its_hours_a_queue_is_left_alone(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await put(demo_database, GOOD)
    now = datetime.now(UTC)
    later = [f"{now + timedelta(hours=hours):%H:%M}" for hours in (2, 4)]
    gate = WatchedGate(demo_database, "-".join(later))
    async with draining(demo_database, keeper, gate):
        await looked(gate, 3)
    assert await states(demo_database) == {"new": 1}


async def test_expired_claims_are_given_back_even_while_paused(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, GOOD)
    async with demo_database.acquire() as connection:
        await connection.execute(
            """UPDATE inbound_request SET state = 'in_progress', claim_token = id,
                      lease_expires_at = now() - interval '1 s' WHERE id = $1""",
            identity,
        )
    await turn(demo_database, paused=True)

    async def given_back() -> bool:
        return await states(demo_database) == {"new": 1}

    async with draining(demo_database, keeper, Gate(demo_database, None)):
        await until(given_back)


async def test_closing_does_not_wait_for_the_gate(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await turn(demo_database, paused=True)
    gate = WatchedGate(demo_database, None)
    async with asyncio.timeout(10):
        async with draining(demo_database, keeper, gate, sweep_s=3600):
            await looked(gate, 1)


async def test_a_worker_asks_the_gate_of_its_settings(
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = datetime.now(UTC)
    hours = "-".join(f"{now + timedelta(hours=each):%H:%M}" for each in (2, 4))
    gates: list[WatchedGate] = []

    def make(database: Database, window: str | None) -> WatchedGate:
        gates.append(WatchedGate(database, window))
        return gates[-1]

    monkeypatch.setattr("ordering_jobs.worker.Gate", make)
    monkeypatch.setattr("ordering_jobs.drain._WHILE_CLOSED_S", 0.02)
    await put(demo_database, GOOD)
    worker = asyncio.create_task(
        run_worker(Settings(queue_window=hours), demo_url, servers.redis_url)
    )

    async def asked() -> bool:
        return bool(gates) and gates[0].asked >= 3

    await until(asked)
    assert await states(demo_database) == {"new": 1}
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        await worker
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)
