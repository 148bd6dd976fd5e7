"""`POST /graphql`: one document in, one answer out."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from litestar import Request, Response, post
from litestar.connection import ASGIConnection
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from ordering.access.clients import Client
from ordering.access.roles import MAY, Permission
from ordering.domain.errors import TooLargeError
from ordering.services import Services
from ordering_graphql import limits
from ordering_graphql.answers import Answer, answer_errors, show_defect, show_ordering_error
from ordering_graphql.engine import Engine, Question

__all__ = ["make_endpoint"]

_log = logging.getLogger(__name__)
_JSON = "application/json"

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]
AnyRequest = Request[Any, Any, Any]


class _Body(msgspec.Struct, rename="camel"):
    """The body of a request, as GraphQL over HTTP has it."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def make_endpoint(engine: Engine, guard: Guard) -> HTTPRouteHandler:
    """Make the route; `guard` decides who may ask."""

    @post(
        "/graphql",
        guards=[guard],
        status_code=200,
        request_max_body_size=limits.MAX_BODY_BYTES,
        exception_handlers={Exception: _on_defect},
    )
    async def graphql(request: AnyRequest) -> Response[bytes]:
        """Answer a question."""
        try:
            body = msgspec.json.decode(await request.body(), type=_Body)
        except RequestEntityTooLarge:
            error = TooLargeError(limits.MAX_BODY_BYTES)
            return _respond(answer_errors([show_ordering_error(error)], status=413))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _refuse(f"The body is no GraphQL request: {error}")
        question = Question(body.query, body.variables or {}, body.operation_name)
        services = cast("Services", request.app.state.services)
        answer = await engine.answer(question, services.database, permissions_of(request))
        return _respond(answer)

    return graphql


def permissions_of(request: ASGIConnection[Any, Any, Any, Any]) -> frozenset[Permission]:
    """List what the client may do whom the guard let pass."""
    client = cast("Client", request.scope["user"])
    return frozenset(
        permission for permission, roles in MAY.items() if not roles.isdisjoint(client.roles)
    )


def _on_defect(_request: AnyRequest, error: Exception) -> Response[bytes]:
    """Hide what went wrong, and log it."""
    _log.error("unexpected error in a query", exc_info=error)
    return _respond(answer_errors([show_defect()]))


def _refuse(message: str) -> Response[bytes]:
    error = {"message": message, "extensions": {"code": "InvalidRequest"}}
    return _respond(answer_errors([error], status=400))


def _respond(answer: Answer) -> Response[bytes]:
    return Response(
        answer.body,
        status_code=answer.status,
        media_type=_JSON,
        headers=dict(answer.headers),
    )
