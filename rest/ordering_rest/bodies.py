"""What every face asks of a request's body before reading it."""

from typing import Any

from litestar import Request

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem

__all__ = ["require_json"]


def require_json(request: Request[Any, Any, Any]) -> None:
    """Take JSON only. Raises `InvalidRequestError` where the request declares something else."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != "application/json":
        raise InvalidRequestError([Problem.of(messages.CONTENT_TYPE_INVALID)])
