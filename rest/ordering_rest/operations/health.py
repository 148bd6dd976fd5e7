"""Whether the service lives, and whether orders can be placed."""

import asyncio

import msgspec

from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering_http.access import anybody
from ordering_http.operations import get
from ordering_http.request import Request, services_of
from ordering_http.response import Response

__all__ = ["livez", "readyz"]

_PATIENCE_S = 1.5


@get("/livez", anybody)
async def livez(_request: Request) -> Response:
    """Answer 200 while the process answers at all."""
    return Response(b'{"status":"alive"}')


@get("/readyz", anybody)
async def readyz(request: Request) -> Response:
    """Answer 200 when orders can be placed: the database answers and the catalog is read.

    Redis is not asked: without it accepting goes on, and only draining waits.
    """
    services = services_of(request)
    looking = asyncio.create_task(_look(services.database))
    try:
        # Not `asyncio.timeout`: giving a connection back to a silent server takes its time, which
        # whoever asks here does not have.
        done, _ = await asyncio.wait({looking}, timeout=_PATIENCE_S)
    finally:
        looking.cancel()
    error = looking.result() if done else TimeoutError()
    if error is not None:
        unready = {"status": "unready", "reason": type(error).__name__}
        return Response(msgspec.json.encode(unready), status_code=503)
    ready = {"status": "ready", "catalogRevision": str(services.keeper.catalog.revision)}
    return Response(msgspec.json.encode(ready))


async def _look(database: Database) -> Exception | None:
    """Ask the database; returns why it does not answer, since nobody may await this any more."""
    try:
        async with database.acquire() as connection:
            await connection.fetchval("SELECT 1 FROM catalog_revision")
    except DATABASE_AWAY as error:
        return error
    return None
