"""The load generator counts what a server really answered."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from ordering_app.bench.child import ready_child
from ordering_app.bench.load import LoadResult, LoadTask, Sent, generate
from ordering_app.bench.model import BenchError

Answer = Callable[[int], bytes]

#: Bodies of four bytes, which the server below expects.
REQUESTS = [Sent("/orders/1", "{ö}"), Sent("/orders/2", "[ä]")]


@asynccontextmanager
async def server(answer: Answer, received: list[str] | None = None) -> AsyncGenerator[int]:
    """Serve HTTP/1.1 on a free port; `answer` gets the number of the request.

    Request lines and bodies are added to `received`.
    """
    served = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(4)
            except asyncio.IncompleteReadError:
                break
            served += 1
            if received is not None:
                received.append(f"{head.split(b' HTTP', 1)[0].decode()} {body.decode()}")
            if not (said := answer(served)):
                break
            # In two parts, as servers send long answers.
            writer.write(said[:20])
            await asyncio.sleep(0)
            writer.write(said[20:])
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await listening.wait_closed()


def task(port: int) -> LoadTask:
    return LoadTask(
        host="127.0.0.1",
        port=port,
        method="POST",
        requests=REQUESTS,
        headers={"Content-Type": "application/json"},
        connections=3,
        warm_up_s=0.02,
        seconds=0.1,
    )


def answered(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: 5\r\n\r\nhello".encode()


async def test_answers_are_counted() -> None:
    async with server(lambda _: answered("201 Created")) as port:
        result = await generate(task(port))
    assert result.refused == 0
    assert result.complaint is None
    assert 0 < result.count <= result.accepted
    assert result.body_bytes == len("hello") * result.accepted
    assert 0 < result.p50_ms <= result.p99_ms
    assert result.seconds == pytest.approx(0.1, abs=0.09)


async def test_all_connections_together_send_the_requests_in_turn() -> None:
    received: list[str] = []
    async with server(lambda _: answered("200 OK"), received) as port:
        await generate(task(port))
    first, second = received.count("POST /orders/1 {ö}"), received.count("POST /orders/2 [ä]")
    assert first + second == len(received) > 2
    assert first - second in (0, 1)


async def test_other_answers_than_2xx_are_told_apart() -> None:
    def every_second(number: int) -> bytes:
        return answered("201 Created" if number % 2 else "503 Service Unavailable")

    async with server(every_second) as port:
        result = await generate(task(port))
    assert result.accepted > 0
    assert result.refused > 0
    assert result.body_bytes == len("hello") * result.accepted
    assert result.complaint == "HTTP/1.1 503 Service Unavailable hello"


async def test_a_closed_connection_counts_as_refused() -> None:
    async with server(lambda number: answered("200 OK") if number < 3 else b"") as port:
        result = await generate(task(port))
    assert (result.accepted, result.refused) == (2, 3)
    assert "closed the connection" in (result.complaint or "")


async def test_the_generator_is_a_process_of_its_own() -> None:
    async with (
        server(lambda _: answered("200 OK")) as port,
        ready_child("load", task(port)) as child,
    ):
        result = await child.go(LoadResult)
    assert result.count > 0
    assert 0 < result.processor_share < 2


async def test_a_child_that_fails_tells_why() -> None:
    with pytest.raises(BenchError, match=r"(?s)load ended early: .*ValidationError"):
        async with ready_child("load", {"host": 5}):
            pass
