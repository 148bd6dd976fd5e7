"""Draining: a full queue, and the time until worker processes have emptied it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from ordering.db.meta import column_name, filled_columns
from ordering.db.tables import InboundRequest
from ordering.domain.ids import new_id
from ordering_app.bench.ceilings.accept_row import QUEUE
from ordering_app.bench.ceilings.arq_jobs import ArqTask, Completed
from ordering_app.bench.ceilings.copy_rows import Copied, CopyTask
from ordering_app.bench.child import ready_child
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Measure, Path, Sample
from ordering_app.bench.over_http import Target, send_once
from ordering_app.bench.paths.common import keep_order, queue_target
from ordering_app.bench.place import Bench, working
from ordering_app.bench.same_work import (
    ORDER_TABLES,
    Footprint,
    empty_tables,
    footprint,
    make_checkpoint,
    require_rows,
)

__all__ = ["counted", "fill", "opened", "wait_until_empty"]

_ORDERS_PER_S = 1500
_LEAST = 600
_LOOK_S = 0.01
_PATIENCE_S = 60.0
_CHUNK = 5_000

_UNFINISHED = """
SELECT EXISTS (SELECT FROM inbound_request WHERE state = 'new')
    OR EXISTS (SELECT FROM inbound_request WHERE state = 'in_progress')
"""

# The clock of a worker starts with its second batch: before that it prepares its statements.
_COUNTED = """
WITH batch AS (
    SELECT system_id, claimed_at,
           row_number() OVER (PARTITION BY system_id ORDER BY claimed_at) AS place
    FROM (SELECT DISTINCT system_id, claimed_at FROM inbound_request) AS each
), ready AS (
    SELECT system_id, min(claimed_at) FILTER (WHERE place = 2) AS since FROM batch
    GROUP BY system_id
), start AS (
    SELECT coalesce(max(since), (SELECT min(claimed_at) FROM batch)) AS since,
           count(*) AS workers
    FROM ready
)
SELECT count(*) FILTER (WHERE claimed_at >= since) AS count,
       extract(epoch FROM $1::timestamptz - since)::float8 AS seconds,
       count(*) FILTER (WHERE state <> 'completed') AS failed,
       (array_agg(error_message) FILTER (WHERE state <> 'completed'))[1] AS complaint,
       workers
FROM inbound_request, start GROUP BY since, workers
"""


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path. After every measurement both sides must have left the rows of `once`."""
    once = await keep_order(bench)
    yield Path(
        contenders=[
            Contender(key="drain-1", title="drain, 1 worker", measure=_drain(bench, once, 1)),
            Contender(
                key="copy-1",
                title="COPY of the same rows, 100 orders per transaction, 1 connection",
                measure=_copy(bench, once, 1),
            ),
            Contender(key="arq", title="arq, jobs that do nothing", measure=_arq(bench)),
            Contender(key="drain-2", title="drain, 2 workers", measure=_drain(bench, once, 2)),
            Contender(
                key="copy-2",
                title="COPY of the same rows, 100 orders per transaction, 2 connections",
                measure=_copy(bench, once, 2),
            ),
        ],
        comparisons=[
            Comparison(path="drain-1", ceiling="copy-1", goal=Goal(kind="ratio_from", bound=0.6)),
            Comparison(path="drain-2", ceiling="copy-2", goal=Goal(kind="ratio_from", bound=0.6)),
            Comparison(path="drain-1", ceiling="arq", goal=Goal(kind="ratio_above", bound=1)),
        ],
    )


def _orders(seconds: float) -> int:
    """Return how many orders keep a worker busy for about so many seconds."""
    return max(_LEAST, int(_ORDERS_PER_S * seconds))


def _drain(bench: Bench, once: Footprint, workers: int) -> Measure:
    async def measure(seconds: float) -> Sample:
        await fill(bench, queue_target(bench), _orders(seconds))
        async with working(bench.servers, workers):
            await wait_until_empty(bench, seconds)
            row = await counted(bench)
        made = _orders(seconds) - row["failed"]
        found = await footprint(bench.connection, ORDER_TABLES)
        require_rows("drain", once, made, found)
        return Sample(
            count=row["count"],
            seconds=row["seconds"],
            refused=row["failed"],
            complaint=row["complaint"],
            notes={"workers_seen": row["workers"], "records": _orders(seconds)},
        )

    return measure


async def counted(bench: Bench) -> Any:
    """Count what the workers have done until now: `_COUNTED` tells how."""
    ended = await bench.connection.fetchval("SELECT clock_timestamp()")
    return await bench.connection.fetchrow(_COUNTED, ended)


async def fill(bench: Bench, target: Target, records: int) -> None:
    """Empty the tables, queue the request once through the API, and then by copying its row.

    There are so many `records` in the end.
    """
    connection = bench.connection
    await send_once(bench, target)
    names = [column_name(column) for column in filled_columns(InboundRequest)]
    others = ", ".join(name for name in names if name != "id")
    first = await connection.fetchval(f"SELECT id FROM {QUEUE}")
    for start in range(1, records, _CHUNK):
        ids = [new_id() for _ in range(min(_CHUNK, records - start))]
        await connection.execute(
            f"INSERT INTO {QUEUE} (id, {others}) SELECT fresh, {others} "
            f"FROM unnest($1::uuid[]) AS fresh, {QUEUE} WHERE id = $2",
            ids,
            first,
        )
    await connection.execute(f"ANALYZE {QUEUE}")
    await make_checkpoint(connection)


async def wait_until_empty(bench: Bench, seconds: float) -> None:
    """Wait until nothing is queued. Raises `BenchError` when that takes much longer than it may."""
    try:
        async with asyncio.timeout(_PATIENCE_S + 20 * seconds):
            while True:
                if not await bench.connection.fetchval(_UNFINISHED):
                    return
                await asyncio.sleep(_LOOK_S)
    except TimeoutError as error:
        raise BenchError("drain: the workers did not empty the queue") from error


def _copy(bench: Bench, once: Footprint, connections: int) -> Measure:
    async def measure(seconds: float) -> Sample:
        await empty_tables(bench.connection)
        orders = _orders(seconds) // connections
        task = CopyTask(bench.servers.database_url, orders)
        async with AsyncExitStack() as stack:
            children = [
                await stack.enter_async_context(ready_child("ceilings.copy_rows", task))
                for _ in range(connections)
            ]
            results = await asyncio.gather(*(child.go(Copied) for child in children))
        found = await footprint(bench.connection, ORDER_TABLES)
        require_rows("COPY", once, orders * connections, found)
        return Sample(count=orders * connections, seconds=max(result.seconds for result in results))

    return measure


def _arq(bench: Bench) -> Measure:
    async def measure(seconds: float) -> Sample:
        task = ArqTask(bench.servers.redis_url, _orders(seconds))
        async with ready_child("ceilings.arq_jobs", task) as child:
            result = await child.go(Completed)
        return Sample(count=result.jobs, seconds=result.seconds, refused=result.failed)

    return measure
