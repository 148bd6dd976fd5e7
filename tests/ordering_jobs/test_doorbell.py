"""The doorbell: one ring at a time, and no harm without Redis."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, cast

import pytest
from arq.connections import ArqRedis, create_pool

from ordering_app.embedded import EmbeddedServers
from ordering_jobs.doorbell import Doorbell, deserialize, serialize
from ordering_jobs.redis_settings import QUEUE_NAME, redis_settings
from support.processes import until


@pytest.fixture
async def redis(servers: EmbeddedServers) -> AsyncGenerator[ArqRedis]:
    pool = await create_pool(redis_settings(servers.redis_url, retries=3))
    await cast("Any", pool).flushall()
    yield pool
    await pool.aclose(close_connection_pool=True)


async def test_a_ring_is_one_job_that_tells_nothing(
    servers: EmbeddedServers, redis: ArqRedis
) -> None:
    bell = Doorbell(servers.redis_url)
    bell.open()
    try:
        bell.ring()
        await until(lambda: redis.zcard(QUEUE_NAME))
        job = deserialize(await redis.get("arq:job:ring") or b"")
        assert (job["f"], job["a"], job["k"]) == ("ring", [], {})
    finally:
        await bell.close()


async def test_while_a_ring_waits_no_second_is_queued(
    servers: EmbeddedServers, redis: ArqRedis
) -> None:
    bells = [Doorbell(servers.redis_url) for _ in range(3)]
    for bell in bells:
        bell.open()
    try:
        for _ in range(5):
            for bell in bells:
                bell.ring()
            await until(lambda: redis.zcard(QUEUE_NAME))
            await asyncio.sleep(0.03)
        assert await redis.zcard(QUEUE_NAME) == 1
    finally:
        for bell in bells:
            await bell.close()


async def test_a_ring_that_was_refused_is_repeated(
    servers: EmbeddedServers, redis: ArqRedis
) -> None:
    bell = Doorbell(servers.redis_url)
    bell.open()
    try:
        bell.ring()
        await until(lambda: redis.zcard(QUEUE_NAME))
        refused = asyncio.create_task(until(lambda: redis.exists("arq:job:ring")))
        bell.ring()
        await refused
        # The pending ring is answered now; ours, refused meanwhile, must come again.
        await asyncio.sleep(0.03)
        await redis.delete("arq:job:ring")
        await redis.zrem(QUEUE_NAME, "ring")
        assert await until(lambda: redis.zcard(QUEUE_NAME), patience_s=2) == 1
    finally:
        await bell.close()


async def test_without_redis_ringing_returns_at_once_and_starts_again_with_it(
    redis: ArqRedis, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_jobs.doorbell._AFTER_FAILURE_S", 0.05)
    bell = Doorbell("redis://127.0.0.1:1/0")
    bell.open()
    bell.ring()
    await asyncio.sleep(0.2)
    monkeypatch.setattr(bell, "_url", servers.redis_url)
    monkeypatch.setattr(bell, "_redis", None)
    try:

        async def ring_again() -> int:
            bell.ring()
            return await redis.zcard(QUEUE_NAME)

        assert await until(ring_again) == 1
    finally:
        await bell.close()


async def test_closing_a_bell_that_never_rang(servers: EmbeddedServers) -> None:
    bell = Doorbell(servers.redis_url)
    await bell.close()
    bell.open()
    await bell.close()


def test_jobs_are_written_so_that_reading_runs_nothing() -> None:
    assert deserialize(serialize({"f": "ring", "a": (), "t": 1})) == {"f": "ring", "a": [], "t": 1}
