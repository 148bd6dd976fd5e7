"""The ceilings do to the tables what they are said to do."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.orders.reader import Branch, find_order
from ordering_app.bench.answers import keep_answers, read_answers
from ordering_app.bench.ceilings import (
    accept_row,
    create_document,
    create_rows,
    patch_rows,
    read_rows,
)
from ordering_app.bench.ceilings.accept_row import QUEUE
from ordering_app.bench.ceilings.arq_jobs import ArqTask, Completed
from ordering_app.bench.ceilings.arq_jobs import prepare as prepare_arq
from ordering_app.bench.ceilings.bare import BareApp, Opener
from ordering_app.bench.ceilings.copy_rows import Copied, CopyTask
from ordering_app.bench.ceilings.copy_rows import prepare as prepare_copy
from ordering_app.bench.ceilings.recorded import Recorder
from ordering_app.bench.model import BenchError
from ordering_app.bench.same_work import ORDER_TABLES, empty_tables, footprint, require_rows
from ordering_app.bench.stock import (
    NEWS,
    changed,
    growth,
    keep_news,
    keep_stock,
    put_stock,
    stocked_ids,
)
from ordering_app.bench.template import drop_schema, keep_template, make_schema
from ordering_app.demo.place import ORDER_PATH, example_path
from ordering_app.embedded import EmbeddedServers
from support.counting import CountingDatabase
from support.placed import place

Message = MutableMapping[str, Any]
#: Method, target, and the parts of the body.
Asked = tuple[str, str, list[bytes]]


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


async def serve(url: str, opener: Opener, requests: list[Asked]) -> list[Message]:
    """Run the application through start, requests and stop."""
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
    for method, target, parts in requests:
        body: asyncio.Queue[Message] = asyncio.Queue()
        for number, part in enumerate(parts, 1):
            await body.put({"type": "http.request", "body": part, "more_body": number < len(parts)})
        path, _, query = target.partition("?")
        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
        await app(scope, body.get, send)
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
    requests: list[Asked] = [
        ("GET", "/", [b""]),
        ("POST", "/", [body]),
        ("POST", "/", [body[:100], body[100:]]),
    ]
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


@pytest.fixture
async def stock(demo_database: Database, keeper: CatalogKeeper) -> AsyncGenerator[Connection]:
    """A connection to tables that hold a stock of two of the published orders."""
    await place(demo_database, keeper, msgspec.json.decode(example_path("async").read_bytes()))
    async with demo_database.acquire() as opened:
        await make_schema(opened)
        await keep_stock(opened, 2)
        await put_stock(opened)
        yield opened
        await drop_schema(opened)


def answers(sent: list[Message]) -> list[tuple[int, bytes]]:
    """List status and body of what an application has sent between start and stop."""
    started, bodies = sent[1:-1:2], sent[2:-1:2]
    return [(head["status"], body["body"]) for head, body in zip(started, bodies, strict=True)]


async def test_what_a_reader_asks_is_asked_again(
    demo_database: Database, stock: Connection
) -> None:
    (first, second) = await stocked_ids(stock)
    noting = CountingDatabase(demo_database)
    async with noting.acquire() as connection:
        recorder: Any = Recorder(connection)
        order = await find_order(recorder, show_id(first), Branch.ALL)
        assert order is not None
        assert order.id == first != second
        once = list(noting.statements)
        assert once
        await recorder.ask_again(connection)
    assert noting.statements == once * 2


async def test_statements_outside_of_the_transaction_cannot_be_recorded(stock: Connection) -> None:
    recorder: Any = Recorder(stock)
    assert await recorder.fetchval("SELECT 1") == 1
    with pytest.raises(BenchError, match="not one transaction around all statements"):
        recorder.transaction()


async def test_reading_passes_the_kept_answers_through(stock: Connection, demo_url: str) -> None:
    kept = {
        f"{ORDER_PATH}?limit=20&offset=0": (206, b"[]"),
        **{f"{ORDER_PATH}/{show_id(each)}": (200, each.bytes) for each in await stocked_ids(stock)},
    }
    await keep_answers(stock, kept)
    assert await read_answers(stock) == kept
    sent = await serve(demo_url, read_rows.opened, [("GET", target, [b""]) for target in kept])
    assert answers(sent) == list(kept.values())
    assert await growth(stock) == {}


REVISION = msgspec.json.encode(
    {
        "productOrderItem": [
            {
                "id": "120",
                "quantity": 5,
                "product": {
                    "productCharacteristic": [{"name": "WAN Optimization", "value": "Base"}]
                },
            }
        ]
    }
)


async def keep_revision(connection: Connection) -> None:
    """Keep for the ceiling the rows that one revision added, and its answer."""
    await connection.execute(
        """INSERT INTO order_revision
               (order_id, version, operation, change_types, changes, changed_by, changed_at)
           SELECT id, 2, 'update', '["quantity"]', '{"by": "hand"}', 'somebody', now()
           FROM customer_order ORDER BY number LIMIT 1"""
    )
    await connection.execute(
        """INSERT INTO order_event (order_id, event_type, occurred_at)
           SELECT id, 'productOrderAttributeValueChangeEvent', now()
           FROM customer_order ORDER BY number LIMIT 1"""
    )
    await keep_news(connection)
    await keep_answers(connection, {"": (201, b"revised")})
    await put_stock(connection)


async def revise_twice(connection: Connection, url: str) -> UUID:
    """Let the ceiling revise the second order of the stock twice; returns its id."""
    await keep_revision(connection)
    (_, second) = await stocked_ids(connection)
    target = f"{ORDER_PATH}/{show_id(second)}"
    sent = await serve(url, patch_rows.opened, [("PATCH", target, [REVISION])] * 2)
    assert answers(sent) == [(201, b"revised")] * 2
    return second


async def test_revising_updates_one_line(stock: Connection, demo_url: str) -> None:
    revised = await revise_twice(stock, demo_url)
    assert await growth(stock) == {
        "customer_order.version": 2,
        "order_event": 2,
        "order_line_item.version": 2,
        "order_revision": 2,
    }
    lines = await stock.fetch(
        """SELECT l.order_id, l.item_id, l.quantity, l.version, c.value FROM order_line_item l
           JOIN order_characteristic_value c ON c.line_item_id = l.id
           WHERE l.version > 1 AND c.name = 'WAN Optimization'"""
    )
    assert [tuple(row) for row in lines] == [(revised, "120", 5, 3, '"Base"')]
    assert len((await changed(stock))["order_characteristic_value"]) == 1


async def test_revising_adds_audit_and_event(stock: Connection, demo_url: str) -> None:
    revised = await revise_twice(stock, demo_url)
    audit = await stock.fetch(
        """SELECT r.order_id, r.version, r.changes, e.event_type, o.version
           FROM order_revision r
           JOIN order_event e ON (e.order_id, e.occurred_at) = (r.order_id, r.changed_at)
           JOIN customer_order o ON o.id = r.order_id
           WHERE r.version > 1 ORDER BY r.version"""
    )
    assert [tuple(row) for row in audit] == [
        (revised, 2, '{"by": "hand"}', "productOrderAttributeValueChangeEvent", 3),
        (revised, 3, '{"by": "hand"}', "productOrderAttributeValueChangeEvent", 3),
    ]


async def test_a_revision_that_adds_other_rows_cannot_be_compared(
    stock: Connection, demo_url: str
) -> None:
    await keep_revision(stock)
    await stock.execute(f"INSERT INTO {NEWS}order_event SELECT * FROM {NEWS}order_event")
    with pytest.raises(BenchError, match="a revision adds 2 rows to order_event"):
        async with patch_rows.opened(demo_url):
            pass
