"""Both sides must answer the same, and leave behind what they are said to leave behind."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering_app.bench.load import Sent
from ordering_app.bench.model import BenchError
from ordering_app.bench.over_http import Target
from ordering_app.bench.paths.stored import CONNECTIONS, load_stored, require_same_answers
from ordering_app.bench.place import Bench, Servers
from ordering_app.bench.stock import keep_stock, put_stock
from ordering_app.bench.template import drop_schema, make_schema

SECONDS = 0.1


@pytest.fixture
async def stock(demo_database: Database) -> AsyncGenerator[Connection]:
    """A connection to tables that hold a stock of one order."""
    async with demo_database.acquire() as opened:
        await make_schema(opened)
        await opened.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES (gen_random_uuid(), 'new', 'somebody', now(), now())"""
        )
        await keep_stock(opened, 1)
        await put_stock(opened)
        yield opened
        await drop_schema(opened)


@asynccontextmanager
async def answering(status: str, body: str) -> AsyncGenerator[Target]:
    """Serve the same answer to every GET; yields where, and two targets there."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body.encode())
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Target(
            title="the ceiling",
            port=listening.sockets[0].getsockname()[1],
            path="/",
            headers={},
            body="",
            method="GET",
            turns=[Sent("/1"), Sent("/2")],
        )
    finally:
        listening.close()


async def test_the_same_answers_pass() -> None:
    async with answering("200 OK", "[1]") as target:
        await require_same_answers(target, {"/1": (200, b"[1]"), "/2": (200, b"[1]")})


@pytest.mark.parametrize(("status", "body"), [("200 OK", "[3]"), ("206 Partial Content", "[2]")])
async def test_other_answers_fail(status: str, body: str) -> None:
    async with answering(status, body) as target:
        code = int(status.split(maxsplit=1)[0])
        expected = {"/1": (code, body.encode()), "/2": (200, b"[2]")}
        with pytest.raises(BenchError, match="the ceiling: 1 other answers, first: /2"):
            await require_same_answers(target, expected)


def bench(connection: Connection) -> Bench:
    """Return as much of a benchmark as a measurement needs."""
    servers = Servers("unused", "unused", Path("unused"))
    return Bench(
        servers=servers, connection=connection, payload="", headers={}, api=0, api_process=0
    )


async def test_a_reading_is_measured(stock: Connection) -> None:
    async with answering("200 OK", "[1]") as target:
        sample = await load_stored(bench(stock), target, {}, body_bytes=3)(SECONDS)
    assert (sample.refused, sample.complaint) == (0, None)
    assert sample.count >= CONNECTIONS


async def test_answers_of_another_size_fail(stock: Connection) -> None:
    async with answering("200 OK", "[1]") as target:
        with pytest.raises(BenchError, match="should have had bodies of 4 bytes each"):
            await load_stored(bench(stock), target, {}, body_bytes=4)(SECONDS)


async def test_answers_without_effect_fail(stock: Connection) -> None:
    async with answering("200 OK", "[1]") as target:
        with pytest.raises(BenchError, match=re.escape("but added {}")):
            await load_stored(bench(stock), target, {"order_event": 1})(SECONDS)
