"""What the faces ask of a request's body before reading it."""

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering_http.request import Request

__all__ = ["NDJSON", "require_json"]

#: The media type of JSON lines.
NDJSON = "application/x-ndjson"


def require_json(request: Request) -> None:
    """Take JSON only. Raises `InvalidRequestError` where the request declares something else."""
    if request.media_type != "application/json":
        raise InvalidRequestError([Problem.of(messages.CONTENT_TYPE_INVALID)])
