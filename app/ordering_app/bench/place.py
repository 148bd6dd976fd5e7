"""Where the benchmark runs: servers, tables, catalog, a client, the API."""

import asyncio
import base64
import secrets
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.catalog.loading import load_file
from ordering.db.connection import Connection, connect
from ordering.db.engine import Database
from ordering.db.migrate import migrate
from ordering.settings import Settings
from ordering_app.bench.model import BenchError
from ordering_app.bench.same_work import WRITTEN_TABLES, empty_tables
from ordering_app.bench.template import drop_schema, make_schema
from ordering_app.demo.place import example_path
from ordering_app.embedded import Embedded
from ordering_app.embedded.ports import LOOPBACK, free_ports
from ordering_app.supervisor import ChildSpec, Supervisor

__all__ = [
    "USERNAME",
    "Bench",
    "Say",
    "Served",
    "Servers",
    "open_bench",
    "open_servers",
    "serving",
    "serving_api",
    "working",
]

USERNAME = "ordering-bench"

#: Tells a person how far a run has come.
Say = Callable[[str], None]


class Servers(msgspec.Struct, frozen=True):
    """PostgreSQL and Valkey (or Redis), and a folder for logs."""

    database_url: str
    redis_url: str
    folder: Path


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """What every path gets. `connection` is the benchmark's own; `payload` the order, as JSON.

    `api` is the port of the API under test, `api_process` its process.
    """

    servers: Servers
    connection: Any
    payload: str
    headers: Mapping[str, str]
    api: int
    api_process: int


class Served(NamedTuple):
    """A server that runs: its port, and the id of its process."""

    port: int
    process: int


@asynccontextmanager
async def open_servers(settings: Settings, *, writes_allowed: bool) -> AsyncGenerator[Servers]:
    """Start servers of our own, or use those of the settings if that is allowed.

    Raises `BenchError` when it is not.
    """
    given = [settings.database_url, settings.redis_url]
    if any(given) and not writes_allowed:
        raise BenchError(
            "ORDERING_DATABASE_URL or ORDERING_REDIS_URL is set: the benchmark writes many orders "
            "into that installation and removes them again. Unset both to use servers of its own, "
            "or repeat the command with --i-know-this-writes."
        )
    if any(given) and not all(given):
        raise BenchError("set both ORDERING_DATABASE_URL and ORDERING_REDIS_URL, or neither")
    with tempfile.TemporaryDirectory(prefix="ordering-bench-") as name:
        folder = Path(name)
        if settings.database_url and settings.redis_url:
            yield Servers(settings.database_url, settings.redis_url, folder)
            return
        # The servers' own account must be able to pass.
        await asyncio.to_thread(folder.chmod, 0o755)
        embedded = Embedded(folder / "servers")
        started = await asyncio.to_thread(embedded.start)
        try:
            yield Servers(started.database_url, started.redis_url, folder)
        finally:
            await asyncio.to_thread(embedded.stop)


@asynccontextmanager
async def open_bench(servers: Servers) -> AsyncGenerator[Bench]:
    """Prepare the database and start the API; on leaving, remove what was written but the catalog.

    Raises `BenchError` if the database holds orders already.
    """
    await migrate(servers.database_url)
    connection = await connect(servers.database_url)
    try:
        await _require_empty(connection)
        password = secrets.token_urlsafe(18)
        await _load_reference_data(servers, password)
        await make_schema(connection)
        authorization = base64.b64encode(f"{USERNAME}:{password}".encode()).decode()
        try:
            async with serving_api(servers) as api:
                yield Bench(
                    servers=servers,
                    connection=connection,
                    payload=example_path("async").read_text(encoding="utf-8"),
                    headers={
                        "Content-Type": "application/json",
                        "Authorization": f"Basic {authorization}",
                    },
                    api=api.port,
                    api_process=api.process,
                )
        finally:
            await empty_tables(connection)
            await drop_schema(connection)
            await connection.execute("DELETE FROM api_client WHERE username = $1", USERNAME)
    finally:
        await connection.close()


async def _require_empty(connection: Connection) -> None:
    for table in WRITTEN_TABLES:
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):
            raise BenchError(
                f"the table {table} is not empty: the benchmark empties the tables that it fills, "
                "so it needs a database without orders"
            )


async def _load_reference_data(servers: Servers, password: str) -> None:
    database = Database(servers.database_url, pool_size=1)
    await database.open()
    try:
        with as_file(files("ordering_app.demo").joinpath("catalog.yaml")) as path:
            await load_file(database, path)
        await save_client(database, USERNAME, password, [Role.ORDER_INTEGRATOR])
    finally:
        await database.close()


@asynccontextmanager
async def serving_api(servers: Servers, name: str = "api") -> AsyncGenerator[Served]:
    """Run an API process until leaving."""
    command = [sys.executable, "-m", "ordering_app", "api"]
    async with serving(name, command, servers, path="/readyz") as served:
        yield served


@asynccontextmanager
async def serving(
    name: str, command: Sequence[str], servers: Servers, *, path: str
) -> AsyncGenerator[Served]:
    """Run an HTTP server until leaving; yields where when `path` answers 200."""
    port = next(iter(free_ports(0)))

    async def ready() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            try:
                answer = await http.get(f"http://{LOOPBACK}:{port}{path}")
            except httpx.HTTPError:
                return False
            return answer.is_success

    environment = {"ORDERING_HOST": LOOPBACK, "ORDERING_PORT": str(port)}
    spec = ChildSpec(name, command, {**_environment(servers), **environment}, ready)
    async with _children([spec], servers) as processes:
        yield Served(port, processes[name])


@asynccontextmanager
async def working(servers: Servers, workers: int) -> AsyncGenerator[Sequence[int]]:
    """Run so many workers until leaving; yields their processes, which may still be starting."""
    command = [sys.executable, "-m", "ordering_app", "worker"]
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    specs = [ChildSpec(name, command, _environment(servers)) for name in names]
    async with _children(specs, servers) as processes:
        yield list(processes.values())


@asynccontextmanager
async def _children(
    specs: Sequence[ChildSpec], servers: Servers
) -> AsyncGenerator[Mapping[str, int]]:
    # It starts and stops them; nothing is restarted, since a path that crashes has failed.
    supervisor = Supervisor(specs, logs=servers.folder / "log", say=lambda _: None)
    try:
        await supervisor.start()
        yield supervisor.processes
    finally:
        await supervisor.stop()


def _environment(servers: Servers) -> Mapping[str, str]:
    return {
        "ORDERING_DATABASE_URL": servers.database_url,
        "ORDERING_REDIS_URL": servers.redis_url,
        "ORDERING_LOG_LEVEL": "WARNING",
    }
