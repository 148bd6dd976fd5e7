"""The ASGI application: every face on one Litestar app.

`make_app` is called by `ordering api`, by the tests and by the benchmark; all wiring is here.
"""

import asyncio
import errno
import logging
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Receive, Scope, Send

from ordering.collector import spare_collector
from ordering.db.failures import RETRYABLE, is_misuse
from ordering.db.gather import GatherClosedError
from ordering.domain import messages
from ordering.domain.errors import OrderingError, Problem, RetryableError
from ordering.domain.ids import new_id, show_id
from ordering.services import Services, open_services
from ordering.settings import Settings
from ordering.telemetry import correlation_id
from ordering_graphql.endpoint import make_endpoints
from ordering_graphql.engine import Engine, make_engine
from ordering_graphql.subscriptions.hub import Hub
from ordering_graphql.subscriptions.socket import make_socket
from ordering_http.operations import Operation, make_routes
from ordering_http.response import Response
from ordering_jobs.doorbell import Doorbell
from ordering_rest import contract
from ordering_rest.operations import bulks, health, inbound, problem, transitions
from ordering_rest.parity import cancellations, deprecated
from ordering_rest.parity import errors as parity_errors
from ordering_rest.parity import orders as parity_orders
from ordering_rest.parity.view import BASE_PATH

__all__ = ["make_app", "stop_bulks"]

_log = logging.getLogger(__name__)

#: What a request may meet that is nobody's fault, and over in a moment. Of OSError only what is
#: about the network: a missing file is a defect.
UNAVAILABLE: tuple[type[Exception], ...] = (
    *(kind for kind in RETRYABLE if kind is not OSError),
    ConnectionError,
    TimeoutError,
    socket.gaierror,
    GatherClosedError,
)

#: How else the way to the database is lost, without a type of its own. No number: several
#: addresses were tried in vain, and asyncio reports them together.
_WAY_LOST = {None, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.ENETUNREACH, errno.ENETDOWN}

AnyRequest = Request[Any, Any, Any]


def make_app(settings: Settings, database_url: str, redis_url: str) -> Litestar:
    """Build the application; it opens its connections when the server starts it.

    `app.state.hub.end()` ends the subscriptions, which a server that ends does not do by itself.
    """
    engine = make_engine(settings)

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None]:
        doorbell = Doorbell(redis_url)
        doorbell.open()
        try:
            async with open_services(settings, database_url, doorbell.ring) as services:
                app.state.services = services
                app.state.hub = hub = Hub(engine, services)
                spare_collector()
                try:
                    yield
                finally:
                    await hub.end()
        finally:
            await doorbell.close()

    return Litestar(
        route_handlers=[
            *make_routes(_operations(engine, page=settings.development)),
            make_socket(lambda socket: socket.app.state.hub),
        ],
        lifespan=[lifespan],
        exception_handlers=_exception_handlers(),
        middleware=[_correlate, _answer_when_cut_off],
        before_send=[deprecated.mark_deprecated],
        openapi_config=None,
        logging_config=None,
    )


def stop_bulks(app: Litestar) -> None:
    """Let the bulks under way end early, as the process is to end; may be called by a signal."""
    services: Services | None = app.state.get("services")
    if services is not None:
        services.accept_bulk.stop()


def _operations(engine: Engine, *, page: bool) -> list[Operation]:
    """List the operations of every face."""
    return [
        parity_orders.create_order,
        parity_orders.get_order,
        parity_orders.get_orders,
        parity_orders.revise_order,
        deprecated.create_deprecated_order,
        deprecated.get_deprecated_order,
        deprecated.get_deprecated_orders,
        deprecated.revise_deprecated_order,
        cancellations.cancel_order,
        transitions.move_order,
        inbound.get_requests,
        inbound.get_request,
        inbound.create_order_now,
        inbound.redrive_requests,
        inbound.cancel_requests,
        inbound.get_queue,
        inbound.pause_queue,
        inbound.resume_queue,
        bulks.get_bulk,
        bulks.get_bulk_results,
        *make_endpoints(engine, page=page),
        health.livez,
        health.readyz,
        contract.contract,
        contract.documentation,
        contract.documentation_asset,
    ]


def _exception_handlers() -> dict[int | type[Exception], Any]:
    """List how errors are shown, whoever raises them."""
    return {
        OrderingError: _on_ordering_error,
        HTTPException: _on_http_error,
        **dict.fromkeys(UNAVAILABLE, _on_unavailable),
        OSError: _on_os_error,
        Exception: _on_defect,
    }


def _correlate(app: ASGIApp) -> ASGIApp:
    """Give a request an id, under which its lines are found in the log."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        correlation_id.set(show_id(new_id()))
        await app(scope, receive, send)

    return answer


def _answer_when_cut_off(app: ASGIApp) -> ASGIApp:
    """Answer a request that a server which ends no longer waits for: it may be sent again."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except asyncio.CancelledError:
            raise RetryableError([Problem.of(messages.UNAVAILABLE)]) from None

    return answer


def _on_ordering_error(request: AnyRequest, error: OrderingError) -> Response:
    return _face(request).on_ordering_error(request, error)


def _on_unavailable(request: AnyRequest, error: Exception) -> Response:
    if is_misuse(error):
        return _on_defect(request, error)
    _log.warning("a request met a database that is away: %r", error)
    return _on_ordering_error(request, RetryableError([Problem.of(messages.UNAVAILABLE)]))


def _on_os_error(request: AnyRequest, error: OSError) -> Response:
    show = _on_unavailable if error.errno in _WAY_LOST else _on_defect
    return show(request, error)


def _on_http_error(request: AnyRequest, error: HTTPException) -> Response:
    if error.headers and "allow" in error.headers:
        # Litestar counts a WebSocket at the path among the methods.
        methods = error.headers["allow"].split(", ")
        error.headers["allow"] = ", ".join(each for each in methods if each != "websocket")
    return _face(request).on_http_error(request, error)


def _on_defect(request: AnyRequest, error: Exception) -> Response:
    return _face(request).on_defect(request, error)


def _face(request: AnyRequest) -> Any:
    """Which face shows an error: by path, since an unknown path has no handler to ask."""
    return parity_errors if request.scope["path"].startswith(BASE_PATH + "/") else problem
