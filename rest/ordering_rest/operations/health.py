"""Whether the service lives, and whether orders can be placed."""

from typing import Any

from litestar import Request, Response, get

from ordering.db.failures import DATABASE_AWAY
from ordering_rest.access import services_of

__all__ = ["livez", "readyz"]


@get("/livez")
async def livez() -> dict[str, str]:
    """Answer 200 while the process answers at all."""
    return {"status": "alive"}


@get("/readyz")
async def readyz(request: Request[Any, Any, Any]) -> Response[dict[str, str]]:
    """Answer 200 when orders can be placed: the database answers and the catalog is read.

    Redis is not asked: without it accepting goes on, and only draining waits.
    """
    services = services_of(request)
    try:
        async with services.database.acquire() as connection:
            await connection.fetchval("SELECT 1 FROM catalog_revision")
    except DATABASE_AWAY as error:
        return Response({"status": "unready", "reason": type(error).__name__}, status_code=503)
    return Response({"status": "ready", "catalogRevision": str(services.keeper.catalog.revision)})
