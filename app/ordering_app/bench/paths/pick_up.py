"""Pick-up: how long a queued order waits on an idle system, from its 202 to its row."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx

from ordering.db.connection import connect
from ordering_app.bench.model import (
    BenchError,
    Comparison,
    Contender,
    Goal,
    Path,
    Sample,
    percentile,
)
from ordering_app.bench.paths.common import queue_target
from ordering_app.bench.place import Bench, working
from ordering_app.bench.same_work import empty_tables
from ordering_app.embedded.ports import LOOPBACK

__all__ = ["opened"]

_CHANNEL = "ordering_bench"
_LOOK_S = 0.001
_PATIENCE_S = 30.0
_LEAST = 5
_SHOWN_CHARACTERS = 2000
# Idle times are random, so that no measurement falls into step with the worker's polls.
_IDLE_S = (0.05, 0.15)
_SHORT_IDLE_S = (0.005, 0.025)


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path."""

    async def pick_up(seconds: float) -> Sample:
        await empty_tables(bench.connection)
        async with (
            working(bench.servers, 1),
            httpx.AsyncClient(
                base_url=f"http://{LOOPBACK}:{bench.api}", headers=bench.headers, trust_env=False
            ) as http,
        ):
            await _until_created(bench, http)
            return await _sample(lambda: _until_created(bench, http), seconds, _IDLE_S)

    async def notify(seconds: float) -> Sample:
        async with _notices(bench) as once:
            return await _sample(once, seconds, _SHORT_IDLE_S)

    yield Path(
        contenders=[
            Contender(key="pick-up", title="pick-up by an idle worker", measure=pick_up),
            Contender(key="notify", title="NOTIFY, to its arrival", measure=notify),
        ],
        comparisons=[
            Comparison(
                path="pick-up",
                ceiling="notify",
                goal=Goal(kind="p99_ms_to", bound=100),
                by="p99_ms",
            )
        ],
    )


async def _sample(
    once: Callable[[], Awaitable[float]], seconds: float, idle_s: tuple[float, float]
) -> Sample:
    """Measure again and again with idle times between; `once` returns seconds."""
    latencies: list[float] = []
    started = time.perf_counter()
    while len(latencies) < _LEAST or time.perf_counter() - started < seconds:
        await asyncio.sleep(random.uniform(*idle_s))  # noqa: S311 - no secret
        latencies.append(await once())
    latencies.sort()
    return Sample(
        count=len(latencies),
        seconds=time.perf_counter() - started,
        p50_ms=percentile(latencies, 0.50) * 1000,
        p99_ms=percentile(latencies, 0.99) * 1000,
    )


async def _until_created(bench: Bench, http: httpx.AsyncClient) -> float:
    """Queue an order; returns the seconds from the answer until its row can be read."""
    target = queue_target(bench)
    answer = await http.post(target.path, content=target.body)
    answered = time.perf_counter()
    if not answer.is_success:
        raise BenchError(f"pick-up: {answer.status_code} {answer.text[:_SHOWN_CHARACTERS]}")
    identity = UUID(hex=answer.json()["orderId"])
    while not await bench.connection.fetchval(
        "SELECT EXISTS (SELECT FROM customer_order WHERE id = $1)", identity
    ):
        if time.perf_counter() - answered > _PATIENCE_S:
            raise BenchError(f"pick-up: the order {identity.hex} was not created")
        await asyncio.sleep(_LOOK_S)
    return time.perf_counter() - answered


@asynccontextmanager
async def _notices(bench: Bench) -> AsyncGenerator[Callable[[], Awaitable[float]]]:
    """Listen on a connection of its own; yields what notifies and waits, returning seconds."""
    listening: Any = await connect(bench.servers.database_url)
    arrived = asyncio.Event()
    try:

        def notice(*_: object) -> None:
            arrived.set()

        await listening.add_listener(_CHANNEL, notice)

        async def once() -> float:
            arrived.clear()
            started = time.perf_counter()
            await bench.connection.execute(f"NOTIFY {_CHANNEL}")
            await arrived.wait()
            return time.perf_counter() - started

        await once()
        yield once
    finally:
        await listening.close()
