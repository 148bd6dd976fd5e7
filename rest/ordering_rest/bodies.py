"""What every face asks of a request's body before reading it."""

from typing import Any

from litestar import Request

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem

__all__ = ["NDJSON", "declares", "require_json"]

#: The media type of JSON lines.
NDJSON = "application/x-ndjson"


def declares(request: Request[Any, Any, Any], media_type: str) -> bool:
    """Tell whether the request says that its body is of this type."""
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return declared == media_type


def require_json(request: Request[Any, Any, Any]) -> None:
    """Take JSON only. Raises `InvalidRequestError` where the request declares something else."""
    if not declares(request, "application/json"):
        raise InvalidRequestError([Problem.of(messages.CONTENT_TYPE_INVALID)])
