"""A real API and clients that hang up, flood and dawdle: it stays, and nothing is written."""

import asyncio
import base64
import socket
import subprocess
from collections.abc import AsyncGenerator
from typing import NamedTuple

import httpx
import msgspec
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, PASSWORD
from support.processes import started, until

AUTHORIZATION = "Basic " + base64.b64encode(f"cpq:{PASSWORD}".encode()).decode()


class Server(NamedTuple):
    """A running API: where it listens, and its process."""

    port: int
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def head(self, length: int) -> bytes:
        """Write the head of a POST that announces a body of this length."""
        return (
            f"POST {ORDERS} HTTP/1.1\r\nHost: ordering\r\nAuthorization: {AUTHORIZATION}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()


@pytest.fixture
async def server(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Server]:
    await save_client(demo_database, "cpq", PASSWORD, [Role.ORDER_INTEGRATOR])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with started(
        "api", database_url=demo_url, redis_url=servers.redis_url, port=str(port)
    ) as process:
        running = Server(port, process)

        async def ready() -> bool:
            async with httpx.AsyncClient() as http:
                try:
                    return (await http.get(f"{running.url}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

        await until(ready)
        yield running


async def orders(database: Database) -> int:
    async with database.acquire() as connection:
        return await connection.fetchval("SELECT count(*) FROM customer_order")


async def still_takes_orders(server: Server, database: Database, expected: int) -> None:
    async with httpx.AsyncClient() as http:
        response = await http.post(
            f"{server.url}{ORDERS}",
            content=payloads.to_json(payloads.order()),
            headers={"Authorization": AUTHORIZATION, "Content-Type": "application/json"},
        )
    assert response.status_code == 201
    assert server.process.poll() is None
    assert await orders(database) == expected


async def test_clients_that_hang_up_in_the_middle_of_a_body(
    server: Server, demo_database: Database
) -> None:
    body = payloads.to_json(payloads.order())
    for end in (0, 1, len(body) // 2, len(body) - 1) * 5:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(server.head(len(body)) + body[:end])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    await still_takes_orders(server, demo_database, 1)


async def test_clients_that_hang_up_before_the_answer(
    server: Server, demo_database: Database
) -> None:
    body = payloads.to_json(payloads.order())
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(server.head(len(body)) + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def settled() -> bool:
        before = await orders(demo_database)
        await asyncio.sleep(0.3)
        return before == await orders(demo_database)

    await until(settled)
    # Whether an order was read before its client left is a race; a whole one is what it is.
    taken = await orders(demo_database)
    async with demo_database.acquire() as connection:
        assert await connection.fetchval("SELECT count(*) FROM order_line_item") == taken
    await still_takes_orders(server, demo_database, taken + 1)


@pytest.mark.parametrize("chunked", [False, True])
async def test_fifty_megabytes_are_refused(
    server: Server, demo_database: Database, *, chunked: bool
) -> None:
    flood = b"x" * 50_000_000

    async def pieces() -> AsyncGenerator[bytes]:
        for start in range(0, len(flood), 1_000_000):
            yield flood[start : start + 1_000_000]

    async with httpx.AsyncClient(timeout=30) as http:
        try:
            response = await http.post(
                f"{server.url}{ORDERS}",
                content=pieces() if chunked else flood,
                headers={"Authorization": AUTHORIZATION, "Content-Type": "application/json"},
            )
        except httpx.TransportError:
            # Refused while the client was still sending: it may never get to read the answer.
            response = None
    if response is not None:
        assert response.status_code == 413
        details = msgspec.json.decode(response.content)["details"]
        assert [detail["message"] for detail in details] == [
            "Request body is larger than 16777216 bytes"
        ]
    await still_takes_orders(server, demo_database, 1)
