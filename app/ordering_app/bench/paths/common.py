"""What several paths need: the API as a target, ceilings that serve HTTP."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering_app.bench.ceilings.bare import READY
from ordering_app.bench.model import Measure, Sample
from ordering_app.bench.over_http import Target, measure, send_once
from ordering_app.bench.place import Bench, serving
from ordering_app.bench.same_work import ORDER_TABLES, WRITTEN_TABLES, Footprint, empty_tables
from ordering_app.bench.template import keep_template
from ordering_app.demo.place import ORDER_PATH

__all__ = ["ceiling", "create_target", "keep_order", "load", "queue_target"]


def create_target(bench: Bench) -> Target:
    """Return the synchronous create."""
    return Target(
        title="sync create",
        port=bench.api,
        path=ORDER_PATH,
        headers=bench.headers,
        body=bench.payload,
    )


def queue_target(bench: Bench) -> Target:
    """Return the asynchronous create."""
    return Target(
        title="async accept",
        port=bench.api,
        path=f"{ORDER_PATH}?mode=async",
        headers=bench.headers,
        body=bench.payload,
    )


@asynccontextmanager
async def ceiling(
    bench: Bench, name: str, title: str, *, tables: tuple[str, ...] = WRITTEN_TABLES
) -> AsyncGenerator[Target]:
    """Serve a ceiling; it gets the same body."""
    command = [sys.executable, "-m", "ordering_app.bench.ceilings", name]
    async with serving(name, command, bench.servers, path=READY) as served:
        yield Target(
            title=title,
            port=served.port,
            path="/",
            headers={"Content-Type": "application/json"},
            body=bench.payload,
            tables=tables,
        )


async def keep_order(bench: Bench) -> Footprint:
    """Have the service create the order once and keep its rows; returns what they are."""
    once = await send_once(bench, create_target(bench))
    await keep_template(bench.connection, ORDER_TABLES)
    await empty_tables(bench.connection)
    return once


def load(bench: Bench, target: Target, once: Footprint, *, connections: int) -> Measure:
    """Return the measurement of a target under load."""

    async def measured(seconds: float) -> Sample:
        return await measure(bench, target, connections=connections, seconds=seconds, once=once)

    return measured
