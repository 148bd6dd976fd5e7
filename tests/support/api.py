"""The application in this process, and clients that call it over HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import msgspec
from litestar import Litestar

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.services import Services
from ordering.settings import Settings
from ordering_app.asgi import make_app

__all__ = ["DEPRECATED", "ORDERS", "PASSWORD", "Api", "another_api", "running_api", "save_clients"]

ORDERS = "/api/sn_ind_tmt_orm/order/productOrder"
DEPRECATED = "/api/sn_ind_tmt_orm/productorder"
PASSWORD = "correct horse battery"


class Api(msgspec.Struct, frozen=True):
    """The application, its database, and a way to call it as any role."""

    app: Litestar
    http: httpx.AsyncClient
    database: Database

    @property
    def services(self) -> Services:
        """The use cases behind the faces."""
        return cast("Services", self.app.state.services)

    async def get(
        self, path: str, role: Role = Role.ORDER_INTEGRATOR, **query: Any
    ) -> httpx.Response:
        """GET as a client of this role."""
        return await self.http.get(path, auth=(role.value, PASSWORD), params=query or None)

    async def post(
        self,
        path: str,
        body: object,
        role: Role = Role.ORDER_INTEGRATOR,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """POST JSON, or bytes as they are, as a client of this role."""
        return await self._send("POST", path, body, role, headers)

    async def patch(
        self,
        path: str,
        body: object,
        role: Role = Role.ORDER_INTEGRATOR,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """PATCH with JSON, or with bytes as they are, as a client of this role."""
        return await self._send("PATCH", path, body, role, headers)

    async def _send(
        self,
        method: str,
        path: str,
        body: object,
        role: Role,
        headers: Mapping[str, str] | None,
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.http.request(
            method,
            path,
            auth=(role.value, PASSWORD),
            content=content,
            headers={"Content-Type": "application/json", **(headers or {})},
        )

    async def allowed(self, path: str) -> set[str]:
        """Ask with OPTIONS, as nobody in particular, which methods a path has."""
        response = await self.http.options(path)
        assert response.status_code == 204, response.text
        return set(response.headers["allow"].split(", "))

    async def graphql(self, query: str, role: Role = Role.ORDER_VIEWER, **variables: Any) -> Any:
        """Ask a GraphQL query and return the whole answer."""
        response = await self.post("/graphql", {"query": query, "variables": variables}, role)
        assert response.status_code == 200, response.text
        return response.json()

    async def count(self, table: str) -> int:
        """Count the rows of a table."""
        async with self.database.acquire() as connection:
            return await connection.fetchval(f"SELECT count(*) FROM {table}")


@asynccontextmanager
async def running_api(
    database: Database, database_url: str, redis_url: str, **settings: Any
) -> AsyncGenerator[Api]:
    """Run the application with one client per role, named like the role."""
    await save_clients(database)
    async with another_api(database, database_url, redis_url, **settings) as started:
        yield started


@asynccontextmanager
async def another_api(
    database: Database, database_url: str, redis_url: str, **settings: Any
) -> AsyncGenerator[Api]:
    """Run the application once more, beside one that is running, for the same clients."""
    chosen = msgspec.structs.replace(Settings(development=True), **settings)
    app = make_app(chosen, database_url, redis_url)
    transport = httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False)
    async with (
        _living(app),
        httpx.AsyncClient(transport=transport, base_url="http://ordering") as http,
    ):
        yield Api(app, http, database)


@asynccontextmanager
async def _living(app: Litestar) -> AsyncGenerator[None]:
    """Start and stop the application in one task, as a server does.

    Fixtures are set up and torn down in different tasks, which cancel scopes do not survive.
    """
    started, stop = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            started.set()
            await stop.wait()

    life = asyncio.create_task(live())
    start = asyncio.create_task(started.wait())
    await asyncio.wait({life, start}, return_when=asyncio.FIRST_COMPLETED)
    start.cancel()
    try:
        yield
    finally:
        stop.set()
        await life


async def save_clients(database: Database) -> None:
    """Save one client per role, named like the role."""
    for role in Role:
        await _save(database, role)


async def _save(database: Database, role: Role) -> None:
    """Save a client; its hash is made once, since hashing is slow on purpose."""
    if role not in _SAVED:
        await save_client(database, role.value, PASSWORD, [role])
        async with database.acquire() as connection:
            _SAVED[role] = await connection.fetchval(
                "SELECT password_hash FROM api_client WHERE username = $1", role.value
            )
        return
    async with database.acquire() as connection:
        await connection.execute(
            """INSERT INTO api_client (id, username, password_hash, roles, created_at)
               VALUES (gen_random_uuid(), $1, $2, $3, now())""",
            role.value,
            _SAVED[role],
            msgspec.json.encode([role]).decode(),
        )


_SAVED: dict[Role, str] = {}
