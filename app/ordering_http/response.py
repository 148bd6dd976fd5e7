"""What operations and the handlers of errors answer with."""

from collections.abc import Mapping
from typing import Any

from litestar.types import Receive, Scope, Send

__all__ = ["Response"]


class Response:
    """An answer that is ready: an ASGI application that sends it."""

    __slots__ = ("body", "headers", "media_type", "status_code")

    def __init__(
        self,
        body: bytes,
        *,
        status_code: int = 200,
        media_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.body = body
        self.status_code = status_code
        self.media_type = media_type
        self.headers = headers or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer; `No Content` says nothing of a content."""
        del scope, receive  # Litestar gives all three by name.
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in self.headers.items()
        ]
        if self.status_code != 204:
            headers.append((b"content-type", self.media_type.encode("latin-1")))
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def to_asgi_response(self, *_positional: Any, **_named: Any) -> "Response":
        """Return itself: what Litestar asks of the answers that its error handlers make."""
        return self
