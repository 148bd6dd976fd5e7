"""The server of the API ends in bounded time, and tells those whom it no longer waits for."""

import asyncio

import httpx
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_app.asgi import make_app
from ordering_app.embedded import EmbeddedServers
from ordering_app.server import make_server
from support import payloads
from support.api import ORDERS, PASSWORD
from support.locks import waiters
from support.processes import until
from support.serving import free_port


async def test_a_request_that_outlives_the_shutdown_may_be_sent_again(
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ordering_app.server.SHUTDOWN_S", 1)
    await save_client(demo_database, "cpq", PASSWORD, [Role.ORDER_INTEGRATOR])
    settings = Settings(port=free_port())
    server, listening = make_server(make_app(settings, demo_url, servers.redis_url), settings)
    serving = asyncio.create_task(server.serve(sockets=[listening]))

    async def started() -> bool:
        await asyncio.sleep(0)
        return server.started

    await until(started)
    url = f"http://127.0.0.1:{settings.port}"
    async with (
        httpx.AsyncClient(base_url=url, auth=("cpq", PASSWORD), timeout=30) as http,
        demo_database.transaction() as holder,
    ):
        await holder.execute("LOCK TABLE customer_order")
        asking = asyncio.create_task(http.post(ORDERS, json=payloads.order()))
        async with demo_database.acquire() as watcher:
            await waiters(watcher, 1)
        server.should_exit = True
        answer = await asking
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    await serving
