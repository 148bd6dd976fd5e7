"""Bulk: many orders in one request, each accepted durably before its result is sent."""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import msgspec

from ordering_app.bench.ceilings.accept_row import QUEUE
from ordering_app.bench.ceilings.copy_rows import Copied, CopyTask
from ordering_app.bench.child import ready_child
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Measure, Path, Sample
from ordering_app.bench.over_http import Target, ask, client
from ordering_app.bench.paths.common import queue_target
from ordering_app.bench.place import Bench
from ordering_app.bench.same_work import Footprint, empty_tables, footprint, require_rows
from ordering_app.bench.template import keep_template
from ordering_app.embedded.ports import LOOPBACK

__all__ = ["opened"]

_ORDERS_PER_S = 2000
_LEAST = 1000
_LINES_PER_CHUNK = 100

#: As many as the service writes at once.
_PER_TRANSACTION = 500


class _Totals(msgspec.Struct):
    accepted: int
    refused: int


class _LastLine(msgspec.Struct):
    bulk: _Totals


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; a bulk of one line has left its row, which is what the ceiling copies."""
    target = _target(bench)
    await empty_tables(bench.connection)
    async with client() as http:
        await ask(http, target, target.requests[0])
    once = await footprint(bench.connection, [QUEUE])
    await keep_template(bench.connection, [QUEUE])
    yield Path(
        contenders=[
            Contender(key="bulk", title=target.title, measure=_bulk(bench, target, once)),
            Contender(
                key="copy-payloads",
                title=f"COPY of the same rows of the queue, {_PER_TRANSACTION} per transaction",
                measure=_copy(bench, once),
            ),
        ],
        comparisons=[
            Comparison(
                path="bulk",
                ceiling="copy-payloads",
                goal=Goal(kind="ratio_from", bound=0.5),
            )
        ],
    )


def _target(bench: Bench) -> Target:
    """Return the request of a bulk with one line.

    The order has no external id: it would be known from the second line on.
    """
    order: dict[str, object] = msgspec.json.decode(bench.payload)
    del order["externalId"]
    return msgspec.structs.replace(
        queue_target(bench),
        title="async accept, NDJSON stream",
        headers={**bench.headers, "Content-Type": "application/x-ndjson"},
        body=f"{msgspec.json.encode(order).decode()}\n",
    )


def _orders(seconds: float) -> int:
    """Return how many orders keep the API busy for about so many seconds."""
    return max(_LEAST, int(_ORDERS_PER_S * seconds))


async def _lines(line: bytes, count: int) -> AsyncGenerator[bytes]:
    for start in range(0, count, _LINES_PER_CHUNK):
        yield line * min(_LINES_PER_CHUNK, count - start)


def _bulk(bench: Bench, target: Target, once: Footprint) -> Measure:
    async def measure(seconds: float) -> Sample:
        await empty_tables(bench.connection)
        orders = _orders(seconds)
        started = time.perf_counter()
        async with (
            client() as http,
            http.stream(
                "POST",
                f"http://{LOOPBACK}:{target.port}{target.path}",
                headers=dict(target.headers),
                content=_lines(target.body.encode(), orders),
            ) as answer,
        ):
            lines = [line async for line in answer.aiter_lines()]
        took_s = time.perf_counter() - started
        if not answer.is_success:
            raise BenchError(f"{target.title}: {answer.status_code}")
        totals = msgspec.json.decode(lines[-1], type=_LastLine).bulk
        require_rows(
            target.title, once, totals.accepted, await footprint(bench.connection, [QUEUE])
        )
        return Sample(count=totals.accepted, seconds=took_s, refused=totals.refused)

    return measure


def _copy(bench: Bench, once: Footprint) -> Measure:
    async def measure(seconds: float) -> Sample:
        await empty_tables(bench.connection)
        task = CopyTask(
            bench.servers.database_url,
            _orders(seconds),
            per_transaction=_PER_TRANSACTION,
            tables=(QUEUE,),
        )
        async with ready_child("ceilings.copy_rows", task) as child:
            result = await child.go(Copied)
        found = await footprint(bench.connection, [QUEUE])
        require_rows("COPY of payloads", once, task.orders, found)
        return Sample(count=task.orders, seconds=result.seconds)

    return measure
