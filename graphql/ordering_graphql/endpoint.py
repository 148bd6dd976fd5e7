"""`/graphql` over HTTP: one document in, one answer out, or a stream of answers.

What a browser sends to other sites without being asked, it cannot send here: POST takes nothing but
`application/json`, and GET nothing but queries.
"""

import logging
from typing import Any

import litestar
import msgspec
from litestar.datastructures.headers import Accept
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ASGIApp

from ordering.domain import messages
from ordering.domain.errors import TooLargeError
from ordering_graphql import limits
from ordering_graphql.answers import Answer, answer_errors, show_defect, show_ordering_error
from ordering_graphql.asked import Asked, read_body, read_url
from ordering_graphql.engine import ASKERS, Engine, Question
from ordering_graphql.page import make_assets, show_page, wants_page
from ordering_graphql.subscriptions.stream import make_stream, wants_stream
from ordering_graphql.trusted import MISSING
from ordering_http.access import requires
from ordering_http.operations import Operation, get, post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response

__all__ = ["make_endpoints"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
_GRAPHQL_JSON = "application/graphql-response+json"
_PATH = "/graphql"

AnyRequest = litestar.Request[Any, Any, Any]


def make_endpoints(engine: Engine, *, page: bool = False) -> list[Operation]:
    """Make the operations; with `page` browsers get the query page."""
    askers = requires(*ASKERS)

    async def answer(request: Request, asked: Asked) -> ASGIApp:
        if wants_stream(request):
            return make_stream(request.app.state.hub, request, asked.question)
        return await _answer(engine, request, asked.question)

    @get(_PATH, askers, error_handlers={Exception: _on_defect})
    async def graphql_get(request: Request) -> ASGIApp:
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
        askers,
        max_body_bytes=limits.MAX_BODY_BYTES,
        error_handlers={Exception: _on_defect},
    )
    async def graphql_post(request: Request) -> ASGIApp:
        """Answer a question whose members are in the body."""
        if request.media_type != _JSON:
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


async def _answer(engine: Engine, request: Request, question: Question) -> Response:
    if question.query is None and question.document_id is None:
        return _refuse(request, 400, MISSING)
    database, permissions = services_of(request).database, client_of(request).permissions
    return _respond(request, await engine.answer(question, database, permissions))


def _on_defect(request: AnyRequest, error: Exception) -> Response:
    """Hide what went wrong, and log it."""
    _log.error("unexpected error in a query", exc_info=error)
    return _respond(request, answer_errors([show_defect()]))


def _refuse(request: Request, status: int, message: str) -> Response:
    error = {"message": message, "extensions": {"code": "InvalidRequest"}}
    return _respond(request, answer_errors([error], status=status))


def _respond(request: Request | AnyRequest, answer: Answer) -> Response:
    """Answer in the media type that is preferred; whoever takes neither is answered plain JSON."""
    chosen = _choose(request.headers.get("accept", ""))
    return Response(
        answer.body,
        status_code=answer.strict if chosen == _GRAPHQL_JSON else answer.status,
        media_type=chosen,
        headers=answer.headers,
    )


def _choose(accept: str) -> str:
    # Nothing but its name chooses the second: ranges like `*/*` fit the first as well.
    if _GRAPHQL_JSON.partition("/")[2] not in accept.lower():
        return _JSON
    try:
        return Accept(accept).best_match([_JSON, _GRAPHQL_JSON], default=_JSON)
    except OverflowError:  # a quality that is infinite
        return _JSON
