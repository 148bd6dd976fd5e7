"""`POST /graphql`: one document in, one answer out."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any, cast

import msgspec
import strawberry
from graphql import GraphQLError
from litestar import Request, Response, post
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from ordering.domain.errors import OrderingError
from ordering.services import Services
from ordering_graphql.context import Context

__all__ = ["make_endpoint"]

_log = logging.getLogger(__name__)
_JSON = "application/json"

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


class _Document(msgspec.Struct, rename="camel"):
    """The body of a request, as GraphQL over HTTP has it."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = None


def make_endpoint(schema: strawberry.Schema, guard: Guard) -> HTTPRouteHandler:
    """Make the route; `guard` decides who may ask."""

    @post("/graphql", guards=[guard], status_code=200)
    async def graphql(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Execute a query."""
        try:
            document = msgspec.json.decode(await request.body(), type=_Document)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return _answer(
                400, {"errors": [{"message": f"The body is no GraphQL request: {error}"}]}
            )
        result = await schema.execute(
            document.query,
            variable_values=document.variables,
            operation_name=document.operation_name,
            context_value=Context(cast("Services", request.app.state.services)),
        )
        body: dict[str, Any] = {"data": result.data}
        if result.errors:
            body["errors"] = [_show(error) for error in result.errors]
        return _answer(200, body)

    return graphql


def _show(error: GraphQLError) -> dict[str, Any]:
    """Show errors of the document and of ours; hide and log everything else."""
    shown = dict(error.formatted)
    original = error.original_error
    if isinstance(original, OrderingError):
        shown["extensions"] = {"code": type(original).__name__.removesuffix("Error")}
    elif original is not None:
        _log.error("unexpected error in a query", exc_info=original)
        shown["message"] = "Internal error"
    return shown


def _answer(status: int, body: dict[str, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(body), status_code=status, media_type=_JSON)
