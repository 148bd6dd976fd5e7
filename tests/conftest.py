"""Fixtures: real PostgreSQL and Valkey, started once, emptied for each test."""

import signal
from collections.abc import AsyncGenerator, Generator

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.db.meta import table_name
from ordering.db.tables import ALL_TABLES
from ordering_app.embedded import Embedded, EmbeddedServers
from support.api import Api, running_api
from support.installed import all_inventories, put_back
from support.servers import DYNAMIC_TABLES, empty, new_database, running_servers

# A shell lets what runs in the background ignore Ctrl-C, and so would the processes of the tests.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def embedded() -> Generator[Embedded]:
    """PostgreSQL and Valkey of this test session, for tests that restart them."""
    with running_servers() as started:
        yield started


@pytest.fixture(scope="session")
def servers(embedded: Embedded) -> EmbeddedServers:
    """Where PostgreSQL and Valkey of this test session are; restarts do not change it."""
    return embedded.servers


@pytest.fixture(scope="session")
async def empty_url(servers: EmbeddedServers) -> str:
    """A migrated database without any rows."""
    return await new_database(servers, "tests_empty", demo=False)


@pytest.fixture(scope="session")
async def demo_url(servers: EmbeddedServers) -> str:
    """A migrated database with the demo catalog."""
    return await new_database(servers, "tests_demo", demo=True)


@pytest.fixture
async def database(empty_url: str) -> AsyncGenerator[Database]:
    """An open database without any rows but the catalog revision, which is 0."""
    every = [table_name(table) for table in ALL_TABLES]
    async with empty(empty_url, every) as opened:
        async with opened.acquire() as connection:
            await connection.execute(
                "INSERT INTO catalog_revision (id, revision, changed_at) VALUES (1, 0, now())"
            )
        yield opened


@pytest.fixture(scope="session")
async def demo_inventories(demo_url: str) -> str:
    """The product inventories of the demo data, as they were loaded."""
    async with empty(demo_url, DYNAMIC_TABLES) as opened:
        return await all_inventories(opened)


@pytest.fixture
async def demo_database(demo_url: str, demo_inventories: str) -> AsyncGenerator[Database]:
    """An open database with the demo data and nothing else."""
    async with empty(demo_url, DYNAMIC_TABLES) as opened:
        await put_back(opened, demo_inventories)
        yield opened


@pytest.fixture
async def keeper(demo_database: Database) -> CatalogKeeper:
    """The demo catalog, read once and not watched."""
    kept = CatalogKeeper(demo_database, check_s=60)
    await kept.refresh()
    return kept


@pytest.fixture
def finder(demo_database: Database, keeper: CatalogKeeper) -> ReferenceFinder:
    """Finds what orders name in the demo data."""
    return ReferenceFinder(demo_database, keeper)


@pytest.fixture
async def api(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Api]:
    """The application over the demo catalog, with one client per role."""
    async with running_api(demo_database, demo_url, servers.redis_url) as started:
        yield started
