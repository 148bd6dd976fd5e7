"""The API behind a real server in this process, and clients that subscribe there."""

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx
import msgspec
import uvicorn
from litestar import Litestar
from websockets.asyncio.client import ClientConnection, connect

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_app.asgi import make_app
from ordering_app.server import make_server
from ordering_graphql.subscriptions.hub import Hub
from ordering_graphql.subscriptions.socket import PROTOCOL
from support.api import PASSWORD, save_clients
from support.processes import until

__all__ = ["Served", "Socket", "events", "served", "talking"]

_PATIENCE_S = 20.0


class Served(msgspec.Struct, frozen=True):
    """A server that runs: its address, its application, its database."""

    url: str
    app: Litestar
    server: uvicorn.Server
    database: Database

    @property
    def hub(self) -> Hub:
        """The subscriptions of the server."""
        return self.app.state.hub

    async def call(
        self, method: str, path: str, body: object = None, role: Role = Role.ADMIN
    ) -> httpx.Response:
        """Call the REST faces."""
        async with httpx.AsyncClient(base_url=self.url, auth=(role.value, PASSWORD)) as http:
            return await http.request(method, path, json=body)

    async def watches(self) -> int:
        """Count the leases."""
        async with self.database.acquire() as connection:
            return await connection.fetchval("SELECT count(*) FROM order_watch")


@asynccontextmanager
async def served(
    database: Database, database_url: str, redis_url: str, **settings: Any
) -> AsyncGenerator[Served]:
    """Serve the application with one client per role, named like the role."""
    async with database.acquire() as connection:
        await connection.execute("DELETE FROM api_client")
    await save_clients(database)
    chosen = msgspec.structs.replace(Settings(), port=0, **settings)
    app = make_app(chosen, database_url, redis_url)
    server, listening = make_server(app, chosen)
    running = asyncio.create_task(server.serve(sockets=[listening]))

    async def ready() -> bool:
        return server.started or running.done()

    await until(ready)
    try:
        yield Served(f"http://127.0.0.1:{listening.getsockname()[1]}", app, server, database)
    finally:
        server.should_exit = True
        await running


class Socket:
    """A WebSocket that speaks `graphql-transport-ws`."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._ids = (str(number) for number in count(1))

    async def send(self, **message: Any) -> None:
        """Send a message."""
        await self.connection.send(msgspec.json.encode(message).decode())

    async def receive(self) -> Any:
        """Receive the next message."""
        async with asyncio.timeout(_PATIENCE_S):
            return msgspec.json.decode(await self.connection.recv())

    async def begin(self, role: Role | None = None) -> None:
        """Begin the conversation; with a role, say who it is as browsers must."""
        payload = {"Authorization": basic(role)} if role else None
        await self.send(type="connection_init", payload=payload)
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, query: str, **variables: Any) -> str:
        """Begin an operation; returns its id."""
        identity = next(self._ids)
        await self.send(
            id=identity, type="subscribe", payload={"query": query, "variables": variables}
        )
        return identity

    async def next(self, identity: str) -> Any:
        """Receive the next answer of an operation, which nothing else comes before."""
        message = await self.receive()
        assert (message["type"], message["id"]) == ("next", identity), message
        return message["payload"]["data"]

    async def closed(self) -> tuple[int | None, str | None]:
        """Wait for the end of the connection; returns its code and reason."""
        async with asyncio.timeout(_PATIENCE_S):
            await self.connection.wait_closed()
        return self.connection.close_code, self.connection.close_reason


def basic(role: Role, password: str = PASSWORD) -> str:
    """Write an `Authorization` header."""
    return "Basic " + base64.b64encode(f"{role.value}:{password}".encode()).decode()


@asynccontextmanager
async def talking(
    url: str,
    role: Role | None = Role.ORDER_VIEWER,
    *,
    headers: Mapping[str, str] | None = None,
    begin: bool = True,
    **options: Any,
) -> AsyncGenerator[Socket]:
    """Open a WebSocket, by default as a program does: with a header that says who it is."""
    sent = {**({"Authorization": basic(role)} if role else {}), **(headers or {})}
    address = url.replace("http:", "ws:") + "/graphql"
    options.setdefault("subprotocols", [PROTOCOL])
    async with connect(
        address, additional_headers=sent, compression=None, max_size=None, proxy=None, **options
    ) as connection:
        socket = Socket(connection)
        if begin:
            await socket.begin()
        yield socket


@asynccontextmanager
async def events(
    url: str, query: str, role: Role = Role.ORDER_VIEWER, **variables: Any
) -> AsyncGenerator[AsyncIterator[tuple[str, Any]]]:
    """Open a stream of events; yields their names and data, None for those without any."""
    body = {"query": query, "variables": variables}
    headers = {"Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(base_url=url, auth=(role.value, PASSWORD), timeout=_PATIENCE_S) as http,
        http.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield _parse(response)


async def _parse(response: httpx.Response) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data:"):
            data = line.removeprefix("data:").strip()
            yield name, msgspec.json.decode(data) if data else None
