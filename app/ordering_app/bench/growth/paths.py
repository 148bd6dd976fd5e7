"""What is measured at each size: requests under load, and the draining of what was accepted."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec

from ordering.domain.ids import show_id
from ordering.settings import Settings
from ordering_app.bench.growth.memory import forget_peaks, read_peaks
from ordering_app.bench.growth.model import Point
from ordering_app.bench.load import Sent
from ordering_app.bench.over_http import Target, ask, client, put_load
from ordering_app.bench.paths.common import create_target, queue_target
from ordering_app.bench.paths.drain import counted, fill, wait_until_empty
from ordering_app.bench.paths.patch_line import revisions
from ordering_app.bench.place import Bench, Say, working
from ordering_app.bench.same_work import empty_tables, make_checkpoint
from ordering_app.demo.generate import generate
from ordering_app.demo.place import ORDER_PATH
from ordering_app.demo.sized import sized_order

__all__ = ["measure_lines", "measure_stored", "remove_orders"]

_MANY = 32
_SAMPLE = 200
_PAGE = 20
_PAGES = 10

#: Lines of a stored order: those of the published example.
_STORED_LINES = 4

#: A latency needs some answers.
_LEAST_ANSWERS = 3
_PATIENCE = 3.0

#: How many lines are drained at each length, about, in no fewer and no more orders than these.
_DRAINED_LINES = 12_000
_DRAINED_ORDERS = (4, 2_000)


async def remove_orders(bench: Bench) -> None:
    """Remove all orders, and the product inventories that have come of them."""
    await bench.connection.execute(
        """DELETE FROM product_inventory i USING order_line_item l
           WHERE i.id = l.resulting_inventory_id"""
    )
    await empty_tables(bench.connection)


async def measure_stored(
    bench: Bench, stored: int, seconds: float, say: Say
) -> AsyncGenerator[Point]:
    """Measure every path where so many orders are stored; reading first, so that they stay so many.

    What writing adds meanwhile stays until the next size.
    """
    await remove_orders(bench)
    url = bench.servers.database_url
    await generate(Settings(), url, orders=stored, lines=_STORED_LINES, say=say, anywhere=True)
    await make_checkpoint(bench.connection)
    create = create_target(bench)
    for target in [*await _reading(bench, create), create, queue_target(bench)]:
        point = Point(kind="stored", path=target.title, size=stored, per_s=0)
        yield await _load(bench, target, point, seconds)
    point = Point(kind="stored", path="drain, 1 worker", size=stored, per_s=0)
    yield await _drain(bench, point, seconds)


async def measure_lines(bench: Bench, lines: int, seconds: float) -> AsyncGenerator[Point]:
    """Measure what grows with an order's length, for one order at a time."""
    await remove_orders(bench)
    body = sized_order(lines).decode()
    create = msgspec.structs.replace(create_target(bench), body=body)
    async with client() as http:
        path = f"{ORDER_PATH}/{(await ask(http, create, create.requests[0])).json()['id']}"
    read = msgspec.structs.replace(create, title="GET one order", method="GET", body="", path=path)
    for target in (create, read):
        point = Point(kind="lines", path=target.title, size=lines, per_s=0)
        yield await _load(bench, target, point, seconds, connections=1)
    least, most = _DRAINED_ORDERS
    queued = msgspec.structs.replace(queue_target(bench), body=body)
    await fill(bench, queued, min(most, max(least, _DRAINED_LINES // lines)))
    point = Point(kind="lines", path="drain, 1 worker", size=lines, per_s=0)
    yield await _drain(bench, point, seconds)


async def _reading(bench: Bench, target: Target) -> Sequence[Target]:
    """Return what is done to stored orders: read by id, by external id, in pages; revised."""
    stored: int = await bench.connection.fetchval("SELECT count(*) FROM customer_order")
    rows: list[Any] = await bench.connection.fetch(
        "SELECT id, external_id FROM customer_order WHERE state = 'in_progress' "
        "ORDER BY id LIMIT $1",
        _SAMPLE,
    )
    paths = [f"{ORDER_PATH}/{show_id(row['id'])}" for row in rows]
    named = [f"{ORDER_PATH}?externalId={row['external_id']}" for row in rows]
    offsets = range(0, min(_PAGES * _PAGE, stored), _PAGE)
    pages = [f"{ORDER_PATH}?limit={_PAGE}&offset={offset}" for offset in offsets]
    read = msgspec.structs.replace(target, method="GET", body="")
    return [
        *(
            msgspec.structs.replace(read, title=title, turns=[Sent(each) for each in turns])
            for title, turns in (
                ("GET one order", paths),
                ("GET by external id", named),
                (f"GET list of {_PAGE}", pages),
            )
        ),
        msgspec.structs.replace(
            target, title="PATCH one line", method="PATCH", turns=revisions(paths)
        ),
    ]


async def _load(
    bench: Bench, target: Target, point: Point, seconds: float, *, connections: int = _MANY
) -> Point:
    """Put the load on the API, until some answers came, and tell what it did and needed."""
    api = {"api": bench.api_process}
    forget_peaks(api)
    result = await put_load(target, connections=connections, seconds=seconds)
    while result.count < _LEAST_ANSWERS and not result.refused:
        seconds *= _PATIENCE
        result = await put_load(target, connections=connections, seconds=seconds)
    per_s = result.count / result.seconds
    return msgspec.structs.replace(
        point,
        per_s=per_s,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        ms_per_line=_ms_per_line(point, per_s),
        peak_mib=read_peaks(api),
        refused=result.refused,
        complaint=result.complaint,
    )


async def _drain(bench: Bench, point: Point, seconds: float) -> Point:
    """Drain what is queued by one worker."""
    async with working(bench.servers, 1) as processes:
        await wait_until_empty(bench, seconds)
        row = await counted(bench)
        peaks = read_peaks({"worker": processes[0]})
    per_s = row["count"] / row["seconds"]
    return msgspec.structs.replace(
        point,
        per_s=per_s,
        ms_per_line=_ms_per_line(point, per_s),
        peak_mib=peaks,
        refused=row["failed"],
        complaint=row["complaint"],
    )


def _ms_per_line(point: Point, per_s: float) -> float | None:
    return 1000 / per_s / point.size if point.kind == "lines" and per_s else None
