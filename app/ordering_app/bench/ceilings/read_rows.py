"""Ceiling of reading: the same statements, and bytes passed through.

It runs the statements that the service's reader runs for each target, and answers the bytes that
the service answered to it in this very run.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ordering.db.connection import Connection
from ordering.orders.reader import OrderFilter, find_shown, list_shown
from ordering_app.bench.answers import read_answers
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool
from ordering_app.bench.ceilings.recorded import Recorder
from ordering_app.demo.place import ORDER_PATH
from ordering_rest.parity.shape import ORDER
from ordering_rest.parity.view import View

__all__ = ["opened"]

_CONNECTIONS = 10


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler, for the targets whose answers are kept; their orders must be there."""
    async with open_pool(database_url, size=_CONNECTIONS) as pool:
        async with pool.acquire() as connection:
            answers = await read_answers(connection)
            readings = {target: await _record(connection, target) for target in answers}

        async def read(target: str, _body: bytes) -> Answer:
            async with pool.acquire() as connection:
                await readings[target].ask_again(connection)
            return answers[target]

        yield read


async def _record(connection: Connection, target: str) -> Recorder:
    """Read once what a target asks for, as the service does."""
    recorder: Any = Recorder(connection)
    asked = urlsplit(target)
    branches = View().branches
    if asked.path == ORDER_PATH:
        query = parse_qs(asked.query)
        limit, offset = int(query["limit"][0]), int(query["offset"][0])
        await list_shown(recorder, OrderFilter(), ORDER, branches, limit=limit, offset=offset)
    else:
        identity = asked.path.rpartition("/")[2]
        await find_shown(recorder, identity, ORDER, branches)
    return recorder
