"""`ordering up` and `ordering demo`: everything on this machine, from nothing.

Servers (embedded ones unless URLs are given), migrations, demo data, the API and a worker under a
supervisor. Each step finds what an earlier, perhaps killed, run left behind.
"""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

import httpx

from ordering.catalog.loading import load_file
from ordering.db.engine import Database
from ordering.db.migrate import migrate
from ordering.settings import Settings
from ordering_app.demo.clients import DemoClient, save_demo_clients
from ordering_app.demo.place import DEMO_OFFERING, ORDER_PATH, example_path, place_examples
from ordering_app.embedded import Embedded, EmbeddedServers
from ordering_app.supervisor import ChildSpec, Supervisor

__all__ = ["Installation", "StoppedError", "demo", "keep_alive", "up"]

Say = Callable[[str], None]

_LOOK_S = 0.5
_PORT_PATIENCE_S = 10.0


class Installation(NamedTuple):
    """The servers that are used, and whether this run brings them."""

    database_url: str
    redis_url: str
    embedded: bool


class _Demo(NamedTuple):
    """The demo clients, and whether nothing was ordered here yet."""

    clients: dict[str, DemoClient]
    untouched: bool


class _Running(NamedTuple):
    """What runs: where its API is, on which servers, with which demo data."""

    url: str
    installation: Installation
    demo: _Demo | None
    supervisor: Supervisor


class StoppedError(Exception):
    """A signal ended the command before its end; everything that it started is stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class _Stop:
    """Turns the first SIGINT or SIGTERM into a cancellation of the current task.

    Further ones, and all of them once `disarm` was called, are without effect: a second Ctrl-C
    must not cancel the clean-up that the first one began.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._task = asyncio.current_task()
        self._armed = True
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal, number)

    def disarm(self) -> None:
        """Let the clean-up go on, whatever comes."""
        self._armed = False

    def _on_signal(self, number: int) -> None:
        if self._armed and self._task is not None:
            self._armed = False
            self.number = number
            self._task.cancel()


@asynccontextmanager
async def _installation(settings: Settings, say: Say, stop: _Stop) -> AsyncGenerator[Installation]:
    if settings.database_url and settings.redis_url:
        yield Installation(settings.database_url, settings.redis_url, embedded=False)
        return
    settings.data_folder.mkdir(parents=True, exist_ok=True)
    embedded = Embedded(settings.data_folder)
    say(f"starting PostgreSQL and Valkey in {settings.data_folder}")
    servers = await _start(embedded)
    reviving = asyncio.create_task(keep_alive(embedded, say))
    try:
        yield Installation(servers.database_url, servers.redis_url, embedded=True)
    finally:
        stop.disarm()
        reviving.cancel()
        await asyncio.gather(reviving, return_exceptions=True)
        say("stopping PostgreSQL and Valkey")
        await asyncio.to_thread(embedded.stop)


async def _start(embedded: Embedded) -> EmbeddedServers:
    """Start the servers; a start that is cancelled meanwhile is waited for and undone."""
    starting = asyncio.create_task(asyncio.to_thread(embedded.start))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # A thread cannot be cancelled: it would start servers that nobody stops.
        await asyncio.wait({starting})
        await asyncio.to_thread(embedded.stop)
        raise


async def keep_alive(embedded: Embedded, say: Say, *, look_s: float = _LOOK_S) -> None:
    """Start an embedded server again that died by itself, and say so; goes on after failures."""
    told: list[str] = []
    while True:
        await asyncio.sleep(look_s)
        looking = asyncio.to_thread(embedded.revive)
        [found] = await asyncio.gather(looking, return_exceptions=True)
        if isinstance(found, BaseException):
            sentences = [f"the servers cannot be looked after, trying again: {found!r}"]
        else:
            sentences = found
        # What stays the same is said once, not with every look.
        for sentence in sentences if sentences != told else []:
            say(sentence)
        told = sentences


async def _wait_for_port(settings: Settings, say: Say) -> None:
    """Wait until the API's port is free: what a killed run left behind needs a moment to end.

    Raises `OSError` if another program keeps it.
    """
    deadline = time.monotonic() + _PORT_PATIENCE_S
    told = False
    while True:
        try:
            with socket.create_server((settings.host, settings.port)):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise OSError(
                    f"port {settings.port} of {settings.host} is used by another program; "
                    "choose another one with ORDERING_PORT"
                ) from error
        if not told:
            say(f"waiting until port {settings.port} is free")
            told = True
        await asyncio.sleep(_LOOK_S)


