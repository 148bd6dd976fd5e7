"""Ceiling of the synchronous create: the same rows, one statement and one commit per order.

It decodes the body into the drafts that the service decodes it into, and then writes the rows
that the service wrote for this order, prepared beforehand, under fresh ids.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering.domain.decode import decode_order
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool
from ordering_app.bench.same_work import ORDER_TABLES
from ordering_app.bench.template import read_template

__all__ = ["opened"]

_CONNECTIONS = 10


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler: 201 when the order's rows are committed."""
    async with open_pool(database_url, size=_CONNECTIONS) as pool:
        async with pool.acquire() as connection:
            template = await read_template(connection, ORDER_TABLES)
        statement = template.statement

        async def create(_target: str, body: bytes) -> Answer:
            decode_order(body)
            # A statement by itself is a transaction, without round trips for BEGIN and COMMIT.
            async with pool.acquire() as connection:
                await connection.fetch(statement, *template.arrays())
            return 201, b"{}"

        yield create
