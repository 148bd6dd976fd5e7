"""A real API process, ready for requests."""

import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from support.processes import started, until

__all__ = ["free_port", "serving"]


def free_port() -> int:
    """Find a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


@asynccontextmanager
async def serving(
    database_url: str, redis_url: str, port: int | None = None, **settings: str
) -> AsyncGenerator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `ordering api` and wait until it answers; yields where it listens, and the process."""
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    where = {"database_url": database_url, "redis_url": redis_url, "port": str(port)}
    with started("api", **where, **settings) as process:

        async def ready() -> bool:
            async with httpx.AsyncClient() as http:
                try:
                    return (await http.get(f"{url}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

        await until(ready)
        yield url, process
