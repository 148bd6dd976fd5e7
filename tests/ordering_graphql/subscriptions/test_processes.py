"""Subscriptions at real processes: several of them, thousands of subscribers, outages, the end."""

import asyncio
import signal
import socket as sockets
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import Embedded
from support import payloads
from support.api import ORDERS, PASSWORD, save_clients
from support.processes import until
from support.serving import serving
from support.subscribing import Socket, events, talking

ORDER = "subscription ($id: ID!) { orderChanged(id: $id) { state } }"
MANY = 2_000


@pytest.fixture(autouse=True)
async def clients(demo_database: Database) -> None:
    await save_clients(demo_database)


async def place(url: str, **members: Any) -> str:
    auth = (Role.ADMIN.value, PASSWORD)
    async with httpx.AsyncClient(base_url=url, auth=auth, timeout=30) as http:
        return (await http.post(ORDERS, json=payloads.order(**members))).json()["id"]


async def approve(url: str, identity: str) -> None:
    auth = (Role.ADMIN.value, PASSWORD)
    path = f"/api/ordering/v1/productOrder/{identity}/transition"
    async with httpx.AsyncClient(base_url=url, auth=auth, timeout=30) as http:
        assert (await http.post(path, json={"action": "approve"})).status_code == 200


async def leases(database: Database, count: int) -> None:
    """Wait until there are so many."""

    async def there() -> bool:
        async with database.acquire() as connection:
            return await connection.fetchval("SELECT count(*) FROM order_watch") == count

    await until(there)


async def test_a_process_is_told_of_what_another_does_and_says_goodbye(
    demo_database: Database, demo_url: str, embedded: Embedded
) -> None:
    redis_url = embedded.servers.redis_url
    async with (
        serving(demo_url, redis_url) as (url, process),
        serving(demo_url, redis_url) as (elsewhere, _),
    ):
        identity = await place(elsewhere)
        async with talking(url) as socket, events(url, ORDER, id=identity) as stream:
            order = await socket.subscribe(ORDER, id=identity)
            assert await socket.next(order) == {"orderChanged": {"state": "new"}}
            assert (await anext(stream))[1]["data"] == {"orderChanged": {"state": "new"}}
            await leases(demo_database, 1)
            await approve(elsewhere, identity)
            assert await socket.next(order) == {"orderChanged": {"state": "acknowledged"}}
            assert (await anext(stream))[1]["data"] == {"orderChanged": {"state": "acknowledged"}}
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert [event async for event in stream] == []
            assert await socket.closed() == (1001, "The server goes away")
        assert await asyncio.to_thread(process.wait, 10) == -signal.SIGTERM
        assert time.monotonic() - begun < 5
        await leases(demo_database, 0)


async def test_an_outage_of_the_database_is_made_up_for(
    demo_database: Database, demo_url: str, embedded: Embedded
) -> None:
    redis_url = embedded.servers.redis_url
    async with serving(demo_url, redis_url, graphql_sweep_s="1") as (url, _):
        identity = await place(url)
        async with talking(url) as socket:
            order = await socket.subscribe(ORDER, id=identity)
            assert await socket.next(order) == {"orderChanged": {"state": "new"}}
            await leases(demo_database, 1)
            await asyncio.to_thread(embedded.restart_postgres)

            async def back() -> bool:
                async with httpx.AsyncClient() as http:
                    return (await http.get(f"{url}/readyz")).status_code == 200

            await until(back)
            await approve(url, identity)
            assert await socket.next(order) == {"orderChanged": {"state": "acknowledged"}}


async def test_a_client_that_does_not_read_is_cut_off(
    demo_database: Database, demo_url: str, embedded: Embedded
) -> None:
    everything = """subscription ($id: ID!) { orderChanged(id: $id) {
        lineItems(first: 2000) { nodes { id itemId state action order { id externalId state } } }
    } }"""
    lines = [payloads.item(str(number)) for number in range(1_000)]
    async with serving(demo_url, embedded.servers.redis_url, slow_client_s="1") as (url, _):
        identity = await place(url, items=lines)
        stuck = sockets.socket()
        stuck.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        stuck.settimeout(0)
        async with talking(url, sock=stuck) as slow, talking(url) as quick:
            first = await slow.subscribe(everything, id=identity)
            answer = await slow.next(first)
            assert len(answer["orderChanged"]["lineItems"]["nodes"]) == len(lines)
            slow.connection.transport.pause_reading()
            for _ in range(40):
                await slow.subscribe(everything, id=identity)
            order = await quick.subscribe(ORDER, id=identity)
            assert await quick.next(order) == {"orderChanged": {"state": "new"}}
            await quick.send(id=order, type="complete")
            # The lease goes with the last subscriber.
            await leases(demo_database, 0)
            slow.connection.transport.abort()


def memory(process: int) -> int:
    """Read the resident memory of a process, in bytes."""
    (line,) = [
        line
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    ]
    return int(line.split()[1]) * 1024


async def test_thousands_wait_and_one_is_told(
    demo_database: Database, demo_url: str, embedded: Embedded
) -> None:
    async with (
        serving(demo_url, embedded.servers.redis_url) as (url, process),
        AsyncExitStack() as stack,
    ):
        orders = [await place(url) for _ in range(20)]
        told: list[tuple[int, Any]] = []

        async def follow(number: int) -> Socket:
            socket = await stack.enter_async_context(talking(url, ping_interval=None))
            order = await socket.subscribe(ORDER, id=orders[number % len(orders)])
            assert await socket.next(order) == {"orderChanged": {"state": "new"}}
            return socket

        await follow(0)
        before = memory(process.pid)
        followers = [await follow(number) for number in range(MANY)]
        each = (memory(process.pid) - before) / MANY
        assert each < 60_000, each
        await leases(demo_database, len(orders))

        async def listen(number: int, follower: Socket) -> None:
            told.append((number, await follower.receive()))

        listening = [
            asyncio.create_task(listen(number, follower))
            for number, follower in enumerate(followers)
        ]
        await approve(url, orders[7])

        async def all_told() -> bool:
            return len(told) == MANY // len(orders)

        await until(all_told)
        # What is sent to all others now, would come after what was wrongly sent before.
        for follower in followers:
            await follower.send(type="ping")
        await asyncio.gather(*listening)
        changed = [number for number, message in told if message["type"] == "next"]
        assert sorted(changed) == list(range(7, MANY, len(orders)))