async def _prepare(
    settings: Settings, installation: Installation, say: Say, *, with_demo: bool
) -> _Demo | None:
    applied = await migrate(installation.database_url)
    if applied:
        say(f"applied {len(applied)} migration(s)")
    if not with_demo:
        return None
    database = Database(installation.database_url, pool_size=2)
    await database.open()
    try:
        clients = await save_demo_clients(database, settings.data_folder)
        async with database.acquire() as connection:
            absent = await connection.fetchval(
                "SELECT NOT EXISTS (SELECT FROM product_offering WHERE id = $1)", DEMO_OFFERING
            )
            untouched = await connection.fetchval(
                """SELECT NOT EXISTS (SELECT FROM customer_order)
                      AND NOT EXISTS (SELECT FROM inbound_request)"""
            )
        if absent:
            with as_file(files("ordering_app.demo").joinpath("catalog.yaml")) as path:
                await load_file(database, path)
            say("loaded the demo catalog")
        return _Demo(clients, untouched)
    finally:
        await database.close()


def _supervisor(settings: Settings, installation: Installation, url: str, say: Say) -> Supervisor:
    environment = {
        "ORDERING_DATABASE_URL": installation.database_url,
        "ORDERING_REDIS_URL": installation.redis_url,
        "ORDERING_HOST": settings.host,
        "ORDERING_PORT": str(settings.port),
        "ORDERING_DEVELOPMENT": "true",
    }

    async def ready() -> bool:
        async with httpx.AsyncClient(timeout=2.0) as http:
            try:
                return (await http.get(f"{url}/readyz")).status_code == 200
            except httpx.HTTPError:
                return False

    command = [sys.executable, "-m", "ordering_app"]
    return Supervisor(
        [
            ChildSpec("api", [*command, "api"], environment, ready),
            ChildSpec("worker", [*command, "worker"], environment),
        ],
        logs=settings.data_folder / "log",
        say=say,
    )


@asynccontextmanager
async def _running(settings: Settings, say: Say, *, want_demo: bool) -> AsyncGenerator[_Running]:
    """Run everything. Raises `StoppedError` when a signal ended it, after the clean-up."""
    url = f"http://{settings.host}:{settings.port}"
    stop = _Stop()
    try:
        async with _installation(settings, say, stop) as installation:
            with_demo = installation.embedded or want_demo
            demo_data = await _prepare(settings, installation, say, with_demo=with_demo)
            await _wait_for_port(settings, say)
            supervisor = _supervisor(settings, installation, url, say)
            try:
                await supervisor.start()
                yield _Running(url, installation, demo_data, supervisor)
            finally:
                stop.disarm()
                say("stopping the API and the worker")
                await supervisor.stop()
    except asyncio.CancelledError:
        if stop.number is None:
            raise
        say("stopped")
        raise StoppedError(stop.number) from None


async def up(settings: Settings, say: Say, *, want_demo: bool) -> None:
    """Run everything until SIGINT or SIGTERM, then stop it in order."""
    try:
        async with _running(settings, say, want_demo=want_demo) as running:
            demo_data = running.demo
            if demo_data is not None and demo_data.untouched:
                await place_examples(running.url, demo_data.clients["integrator"], say)
            for line in _welcome(running):
                say(line)
            await running.supervisor.run()
    except StoppedError:
        return  # as asked for: this command has no other end


async def demo(settings: Settings, say: Say, *, want_demo: bool) -> None:
    """Start, place the example orders, wait for the queued one, stop.

    Raises `DemoError`, and `StoppedError` when a signal ended it.
    """
    async with _running(settings, say, want_demo=want_demo) as running:
        if running.demo is None:
            say("no demo data: with servers of your own, give --demo to load it")
            return
        await place_examples(running.url, running.demo.clients["integrator"], say)
    say("done: one order was created at once, one through the inbound queue")


def _welcome(running: _Running) -> list[str]:
    url, installation, demo_data, _ = running
    lines = [
        "",
        f"REST       {url}{ORDER_PATH}",
        f"GraphQL    {url}/graphql",
        f"API docs   {url}/docs",
        f"Health     {url}/readyz",
        "",
    ]
    if demo_data is None:
        return [*lines, "Ctrl-C stops everything."]
    for client in demo_data.clients.values():
        roles = ", ".join(client.roles)
        lines.append(f"client     {client.username:<11} {client.password}   ({roles})")
    database = f"ORDERING_DATABASE_URL='{installation.database_url}'"
    command = Path(sys.executable).with_name("ordering")
    integrator = demo_data.clients["integrator"]
    curl = f"curl -u {integrator.username}:{integrator.password}"
    json_type = "-H 'Content-Type: application/json'"
    line_items = "lineItems { nodes { itemId } }"
    query = (
        f'{{"query": "{{ orders(first: 5) {{ totalCount nodes {{ id state {line_items} }} }} }}"}}'
    )
    return [
        *lines,
        "",
        f"{curl} {json_type} -d @'{example_path('sync')}' '{url}{ORDER_PATH}'",
        f"{curl} {json_type} -d @'{example_path('async')}' '{url}{ORDER_PATH}?mode=async'",
        f"{curl} {json_type} -d '{query}' '{url}/graphql'",
        # Other commands find an embedded database only so.
        *([f"{database} '{command}' queue stats"] if installation.embedded else ()),
        "",
        "Ctrl-C stops everything; the data stays.",
    ]
