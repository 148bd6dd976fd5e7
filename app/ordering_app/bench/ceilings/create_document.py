"""Second ceiling of the synchronous create: the order as one document, in one row.

What a program would do that stores whatever it is sent: nothing is decoded, and nothing could be
found by anything but its id.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering.domain.ids import new_id
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool
from ordering_app.bench.template import SCHEMA

__all__ = ["DOCUMENTS", "opened"]

_CONNECTIONS = 32

DOCUMENTS = f"{SCHEMA}.document"
_STATEMENT = f"INSERT INTO {DOCUMENTS} (id, body) VALUES ($1, $2)"


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler: 201 when the document is committed."""
    async with open_pool(database_url, size=_CONNECTIONS) as pool:

        async def create(_target: str, body: bytes) -> Answer:
            async with pool.acquire() as connection:
                await connection.execute(_STATEMENT, new_id(), body.decode())
            return 201, b"{}"

        yield create
