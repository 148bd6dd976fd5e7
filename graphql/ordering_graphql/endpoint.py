"""`/graphql` over HTTP: one document in, one answer out, or a stream of answers.

What a browser sends to other sites without being asked, it cannot send here: POST takes nothing but
`application/json`, and GET nothing but queries.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
from litestar import Request, Response, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from ordering.access.clients import Client
from ordering.access.roles import Permission
from ordering.domain import messages
from ordering.domain.errors import TooLargeError
from ordering.services import Services
from ordering_graphql import limits
from ordering_graphql.answers import Answer, answer_errors, show_defect, show_ordering_error
from ordering_graphql.asked import Asked, read_body, read_url
from ordering_graphql.engine import Engine, Question
from ordering_graphql.page import make_assets, show_page, wants_page
from ordering_graphql.subscriptions.stream import make_stream, wants_stream
from ordering_graphql.trusted import MISSING

__all__ = ["make_endpoints", "permissions_of"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"
_PATH = "/graphql"

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]
AnyRequest = Request[Any, Any, Any]


def make_endpoints(engine: Engine, guard: Guard, *, page: bool = False) -> list[HTTPRouteHandler]:
    """Make the routes; `guard` decides who may ask. With `page` browsers get the query page."""

    async def answer(request: AnyRequest, asked: Asked) -> Response[Any]:
        if wants_stream(request):
            return make_stream(request.app.state.hub, request, asked.question)
        return await _answer(engine, request, asked.question)

    @get(_PATH, guards=[guard], exception_handlers={Exception: _on_defect})
    async def graphql_get(request: AnyRequest) -> Response[Any]:
        """Answer a question whose members are in the URL."""
        if page and wants_page(request):
            return show_page()
        try:
            asked = read_url(request.query_params)
        except (msgspec.DecodeError, RecursionError) as error:
            return _refuse(request, 400, f"The URL is no GraphQL request: {error}")
        return await answer(request, asked)

    @post(
        _PATH,
        guards=[guard],
        status_code=200,
        request_max_body_size=limits.MAX_BODY_BYTES,
        exception_handlers={Exception: _on_defect},
    )
    async def graphql_post(request: AnyRequest) -> Response[Any]:
        """Answer a question whose members are in the body."""
        if request.content_type[0] != _JSON:
            return _refuse(request, 415, messages.CONTENT_TYPE_INVALID.text)
        try:
            body = await request.body()
            asked = read_body(body)
        except RequestEntityTooLarge:
            error = TooLargeError(limits.MAX_BODY_BYTES)
            return _respond(request, answer_errors([show_ordering_error(error)], status=413))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _refuse(request, 400, f"The body is no GraphQL request: {error}")
        return await answer(request, asked)

    return [graphql_get, graphql_post, *(make_assets() if page else ())]


def permissions_of(connection: ASGIConnection[Any, Any, Any, Any]) -> frozenset[Permission]:
    """List what the client may do whom the guard let pass."""
    return cast("Client", connection.scope["user"]).permissions


async def _answer(engine: Engine, request: AnyRequest, question: Question) -> Response[bytes]:
    if question.query is None and question.document_id is None:
        return _refuse(request, 400, MISSING)
    services = cast("Services", request.app.state.services)
    return _respond(
        request, await engine.answer(question, services.database, permissions_of(request))
    )


def _on_defect(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Hide what went wrong, and log it."""
    _log.error("unexpected error in a query", exc_info=error)
    return _respond(request, answer_errors([show_defect()]))


def _refuse(request: AnyRequest, status: int, message: str) -> Response[bytes]:
    error = {"message": message, "extensions": {"code": "InvalidRequest"}}
    return _respond(request, answer_errors([error], status=status))


def _respond(request: AnyRequest, answer: Answer) -> Response[bytes]:
    """Answer in the media type that is preferred; whoever takes neither is answered plain JSON."""
    try:
        chosen = request.accept.best_match([_JSON, _GRAPHQL_JSON], default=_JSON)
    except OverflowError:  # a quality that is infinite
        chosen = _JSON
    return Response(
        answer.body,
        status_code=answer.strict if chosen == _GRAPHQL_JSON else answer.status,
        media_type=chosen,
        headers=dict(answer.headers),
    )
