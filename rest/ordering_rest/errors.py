"""Which HTTP status an error has, on every face."""

from ordering.domain.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    KeyInUseError,
    KeyReusedError,
    NotFoundError,
    OrderingError,
    OutdatedError,
    RetryableError,
    TooLargeError,
    UnauthenticatedError,
)

__all__ = ["headers_of", "status_of"]

_CHALLENGE = {"WWW-Authenticate": 'Basic realm="product-ordering", charset="UTF-8"'}

#: The first that fits counts, so a kind comes before its parent.
_STATUSES: dict[type[OrderingError], int] = {
    InvalidRequestError: 400,
    UnauthenticatedError: 401,
    AccessDeniedError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    OutdatedError: 412,
    TooLargeError: 413,
    KeyReusedError: 422,
    KeyInUseError: 409,
    RetryableError: 503,
}


def headers_of(error: OrderingError) -> dict[str, str]:
    """Return the headers that clients need to go on after an error."""
    match error:
        case UnauthenticatedError():
            return _CHALLENGE
        case KeyInUseError() | RetryableError():
            return {"Retry-After": "1"}
        case _:
            return {}


def status_of(error: OrderingError) -> int:
    """Return the HTTP status of an error."""
    return next(status for kind, status in _STATUSES.items() if isinstance(error, kind))
