"""The server of the API: uvicorn (docs/decisions/0011), with what subscriptions need of it."""

import socket
import sys
from contextlib import suppress
from types import FrameType

import uvicorn
from litestar import Litestar
from uvicorn.config import STARTUP_FAILURE

from ordering.settings import Settings
from ordering_app.asgi import stop_bulks
from ordering_graphql.limits import MAX_BODY_BYTES
from ordering_graphql.subscriptions.hub import Hub

__all__ = ["SHUTDOWN_S", "make_server", "serve"]

#: Seconds for the requests under way when the API is told to end; less than the supervisor waits.
SHUTDOWN_S = 20


def serve(app: Litestar, settings: Settings) -> None:
    """Serve until SIGTERM, then finish the requests under way."""
    server, listening = make_server(app, settings)
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listening])
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def make_server(app: Litestar, settings: Settings) -> tuple[uvicorn.Server, socket.socket]:
    """Make the server, and the socket that it is to listen on."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        # Nothing here depends on where a request comes from: proxies need not be believed.
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=SHUTDOWN_S,
        ws_max_size=MAX_BODY_BYTES,
        # Compression would cost each idle connection tens of kilobytes.
        ws_per_message_deflate=False,
    )
    listening = config.bind_socket()
    _cut_off_slow_clients(listening, settings.slow_client_s)
    return _Server(config, app), listening


class _Server(uvicorn.Server):
    """A server that waits neither for whole bulks nor for subscriptions when it is told to end."""

    def __init__(self, config: uvicorn.Config, app: Litestar) -> None:
        super().__init__(config)
        self._app = app

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Let the bulks under way end early."""
        stop_bulks(self._app)
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End subscriptions, then everything else."""
        hub: Hub = self._app.state.hub
        await hub.end()
        await super().shutdown(sockets)


def _cut_off_slow_clients(listening: socket.socket, seconds: int) -> None:
    """Have connections closed whose client takes nothing of what it is sent for so long.

    The kernel does it, for every connection that is accepted here: what was sent to a client that
    does not read waits in its buffer, where neither uvicorn nor the application can drop it.
    """
    if sys.platform == "linux":
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
