"""A request as operations see it: no more than they ask for, read when they ask for it.

Litestar's own request prepares much that no operation here uses (docs/decisions/0024).
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol, cast, overload
from urllib.parse import parse_qsl

from litestar import Litestar
from litestar.datastructures import MultiDict
from litestar.exceptions import ClientException, InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import Receive, Scope

from ordering.access.clients import Client
from ordering.services import Services

__all__ = ["Headers", "Request", "client_of", "services_of"]


class Headers:
    """The headers of a request, asked for by their names in lower case."""

    __slots__ = ("_all", "_first")

    def __init__(self, sent: Iterable[tuple[bytes, bytes]]) -> None:
        """Take headers as ASGI has them: their names are in lower case already."""
        self._all: Sequence[tuple[bytes, bytes]] = list(sent)
        # Of those with one name the first counts.
        self._first = dict(reversed(self._all))

    @overload
    def get(self, name: str) -> str | None: ...

    @overload
    def get(self, name: str, default: str) -> str: ...

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return the value of a header: the first, if it is repeated."""
        value = self._first.get(name.encode())
        return default if value is None else value.decode("latin-1")

    def getall(self, name: str) -> list[str]:
        """Return all values of a header, in the order of their sending."""
        wanted = name.encode()
        if wanted not in self._first:
            return []
        return [value.decode("latin-1") for each, value in self._all if each == wanted]


class Request:
    """An HTTP request that found its operation."""

    __slots__ = ("_body", "_max_body_bytes", "_query", "headers", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive, max_body_bytes: int | None = None) -> None:
        """Take a request; without `max_body_bytes` its body may be as large as the settings say."""
        self.scope = scope
        self.receive = receive
        self.headers = Headers(scope["headers"])
        self._max_body_bytes = max_body_bytes
        self._query: MultiDict[str] | None = None
        self._body: bytes | None = None

    @property
    def app(self) -> Litestar:
        """The application that got the request."""
        return self.scope["litestar_app"]

    @property
    def path(self) -> str:
        """The path, without the query."""
        return self.scope["path"]

    @property
    def query_params(self) -> MultiDict[str]:
        """The parameters of the query, repeated ones too, in the order of their sending."""
        if self._query is None:
            self._query = MultiDict(_parse_query(self.scope["query_string"]))
        return self._query

    @property
    def media_type(self) -> str:
        """The media type that the body is declared to have, empty if it is not."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def body(self) -> bytes:
        """Read the whole body, once.

        Raises `RequestEntityTooLarge`, before anything is read if the headers tell, and
        `ClientException` for a length that is none.
        """
        if self._body is None:
            self._body = await self._read_body()
        return self._body

    async def _read_body(self) -> bytes:
        limit = self._max_body_bytes or services_of(self).settings.max_body_bytes
        if _declared_length(self.headers) > limit:
            raise RequestEntityTooLarge
        chunks: list[bytes] = []
        size, more = 0, True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise InternalServerException(detail="client disconnected prematurely")
            chunks.append(chunk := message.get("body", b""))
            # Without a length, or with a wrong one, it is the bytes that count.
            size += len(chunk)
            if size > limit:
                raise RequestEntityTooLarge
            more = message.get("more_body", False)
        return b"".join(chunks)


class _Connection(Protocol):
    """What requests of ours and of Litestar, which error handlers get, have in common."""

    @property
    def app(self) -> Litestar: ...

    @property
    def scope(self) -> Any: ...


def services_of(connection: _Connection) -> Services:
    """Return the use cases of the application that got this request."""
    return cast("Services", connection.app.state.services)


def client_of(connection: _Connection) -> Client:
    """Return the client that the guard let pass."""
    return cast("Client", connection.scope["user"])


@lru_cache(1024)
def _parse_query(query: bytes) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _declared_length(headers: Headers) -> int:
    text = headers.get("content-length", "0")
    try:
        return int(text)
    except ValueError:
        raise ClientException(detail=f"Invalid content-length: {text!r}") from None
