"""Who calls, checked before a body is read."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from ordering.access.clients import Client
from ordering.access.roles import Permission
from ordering.services import Services

__all__ = ["Guard", "client_of", "requires", "services_of"]

AnyConnection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[AnyConnection, BaseRouteHandler], Awaitable[None]]


def services_of(connection: AnyConnection) -> Services:
    """Return the use cases of the application that got this request."""
    return cast("Services", connection.app.state.services)


def requires(*permissions: Permission) -> Guard:
    """Make a guard: only clients with one of these permissions pass.

    It raises `UnauthenticatedError` or `AccessDeniedError`; the faces' handlers show them.
    """

    async def guard(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        services = services_of(connection)
        client = await services.clients.recognise(connection.headers.get("authorization"))
        client.require(*permissions)
        connection.scope["user"] = client

    return guard


def client_of(connection: AnyConnection) -> Client:
    """Return the client that the guard let pass."""
    return cast("Client", connection.scope["user"])
