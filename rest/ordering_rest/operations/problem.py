"""Errors as RFC 9457 problem details, for every path that no other face owns."""

import logging
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from ordering.domain.errors import ConflictError, OrderingError
from ordering_http.response import Response
from ordering_rest.errors import headers_of, status_of

__all__ = ["on_defect", "on_http_error", "on_ordering_error"]

_log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]


class _Problem(msgspec.Struct, omit_defaults=True):
    """Problem details; `errors` lists the problems with their JSON Pointers.

    `allowedActions` are those that a state does allow, where it did not allow what was asked for.
    """

    title: str
    status: int
    detail: str | None = None
    errors: list[dict[str, str]] = []
    allowed_actions: list[str] | None = msgspec.field(default=None, name="allowedActions")
    type: str = msgspec.field(default="about:blank")


def on_ordering_error(_request: AnyRequest, error: OrderingError) -> Response:
    """Show an error of ours."""
    status = status_of(error)
    errors = [{"detail": each.message, "pointer": each.pointer} for each in error.problems]
    allowed = list(error.allowed) if isinstance(error, ConflictError) else None
    problem = _Problem(str(error), status, errors=errors, allowed_actions=allowed)
    return _respond(problem, headers_of(error))


def on_http_error(_request: AnyRequest, error: HTTPException) -> Response:
    """Show an error that the framework found."""
    return _respond(_Problem(error.detail, error.status_code), dict(error.headers or {}))


def on_defect(_request: AnyRequest, error: Exception) -> Response:
    """Show nothing of a defect of ours, and log all of it."""
    _log.error("unexpected error", exc_info=error)
    return _respond(_Problem("Internal error", 500), {})


def _respond(problem: _Problem, headers: dict[str, str]) -> Response:
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )
