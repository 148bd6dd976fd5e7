"""`POST /graphql`: one document in, one answer out."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import strawberry
from graphql import GraphQLError
from litestar import Request, Response, post
from litestar.connection import ASGIConnection
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.types import ExecutionResult

from ordering.db.failures import RETRYABLE
from ordering.domain import messages
from ordering.domain.errors import OrderingError, Problem, RetryableError, TooLargeError
from ordering.services import Services
from ordering_graphql import limits
from ordering_graphql.context import Context

__all__ = ["make_endpoint"]

_log = logging.getLogger(__name__)
_JSON = "application/json"
#: The same request may succeed later.
_AWAY: tuple[type[Exception], ...] = (*RETRYABLE, RetryableError)

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


class _Document(msgspec.Struct, rename="camel"):
    """The body of a request, as GraphQL over HTTP has it."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def make_endpoint(schema: strawberry.Schema, guard: Guard) -> HTTPRouteHandler:
    """Make the route; `guard` decides who may ask."""

    @post("/graphql", guards=[guard], status_code=200, request_max_body_size=limits.MAX_BODY_BYTES)
    async def graphql(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Execute a query."""
        try:
            document = msgspec.json.decode(await request.body(), type=_Document)
        except RequestEntityTooLarge:
            error = TooLargeError(limits.MAX_BODY_BYTES)
            return _answer(413, {"errors": [{"message": str(error), **_code_of(error)}]})
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _refuse(f"The body is no GraphQL request: {error}")
        services = cast("Services", request.app.state.services)
        try:
            result = await schema.execute(
                document.query,
                variable_values=document.variables,
                operation_name=document.operation_name,
                context_value=Context(services, document.operation_name),
            )
        except MissingQueryError:
            return _refuse("The query is empty")
        except CannotGetOperationTypeError as error:
            return _refuse(error.as_http_error_reason())
        return _answer_result(result)

    return graphql


def _refuse(message: str) -> Response[bytes]:
    return _answer(400, {"errors": [{"message": message}]})


def _answer_result(result: ExecutionResult) -> Response[bytes]:
    errors = result.errors or []
    body: dict[str, Any] = {"data": result.data}
    if errors:
        body["errors"] = [_show(error) for error in errors]
    if any(isinstance(error.original_error, _AWAY) for error in errors):
        return _answer(503, body, {"Retry-After": "1"})
    return _answer(200, body)


def _show(error: GraphQLError) -> dict[str, Any]:
    """Show errors of the document and of ours; hide and log everything else."""
    shown = dict(error.formatted)
    original = error.original_error
    if isinstance(original, OrderingError):
        shown.update(_code_of(original))
    elif isinstance(original, RETRYABLE):
        _log.warning("a query met a database that is away: %r", original)
        away = RetryableError([Problem.of(messages.UNAVAILABLE)])
        shown.update({"message": str(away), **_code_of(away)})
    elif _is_defect(error):
        _log.error("unexpected error in a query", exc_info=original)
        shown["message"] = "Internal error"
    return shown


def _is_defect(error: GraphQLError) -> bool:
    """Tell what our code raised from what graphql-core has to say about the request.

    The latter may have an original too, of its own kind, but is not about a place in the answer.
    """
    original = error.original_error
    told = error.path is None and isinstance(original, GraphQLError)
    return original is not None and not told


def _code_of(error: OrderingError) -> dict[str, Any]:
    return {"extensions": {"code": type(error).__name__.removesuffix("Error")}}


def _answer(
    status: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> Response[bytes]:
    return Response(
        msgspec.json.encode(body), status_code=status, media_type=_JSON, headers=headers
    )
