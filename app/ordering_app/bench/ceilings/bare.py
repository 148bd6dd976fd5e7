"""A bare ASGI application: reads a request, hands it on, answers; nothing else."""

from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, cast

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it carries no types

from ordering_app.bench.child import spare_the_collector

__all__ = ["READY", "Answer", "BareApp", "Handler", "Opener", "Pool", "open_pool"]

#: Answered with 200 and nothing as soon as the application runs.
READY = "/"

Message = MutableMapping[str, Any]
#: A status and a JSON body.
Answer = tuple[int, bytes]
#: Does the work for one request: its target (path and query), and its body.
Handler = Callable[[str, bytes], Awaitable[Answer]]
#: asyncpg's pool; it carries no types.
Pool = Any
#: Opens what a handler needs, for a database's URL.
Opener = Callable[[str], AbstractAsyncContextManager[Handler]]


async def _no_reset(_connection: object) -> None:
    """Leave a returned connection as it is: nobody changed its settings."""


def open_pool(database_url: str, *, size: int) -> AbstractAsyncContextManager[Pool]:
    """Open a pool that does not spend a round trip on every connection that is handed back.

    `size` is how many connections it has; each ceiling takes what made it fastest.
    """
    driver = cast("Any", asyncpg)
    return driver.create_pool(database_url, min_size=size, max_size=size, reset=_no_reset)


class BareApp:
    """Answers with what the handler makes of each request, except to who asks if it is ready."""

    def __init__(self, database_url: str, opener: Opener) -> None:
        self._database_url = database_url
        self._opener = opener
        self._stack = AsyncExitStack()
        self._handler: Handler | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        message = await receive()
        body: bytes = message.get("body", b"")
        while message.get("more_body"):
            message = await receive()
            body += message.get("body", b"")
        query: bytes = scope["query_string"]
        target: str = f"{scope['path']}?{query.decode()}" if query else scope["path"]
        if (scope["method"], target) == ("GET", READY) or self._handler is None:
            status, answer = 200, b"{}"
        else:
            status, answer = await self._handler(target, body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _live(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        await receive()
        self._handler = await self._stack.enter_async_context(self._opener(self._database_url))
        spare_the_collector()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._stack.aclose()
        await send({"type": "lifespan.shutdown.complete"})
