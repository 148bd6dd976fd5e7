"""A server for subscriptions."""

from collections.abc import AsyncGenerator

import pytest

from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support.subscribing import Served, served


@pytest.fixture
async def site(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Served]:
    """The API behind a real server, over the demo catalog."""
    async with served(demo_database, demo_url, servers.redis_url) as started:
        yield started
