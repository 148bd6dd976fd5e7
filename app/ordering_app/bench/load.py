"""The load generator: a process that sends requests over and over, on open connections.

It knows just enough of HTTP/1.1 to find where an answer ends, so that its own work stays small
beside the server's; the share of a processor that it took is part of its result.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from typing import cast

import msgspec

from ordering_app.bench.child import Work, child_main
from ordering_app.bench.model import percentile

__all__ = ["LoadResult", "LoadTask", "Sent", "generate"]

_PATIENCE_S = 60.0
_SHOWN_CHARACTERS = 600


class Sent(msgspec.Struct, frozen=True):
    """One request: its target (path and query), and its body."""

    target: str
    body: str = ""


class LoadTask(msgspec.Struct, kw_only=True):
    """What to send, how, and for how many seconds after how many of warm-up.

    All connections together send the `requests` in turn, again and again.
    """

    host: str
    port: int
    method: str
    requests: Sequence[Sent]
    headers: Mapping[str, str] = {}
    connections: int
    warm_up_s: float
    seconds: float


class LoadResult(msgspec.Struct, kw_only=True):
    """What came back.

    `count` answers arrived within `seconds`, with the latencies told; `accepted` and `refused`
    count all 2xx and all other answers, warm-up included, and `body_bytes` the bodies of the
    former. `complaint` shows the first of the others. `processor_share` is this process's
    processor time per second.
    """

    count: int
    seconds: float
    p50_ms: float
    p99_ms: float
    accepted: int
    refused: int
    body_bytes: int
    complaint: str | None
    processor_share: float


class _Tally:
    """What all connections count together."""

    def __init__(self) -> None:
        self.latencies: list[float] = []
        self.measuring = False
        self.stopping = False
        self.accepted = 0
        self.refused = 0
        self.body_bytes = 0
        self.complaint: str | None = None

    def answer(self, head: bytes, body: bytes, latency: float) -> None:
        """Count an answer; `latency` in seconds."""
        if head[9:10] == b"2":
            self.accepted += 1
            self.body_bytes += len(body)
        else:
            self.refuse(head.split(b"\r\n", 1)[0] + b" " + body)
        if self.measuring:
            self.latencies.append(latency)

    def refuse(self, complaint: bytes) -> None:
        """Count an answer that is no success."""
        self.refused += 1
        if self.complaint is None:
            self.complaint = complaint.decode(errors="replace")[:_SHOWN_CHARACTERS]


class _Client(asyncio.Protocol):
    """One connection: the next request leaves when the answer is complete."""

    def __init__(self, requests: Iterator[bytes], tally: _Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._head: bytes | None = None
        self._whole = 0
        self._sent_at = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        if self._transport is None:
            return
        if self._tally.stopping:
            self._transport.close()
            self._end()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(next(self._requests))

    def data_received(self, data: bytes) -> None:
        # Long answers come in thousands of parts, so what is there already is not looked at again.
        self._received += data
        if self._head is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                return
            self._head = bytes(self._received[:end])
            self._whole = end + 4 + _content_length(self._head)
        if len(self._received) < self._whole:
            return
        latency = time.perf_counter() - self._sent_at
        self._tally.answer(self._head, bytes(self._received[len(self._head) + 4 :]), latency)
        self._head = None
        self._received.clear()
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self._tally.refuse(f"the server closed the connection: {exc}".encode())
            self._end()

    def _end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


def _content_length(head: bytes) -> int:
    """Read the length of an answer's body in bytes; answers without one are not for us."""
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    return int(head[at + 17 :].split(b"\r\n", 1)[0])


def _request(task: LoadTask, sent: Sent) -> bytes:
    body = sent.body.encode()
    headers = {"Host": f"{task.host}:{task.port}", **task.headers, "Content-Length": len(body)}
    lines = [f"{task.method} {sent.target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def generate(task: LoadTask) -> LoadResult:
    """Send the load and count the answers; returns when every request is answered."""
    loop = asyncio.get_running_loop()
    tally = _Tally()
    requests = cycle([_request(task, sent) for sent in task.requests])
    clients = [
        (await loop.create_connection(lambda: _Client(requests, tally), task.host, task.port))[1]
        for _ in range(task.connections)
    ]
    await asyncio.sleep(task.warm_up_s)
    tally.measuring = True
    started, worked = time.perf_counter(), time.process_time()
    await asyncio.wait([client.ended for client in clients], timeout=task.seconds)
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    tally.measuring = False
    tally.stopping = True
    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.gather(*(client.ended for client in clients))
    ordered = sorted(tally.latencies) or [0.0]
    return LoadResult(
        count=len(tally.latencies),
        seconds=seconds,
        p50_ms=percentile(ordered, 0.50) * 1000,
        p99_ms=percentile(ordered, 0.99) * 1000,
        accepted=tally.accepted,
        refused=tally.refused,
        body_bytes=tally.body_bytes,
        complaint=tally.complaint,
        processor_share=work / seconds,
    )


@asynccontextmanager
async def _prepare(task: LoadTask) -> AsyncGenerator[Work]:
    async def work() -> LoadResult:
        return await generate(task)

    yield work


if __name__ == "__main__":
    child_main(LoadTask, _prepare)
