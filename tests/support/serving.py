"""A real API process, ready for requests."""

import socket
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx

from support.processes import started, until

__all__ = ["serving"]


@asynccontextmanager
async def serving(
    database_url: str, redis_url: str
) -> AsyncGenerator[tuple[str, "subprocess.Popen[str]"]]:
    """Run `ordering api` and wait until it answers; yields where it listens, and the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with started("api", database_url=database_url, redis_url=redis_url, port=str(port)) as process:

        async def ready() -> bool:
            async with httpx.AsyncClient() as http:
                try:
                    return (await http.get(f"{url}/readyz")).status_code == 200
                except httpx.HTTPError:
                    return False

        await until(ready)
        yield url, process
