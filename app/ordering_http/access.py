"""Who calls, checked before a body is read."""

from collections.abc import Awaitable, Callable

from ordering.access.roles import Permission
from ordering_http.request import Request, services_of

__all__ = ["Guard", "anybody", "requires"]

Guard = Callable[[Request], Awaitable[None]]


def requires(*permissions: Permission) -> Guard:
    """Make a guard: only clients with one of these permissions pass.

    It raises `UnauthenticatedError` or `AccessDeniedError`; the faces' handlers show them.
    """

    async def guard(request: Request) -> None:
        clients = services_of(request).clients
        client = await clients.recognise(request.headers.get("authorization"))
        client.require(*permissions)
        request.scope["user"] = client

    return guard


async def anybody(_request: Request) -> None:
    """Let everybody pass: the guard of what is no secret."""
