"""The worker in this process: rung, without Redis, and ended by a signal."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_jobs.doorbell import Doorbell
from ordering_jobs.worker import run_worker, system_id
from support import payloads
from support.processes import until
from support.queue import put, record, states


@asynccontextmanager
async def working(url: str, redis_url: str, **settings: int) -> AsyncGenerator[None]:
    """Run a worker until the block is left, then end it by SIGTERM."""
    worker = asyncio.create_task(run_worker(Settings(**settings), url, redis_url))  # pyright: ignore[reportArgumentType] - numbers only

    async def is_listening() -> bool:
        # Before, the signal would end the tests.
        return signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL

    await until(is_listening)
    try:
        yield
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await worker
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


async def completed(database: Database, number: int) -> None:
    async def look() -> bool:
        return await states(database) == {"completed": number}

    await until(look)


async def test_a_ring_wakes_it(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with working(demo_url, servers.redis_url, queue_sweep_s=3600):
        bell = Doorbell(servers.redis_url)
        bell.open()
        try:
            for number in (1, 2):
                await put(demo_database, payloads.order())
                bell.ring()
                await completed(demo_database, number)
        finally:
            await bell.close()


async def test_without_redis_it_looks_by_itself(
    demo_database: Database, demo_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_jobs.worker._RECONNECT_S", 0.05)
    monkeypatch.setattr("ordering_jobs.worker._RETRIES", 0)
    async with working(demo_url, "redis://127.0.0.1:1/0", queue_sweep_s=1):
        await put(demo_database, payloads.order())
        await completed(demo_database, 1)


async def test_its_sessions_read_through_indexes(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    (identity,) = await put(demo_database, payloads.order())
    async with demo_database.acquire() as connection:
        # Whatever takes or ends a record says how its session is set.
        await connection.execute(
            """CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN NEW.system_id = current_setting('enable_seqscan'); RETURN NEW; END $$"""
        )
        await connection.execute(
            """CREATE TRIGGER tell BEFORE UPDATE ON inbound_request
               FOR EACH ROW EXECUTE FUNCTION tell()"""
        )
    try:
        async with working(demo_url, servers.redis_url):
            await completed(demo_database, 1)
    finally:
        async with demo_database.acquire() as connection:
            await connection.execute("DROP FUNCTION tell CASCADE")
    assert (await record(demo_database, identity))["system_id"] == "off"


async def test_a_defect_of_the_drainer_ends_the_worker(
    demo_url: str, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def defect(_: object) -> object:
        raise ZeroDivisionError

    monkeypatch.setattr("ordering.inbound.process.Processor.claim_batch", defect)
    with pytest.raises(ZeroDivisionError):
        await run_worker(Settings(), demo_url, servers.redis_url)


def test_a_worker_is_named_by_host_and_process() -> None:
    assert system_id().endswith(f":{os.getpid()}")
