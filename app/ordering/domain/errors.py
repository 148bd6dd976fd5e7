"""What can go wrong, as types. Each face has one handler that shows them in its own shape.

    OrderingError
    ├── TerminalError               repeating the request cannot help
    │   ├── InvalidRequestError     the request is wrong; carries every problem found (400)
    │   ├── UnauthenticatedError    no or wrong credentials (401)
    │   ├── AccessDeniedError       the role does not allow it (403)
    │   ├── NotFoundError           there is no such resource (404)
    │   ├── ConflictError           the order's state does not allow it (409)
    │   ├── OutdatedError           the order was changed since the client read it (412)
    │   ├── TooLargeError           the body exceeds the limit (413)
    │   └── KeyReusedError          the idempotency key was used for another request (422)
    └── RetryableError              the same request may succeed later (503)
        └── KeyInUseError           a request with this idempotency key is under way (409)

Errors that are none of these are defects: faces answer 500 without details, and log them.
"""

from collections.abc import Sequence

import msgspec

from ordering.domain import messages
from ordering.domain.messages import Message

__all__ = [
    "AccessDeniedError",
    "ConflictError",
    "InvalidRequestError",
    "KeyInUseError",
    "KeyReusedError",
    "NotFoundError",
    "OrderingError",
    "OutdatedError",
    "Problem",
    "RetryableError",
    "TerminalError",
    "TooLargeError",
    "UnauthenticatedError",
]


class Problem(msgspec.Struct, frozen=True):
    """One thing that is wrong.

    `pointer` is the JSON Pointer (RFC 6901) of the member concerned, of a missing one too; empty
    for the whole body. `code` is a key of `messages.REASONS`.
    """

    message: str
    pointer: str
    code: int

    @classmethod
    def of(cls, message: Message, pointer: str = "", **values: object) -> "Problem":
        """Make a problem from a known message, filling its `{...}` from `values`."""
        text = message.text.format(**values) if values else message.text
        return cls(text, pointer, message.code)


class OrderingError(Exception):
    """The root of all errors that clients are told about. `problems` is never empty."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems[:3]))
        self.problems = tuple(problems)


class TerminalError(OrderingError):
    """Repeating the request cannot help."""


class InvalidRequestError(TerminalError):
    """The request is wrong; nothing was changed."""


class UnauthenticatedError(TerminalError):
    """No credentials, or wrong ones."""


class AccessDeniedError(TerminalError):
    """The client is known, but its roles do not allow this."""


class NotFoundError(TerminalError):
    """There is no such resource."""


class ConflictError(TerminalError):
    """What is asked for does not fit the order's state; `allowed` names the actions that do."""

    def __init__(self, problems: Sequence[Problem], allowed: Sequence[str] = ()) -> None:
        super().__init__(problems)
        self.allowed = tuple(allowed)


class OutdatedError(TerminalError):
    """The order is not the one that the client read: it was changed in the meantime."""


class TooLargeError(TerminalError):
    """The body exceeds the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__([Problem.of(messages.BODY_TOO_LARGE, limit=limit)])


class KeyReusedError(TerminalError):
    """The idempotency key was used for another request."""


class RetryableError(OrderingError):
    """The same request may succeed later."""


class KeyInUseError(RetryableError):
    """A request with this idempotency key is under way; later there is its answer."""
