"""Measuring over HTTP: one target, one request, checked by what it wrote."""

from collections.abc import Mapping
from typing import Literal

import httpx
import msgspec

from ordering_app.bench.child import ready_child
from ordering_app.bench.load import LoadResult, LoadTask
from ordering_app.bench.model import BenchError, Sample
from ordering_app.bench.place import Bench
from ordering_app.bench.same_work import (
    WRITTEN_TABLES,
    Footprint,
    empty_tables,
    footprint,
    require_rows,
)
from ordering_app.embedded.ports import LOOPBACK

__all__ = ["Target", "measure", "send_once", "warm_up_s"]

_TIMEOUT_S = 30.0
_SHOWN_CHARACTERS = 2000


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where. `tables` are those in which the effect is looked for."""

    title: str
    port: int
    path: str
    headers: Mapping[str, str]
    body: str
    method: Literal["GET", "POST", "PATCH"] = "POST"
    tables: tuple[str, ...] = WRITTEN_TABLES


def warm_up_s(seconds: float) -> float:
    """Return how long to warm up before measuring for so many seconds."""
    return min(1.0, seconds / 3)


async def send_once(bench: Bench, target: Target) -> Footprint:
    """Send the request once to empty tables and return what it wrote.

    Raises `BenchError` unless the answer is a success.
    """
    await _empty(bench, target)
    async with httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S) as http:
        answer = await http.request(
            target.method,
            f"http://{LOOPBACK}:{target.port}{target.path}",
            headers=dict(target.headers),
            content=target.body,
        )
    if not answer.is_success:
        raise BenchError(f"{target.title}: {answer.status_code} {answer.text[:_SHOWN_CHARACTERS]}")
    return await footprint(bench.connection, target.tables)


async def measure(
    bench: Bench, target: Target, *, connections: int, seconds: float, once: Footprint
) -> Sample:
    """Put the load on the target; every success must have left the rows of `once` behind."""
    await _empty(bench, target)
    task = LoadTask(
        host=LOOPBACK,
        port=target.port,
        method=target.method,
        target=target.path,
        headers=target.headers,
        body=target.body,
        connections=connections,
        warm_up_s=warm_up_s(seconds),
        seconds=seconds,
    )
    async with ready_child("load", task) as child:
        result = await child.go(LoadResult)
    written = await footprint(bench.connection, target.tables)
    require_rows(target.title, once, result.accepted, written)
    return Sample(
        count=result.count,
        seconds=result.seconds,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        refused=result.refused,
        complaint=result.complaint,
        notes={"generator_processor_share": result.processor_share},
    )


async def _empty(bench: Bench, target: Target) -> None:
    await empty_tables(bench.connection)
    for table in target.tables:
        if table not in WRITTEN_TABLES:
            await bench.connection.execute(f"TRUNCATE {table}")
