"""The ceilings leave behind what they are said to leave behind."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any

import pytest

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering_app.bench.ceilings import accept_row, create_document, create_rows
from ordering_app.bench.ceilings.accept_row import QUEUE
from ordering_app.bench.ceilings.arq_jobs import ArqTask, Completed
from ordering_app.bench.ceilings.arq_jobs import prepare as prepare_arq
from ordering_app.bench.ceilings.bare import BareApp, Opener
from ordering_app.bench.ceilings.copy_rows import Copied, CopyTask
from ordering_app.bench.ceilings.copy_rows import prepare as prepare_copy
from ordering_app.bench.same_work import ORDER_TABLES, empty_tables, footprint, require_rows
from ordering_app.bench.template import drop_schema, keep_template, make_schema
from ordering_app.demo.place import example_path
from ordering_app.embedded import EmbeddedServers

Message = MutableMapping[str, Any]


@pytest.fixture
async def connection(demo_database: Database) -> AsyncGenerator[Connection]:
    """A connection to tables of which a template is kept: an order, an event, a request."""
    async with demo_database.acquire() as opened:
        await make_schema(opened)
        await opened.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES (gen_random_uuid(), 'new', 'somebody', now(), now())"""
        )
        await opened.execute(
            """INSERT INTO order_event (order_id, event_type, occurred_at)
               SELECT id, 'productOrderCreateEvent', now() FROM customer_order"""
        )
        await opened.execute(
            """INSERT INTO inbound_request (id, resource, state, initiated_by, payload,
                                            created_at, updated_at)
               VALUES (gen_random_uuid(), 'productOrder', 'new', 'somebody', '{}', now(), now())"""
        )
        await keep_template(opened, [*ORDER_TABLES, QUEUE])
        await empty_tables(opened)
        yield opened
        await drop_schema(opened)


async def serve(url: str, opener: Opener, requests: list[tuple[str, list[bytes]]]) -> list[Message]:
    """Run the application through start, requests (method and parts of the body) and stop."""
    app = BareApp(url, opener)
    sent: list[Message] = []
    life: asyncio.Queue[Message] = asyncio.Queue()
    started = asyncio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        started.set()

    await life.put({"type": "lifespan.startup"})
    running = asyncio.create_task(app({"type": "lifespan"}, life.get, send))
    await started.wait()
    for method, parts in requests:
        body: asyncio.Queue[Message] = asyncio.Queue()
        for number, part in enumerate(parts, 1):
            await body.put({"type": "http.request", "body": part, "more_body": number < len(parts)})
        await app({"type": "http", "method": method}, body.get, send)
    await life.put({"type": "lifespan.shutdown"})
    await running
    return sent


@pytest.mark.parametrize(
    ("opener", "status", "table"),
    [
        (create_rows.opened, 201, "order_event"),
        (create_document.opened, 201, create_document.DOCUMENTS),
        (accept_row.opened, 202, QUEUE),
    ],
)
async def test_ceilings_over_http(
    connection: Connection, demo_url: str, opener: Opener, status: int, table: str
) -> None:
    body = example_path("async").read_bytes()
    requests = [("GET", [b""]), ("POST", [body]), ("POST", [body[:100], body[100:]])]
    sent = await serve(demo_url, opener, requests)
    assert [message["status"] for message in sent if "status" in message] == [200, status, status]
    assert sent[-1] == {"type": "lifespan.shutdown.complete"}
    assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 2


async def test_copy_writes_every_order(connection: Connection, demo_url: str) -> None:
    async with prepare_copy(CopyTask(demo_url, 150)) as work:
        result = await work()
    assert isinstance(result, Copied)
    assert result.seconds > 0
    found = await footprint(connection)
    once = {table: work._replace(rows=1) for table, work in found.items()}
    require_rows("COPY", once, 150, found)
    assert sorted(found) == ["customer_order", "order_event"]


async def test_arq_completes_every_job(servers: EmbeddedServers) -> None:
    async with prepare_arq(ArqTask(servers.redis_url, 120)) as work:
        result = await work()
    assert isinstance(result, Completed)
    assert (result.jobs, result.failed) == (120, 0)
    assert result.seconds > 0
