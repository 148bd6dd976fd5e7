"""Operations: what a method does at a path, and for whom.

Every request goes one way, whatever the face (docs/decisions/0024-http-layer.md):

    Litestar finds the operation ─▶ its guard ─▶ its handler ─▶ the response is sent

and every error on it ends in the application's exception handlers, or those of the operation. The
operation stands where Litestar has middleware, so that nothing of what Litestar does behind that is
done for nothing: neither a request object of its own, nor a copy of the handler for each guard, nor
the resolution of arguments and of what is returned.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from ordering_http.access import Guard, anybody
from ordering_http.request import Request
from ordering_http.response import Response

__all__ = ["Handler", "Operation", "get", "make_routes", "patch", "post"]

#: Takes the request, and the parameters of the path by their names; returns what answers.
Handler = Callable[..., Awaitable[ASGIApp]]
#: Who shows errors of a kind, as Litestar has it.
ErrorHandlers = dict[int | type[Exception], Any]


class Operation(msgspec.Struct, frozen=True):
    """A method of a path: an ASGI application, to which Litestar routes.

    `max_body_bytes` and `error_handlers` are of those that differ from the application.
    """

    method: HttpMethod
    path: str
    guard: Guard
    handle: Handler
    max_body_bytes: int | None = None
    error_handlers: ErrorHandlers = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request; nothing of its body is read before the guard lets it pass."""
        request = Request(scope, receive, self.max_body_bytes)
        await self.guard(request)
        response = await self.handle(request, **scope["path_params"])
        await response(scope, receive, send)


def _operation(
    method: HttpMethod, path: str, guard: Guard, **differing: Any
) -> Callable[[Handler], Operation]:
    return partial(Operation, method, path, guard, **differing)


get = partial(_operation, HttpMethod.GET)
patch = partial(_operation, HttpMethod.PATCH)
post = partial(_operation, HttpMethod.POST)


def make_routes(operations: Sequence[Operation]) -> list[HTTPRouteHandler]:
    """Make Litestar's routes, with `OPTIONS`; the operations must be all that their paths have.

    `OPTIONS` comes first, before Litestar adds its own, which knows only the methods of the
    operation that a path got first. `HEAD` is not offered.
    """
    methods: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for each in operations:
        methods[each.path].add(each.method)
    options = [_options(path, ", ".join(sorted(allowed))) for path, allowed in methods.items()]
    return [_route(each) for each in (*options, *operations)]


def _options(path: str, allowed: str) -> Operation:
    async def options(_request: Request, **_path_params: str) -> Response:
        return Response(b"", status_code=204, headers={"Allow": allowed})

    return Operation(HttpMethod.OPTIONS, path, anybody, options)


def _route(operation: Operation) -> HTTPRouteHandler:
    def answer_here(**_behind: ASGIApp) -> ASGIApp:
        return operation

    async def behind() -> None:
        """Stand where Litestar expects a handler."""

    return HTTPRouteHandler(
        operation.path,
        http_method=operation.method,
        middleware=[answer_here],
        exception_handlers=operation.error_handlers,
    )(behind)
