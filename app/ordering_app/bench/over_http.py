"""Measuring over HTTP: one target, checked by what it wrote."""

from collections.abc import Mapping, Sequence
from typing import Literal

import httpx
import msgspec

from ordering_app.bench.child import ready_child
from ordering_app.bench.load import LoadResult, LoadTask, Sent
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

__all__ = ["Target", "ask", "client", "measure", "put_load", "sample_of", "send_once", "warm_up_s"]

_TIMEOUT_S = 30.0
_SHOWN_CHARACTERS = 2000


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent where. `tables` are those in which the effect is looked for.

    What is sent is `body` to `path`, or, where there are `turns`, each of those in turn.
    """

    title: str
    port: int
    path: str
    headers: Mapping[str, str]
    body: str
    method: Literal["GET", "POST", "PATCH"] = "POST"
    tables: tuple[str, ...] = WRITTEN_TABLES
    turns: Sequence[Sent] = ()

    @property
    def requests(self) -> Sequence[Sent]:
        """What is sent, in turn."""
        return self.turns or [Sent(self.path, self.body)]


def warm_up_s(seconds: float) -> float:
    """Return how long to warm up before measuring for so many seconds."""
    return min(1.0, seconds / 3)


async def send_once(bench: Bench, target: Target) -> Footprint:
    """Send the request once to empty tables and return what it wrote.

    Raises `BenchError` unless the answer is a success.
    """
    await _empty(bench, target)
    async with client() as http:
        await ask(http, target, target.requests[0])
    return await footprint(bench.connection, target.tables)


def client() -> httpx.AsyncClient:
    """Return a client for single requests; open and close it."""
    return httpx.AsyncClient(trust_env=False, timeout=_TIMEOUT_S)


async def ask(http: httpx.AsyncClient, target: Target, sent: Sent) -> httpx.Response:
    """Send one request. Raises `BenchError` unless the answer is a success."""
    answer = await http.request(
        target.method,
        f"http://{LOOPBACK}:{target.port}{sent.target}",
        headers=dict(target.headers),
        content=sent.body,
    )
    if not answer.is_success:
        raise BenchError(f"{target.title}: {answer.status_code} {answer.text[:_SHOWN_CHARACTERS]}")
    return answer


async def measure(
    bench: Bench, target: Target, *, connections: int, seconds: float, once: Footprint
) -> Sample:
    """Put the load on the target; every success must have left the rows of `once` behind."""
    await _empty(bench, target)
    result = await put_load(target, connections=connections, seconds=seconds)
    written = await footprint(bench.connection, target.tables)
    require_rows(target.title, once, result.accepted, written)
    return sample_of(result)


async def put_load(target: Target, *, connections: int, seconds: float) -> LoadResult:
    """Put the load on the target and return what came back."""
    task = LoadTask(
        host=LOOPBACK,
        port=target.port,
        method=target.method,
        requests=target.requests,
        headers=target.headers,
        connections=connections,
        warm_up_s=warm_up_s(seconds),
        seconds=seconds,
    )
    async with ready_child("load", task) as child:
        return await child.go(LoadResult)


def sample_of(result: LoadResult) -> Sample:
    """Return what came back as a measurement."""
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
