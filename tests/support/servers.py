"""One PostgreSQL and one Valkey per test session, started by the code that users run."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ordering.catalog.loading import load_file
from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.meta import table_name
from ordering.db.migrate import migrate
from ordering.db.tables import ALL_TABLES
from ordering_app.embedded import Embedded, EmbeddedServers

__all__ = ["DYNAMIC_TABLES", "blank_database", "empty", "named", "new_database", "running_servers"]

_OTHER_MODULES = ("ordering.db.tables.reference", "ordering.db.tables.tally")

#: The tables that ordering fills; the others hold reference data, or are filled by triggers.
DYNAMIC_TABLES = [
    table_name(table) for table in ALL_TABLES if table.__module__ not in _OTHER_MODULES
]


@contextmanager
def running_servers() -> Generator[Embedded]:
    """Start the embedded servers in a folder that goes away with them."""
    with tempfile.TemporaryDirectory(prefix="ordering-tests-") as folder:
        # The servers run as somebody else when we are root.
        Path(folder).chmod(0o755)
        embedded = Embedded(Path(folder))
        with embedded:
            yield embedded


def named(url: str, database: str) -> str:
    """Change the database that a URL names."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


async def blank_database(servers: EmbeddedServers, name: str) -> str:
    """Create a database without any tables; returns its URL."""
    admin = await connect(servers.database_url)
    try:
        await admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        await admin.execute(f'CREATE DATABASE "{name}"')
    finally:
        await admin.close()
    return named(servers.database_url, name)


async def new_database(servers: EmbeddedServers, name: str, *, demo: bool) -> str:
    """Create a migrated database, with the demo catalog if asked for; returns its URL."""
    url = await blank_database(servers, name)
    await migrate(url)
    if demo:
        database = Database(url, pool_size=1)
        await database.open()
        try:
            with as_file(files("ordering_app.demo").joinpath("catalog.yaml")) as path:
                await load_file(database, path)
        finally:
            await database.close()
    return url


@asynccontextmanager
async def empty(url: str, tables: list[str]) -> AsyncGenerator[Database]:
    """Open a database whose tables are empty, and check that nothing holds on to it afterwards."""
    database = Database(url, pool_size=5)
    await database.open()
    try:
        async with database.acquire() as connection:
            await connection.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        yield database
    finally:
        async with asyncio.timeout(10):
            await database.close()
