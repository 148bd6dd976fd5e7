"""Errors as the Product Order Open API shows them: a code, a reason, and every detail."""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request
from litestar.exceptions import HTTPException

from ordering.domain.errors import OrderingError, Problem, TooLargeError
from ordering.domain.messages import REASONS
from ordering.domain.wording import MOST_SHOWN
from ordering_http.request import services_of
from ordering_http.response import Response
from ordering_rest.errors import headers_of, status_of

__all__ = ["Detail", "ErrorBody", "error_body", "on_defect", "on_http_error", "on_ordering_error"]

_log = logging.getLogger(__name__)

#: The code of an error that the framework found, by HTTP status.
_CODES = {400: 26, 401: 40, 403: 50, 404: 60, 405: 61, 408: 63}

AnyRequest = Request[Any, Any, Any]


class Detail(msgspec.Struct):
    """One problem; `datapath` is a JSON Pointer, empty for the whole body."""

    message: str
    datapath: str


class ErrorBody(msgspec.Struct):
    """The error body. `reason` and `message` say the same, as in the source."""

    code: int
    reason: str
    message: str
    details: list[Detail]


def error_body(problems: Sequence[Problem]) -> ErrorBody:
    """Show problems; the first gives the code. More than 500 are counted instead of shown."""
    code = problems[0].code
    reason = REASONS[code]
    details = [Detail(problem.message, problem.pointer) for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        details.append(Detail(f"and {len(problems) - MOST_SHOWN} more problems", ""))
    return ErrorBody(code, reason, reason, details)


def on_ordering_error(_request: AnyRequest, error: OrderingError) -> Response:
    """Show an error of ours."""
    status = status_of(error)
    return _respond(status, error_body(error.problems), headers_of(error))


def on_http_error(request: AnyRequest, error: HTTPException) -> Response:
    """Show an error that the framework found before a handler was reached."""
    if error.status_code == 413:
        limit = services_of(request).settings.max_body_bytes
        return on_ordering_error(request, TooLargeError(limit))
    code = _CODES.get(error.status_code, 1)
    problem = Problem(error.detail or REASONS[code], "", code)
    return _respond(error.status_code, error_body([problem]), dict(error.headers or {}))


def on_defect(_request: AnyRequest, error: Exception) -> Response:
    """Show nothing of a defect of ours, and log all of it."""
    _log.error("unexpected error", exc_info=error)
    body = ErrorBody(1, "Internal error", "Internal error", [])
    return _respond(500, body, {})


def _respond(status: int, body: ErrorBody, headers: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(body), status_code=status, headers=headers)
