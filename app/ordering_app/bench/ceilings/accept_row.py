"""Ceiling of the asynchronous accept: decode, and one durable row of the queue per request."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering.domain.decode import decode_order
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool
from ordering_app.bench.template import read_template

__all__ = ["QUEUE", "opened"]

QUEUE = "inbound_request"

_CONNECTIONS = 10


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler: 202 when the request is committed."""
    async with open_pool(database_url, size=_CONNECTIONS) as pool:
        async with pool.acquire() as connection:
            template = await read_template(connection, [QUEUE])
        statement = template.statement

        async def accept(_target: str, body: bytes) -> Answer:
            decode_order(body)
            async with pool.acquire() as connection:
                await connection.execute(statement, *template.arrays())
            return 202, b"{}"

        yield accept
