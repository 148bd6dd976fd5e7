"""`/graphql` over WebSockets, by the protocol `graphql-transport-ws`.

A connection has one task, which reads. A second one sends answers, for as long as there are any.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import WebSocket
from litestar.exceptions import WebSocketDisconnect
from litestar.handlers import WebsocketRouteHandler, websocket

from ordering.access.clients import Client
from ordering.db.failures import RETRYABLE
from ordering.domain.errors import (
    AccessDeniedError,
    OrderingError,
    RetryableError,
    UnauthenticatedError,
)
from ordering_graphql.asked import Asked
from ordering_graphql.subscriptions.hub import (
    Hub,
    NotNowError,
    Subscriber,
    too_many,
)
from ordering_graphql.subscriptions.reading import OperationError, is_subscription

__all__ = ["PROTOCOL", "make_socket"]

PROTOCOL = "graphql-transport-ws"
_PATH = "/graphql"

_logger = logging.getLogger(__name__)
AnySocket = WebSocket[Any, Any, Any]


class _Init(msgspec.Struct, tag="connection_init"):
    payload: dict[str, Any] | None = None


class _Ping(msgspec.Struct, tag="ping"):
    payload: dict[str, Any] | None = None


class _Pong(msgspec.Struct, tag="pong"):
    payload: dict[str, Any] | None = None


class _Subscribe(msgspec.Struct, tag="subscribe"):
    id: str
    payload: Asked


class _Complete(msgspec.Struct, tag="complete"):
    id: str


_DECODER = msgspec.json.Decoder(_Init | _Ping | _Pong | _Subscribe | _Complete)


#: How an operation may end before its time.
_ENDS = (OperationError, AccessDeniedError, UnauthenticatedError)


#: How sending shows that the connection has ended; the last is for one that was just closed here.
_GONE = (WebSocketDisconnect, OSError, RuntimeError)


class _ClosedError(Exception):
    """The connection is to be closed, with this code and reason."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


def make_socket(hub_of: Callable[[AnySocket], Hub]) -> WebsocketRouteHandler:
    """Make the route."""

    @websocket(_PATH)
    async def graphql_socket(socket: AnySocket) -> None:
        """Serve one connection."""
        await _Connection(socket, hub_of(socket)).serve()

    return graphql_socket


class _Connection:
    """A connection: its operations by the ids that the client gave them."""

    def __init__(self, socket: AnySocket, hub: Hub) -> None:
        self._socket = socket
        self._hub = hub
        self._settings = hub.services.settings
        self._authorization = socket.headers.get("authorization", "")
        self._subscribers: dict[str, Subscriber] = {}
        self._queries: dict[str, asyncio.Task[None]] = {}
        #: Ids of subscriptions that were woken, in that order.
        self._marked: dict[str, None] = {}
        self._sender: asyncio.Task[None] | None = None
        self._closed = False

    async def serve(self) -> None:
        """Serve the connection until it ends, and tidy up."""
        if not _is_same_origin(self._socket) or not await self._may_come_in():
            await self._socket.close()
            return
        self._hub.enter(self)
        try:
            await self._converse()
        except _ClosedError as error:
            await self._close(error.code, error.reason)
        except (WebSocketDisconnect, OSError):
            pass  # It is the client's to go at any time.
        except Exception:
            _logger.exception("unexpected error in a WebSocket")
            await self._close(1011, "Internal error")
        finally:
            self._hub.exit(self)
            await self._tidy_up()

    async def end(self) -> None:
        """End the connection, since the process does."""
        await self._close(1001, "The server goes away")

    async def _may_come_in(self) -> bool:
        """Check the header with which programs, unlike pages in browsers, say who they are."""
        if not self._authorization:
            return True
        try:
            await self._hub.recognise(self._authorization)
        except (OrderingError, *RETRYABLE):
            return False
        return True

    async def _converse(self) -> None:
        """Take messages, for as long as there are any."""
        offered = PROTOCOL in self._socket.scope["subprotocols"]
        await self._socket.accept(PROTOCOL if offered else None)
        if not offered:
            raise _ClosedError(4406, "Subprotocol not acceptable")
        if self._hub.ending:
            raise _ClosedError(1001, "The server goes away")
        try:
            async with asyncio.timeout(self._settings.graphql_init_timeout_s):
                first = await self._receive_first()
        except TimeoutError:
            raise _ClosedError(4408, "Connection initialisation timeout") from None
        client = await self._begin(first)
        while True:
            await self._handle(await self._receive(), client)

    async def _receive_first(self) -> _Init:
        """Wait for the message that must come before others."""
        while True:
            message = await self._receive()
            if isinstance(message, _Init):
                return message
            if isinstance(message, _Ping):
                await self._send({"type": "pong"})
            elif not isinstance(message, _Pong):
                raise _ClosedError(4401, "Unauthorized")

    async def _receive(self) -> _Init | _Ping | _Pong | _Subscribe | _Complete:
        try:
            return _DECODER.decode(await self._socket.receive_data("text"))
        except (msgspec.DecodeError, RecursionError) as error:
            raise _ClosedError(4400, f"Invalid message: {error}") from None

    async def _begin(self, init: _Init) -> Client:
        """Find out who it is, and let in."""
        named = (init.payload or {}).get("Authorization")
        if isinstance(named, str):
            self._authorization = named
        try:
            client = await self._hub.recognise(self._authorization)
        except AccessDeniedError as error:
            raise _ClosedError(4403, "Forbidden") from error
        except UnauthenticatedError as error:
            raise _ClosedError(4401, "Unauthorized") from error
        except (RetryableError, *RETRYABLE) as error:
            raise _ClosedError(1013, "Try again later") from error
        await self._send({"type": "connection_ack"})
        return client

    async def _handle(
        self, message: _Init | _Ping | _Pong | _Subscribe | _Complete, client: Client
    ) -> None:
        match message:
            case _Init():
                raise _ClosedError(4429, "Too many initialisation requests")
            case _Ping(payload):
                pong: dict[str, Any] = {"type": "pong"}
                await self._send(pong if payload is None else {**pong, "payload": payload})
            case _Pong():
                pass
            case _Complete(identity):
                self._forget(identity)
            case _Subscribe():
                await self._subscribe(message, client)

    async def _subscribe(self, message: _Subscribe, client: Client) -> None:
        """Begin an operation."""
        identity, question = message.id, message.payload.question
        if identity in self._subscribers or identity in self._queries:
            raise _ClosedError(4409, f"Subscriber for {identity} already exists")
        try:
            most = self._settings.graphql_max_operations
            if len(self._subscribers) + len(self._queries) >= most:
                raise too_many(most)
            if not is_subscription(self._hub.engine, question):
                query = asyncio.create_task(self._answer(identity, message.payload))
                self._queries[identity] = query
                return
            subscriber = self._hub.subscribe(
                question, client, self._authorization, lambda: self._wake(identity)
            )
        except OperationError as error:
            await self._send({"id": identity, "type": "error", "payload": error.errors})
            return
        self._subscribers[identity] = subscriber
        subscriber.mark()

    async def _answer(self, identity: str, asked: Asked) -> None:
        """Answer a query, as a subscription with one answer."""
        try:
            body = await self._hub.answer(asked.question, self._authorization)
        except _ENDS as error:
            await self._fail(identity, error)
            return
        await self._send_answer(identity, body)
        if self._queries.pop(identity, None) is not None:
            await self._send({"id": identity, "type": "complete"})

    def _wake(self, identity: str) -> None:
        """Note that a subscription may have something new, and see to it that it is sent."""
        self._marked[identity] = None
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_marked())

    async def _send_marked(self) -> None:
        """Send the answers of the subscriptions that were woken, one after the other."""
        try:
            while self._marked:
                # Taken before it is answered: it may be marked again meanwhile.
                identity = next(iter(self._marked))
                del self._marked[identity]
                subscriber = self._subscribers.get(identity)
                if subscriber is not None:
                    await self._send_next(identity, subscriber)
        finally:
            self._sender = None

    async def _send_next(self, identity: str, subscriber: Subscriber) -> None:
        """Send a subscription's next answer, or why there will be none."""
        try:
            body = await subscriber.answer()
        except NotNowError:
            return
        except _ENDS as error:
            await self._fail(identity, error)
            return
        if body is not None and self._subscribers.get(identity) is subscriber:
            await self._send_answer(identity, body)

    async def _fail(self, identity: str, error: OperationError | OrderingError) -> None:
        """Tell why an operation ends; a client that may not go on loses its connection."""
        self._forget(identity)
        if isinstance(error, OperationError):
            await self._send({"id": identity, "type": "error", "payload": error.errors})
        elif isinstance(error, AccessDeniedError):
            await self._close(4403, "Forbidden")
        else:
            await self._close(4401, "Unauthorized")

    async def _send_answer(self, identity: str, body: bytes) -> None:
        name = msgspec.json.encode(identity)
        await self._send_text(b'{"id":%b,"type":"next","payload":%b}' % (name, body))

    async def _send(self, message: dict[str, Any]) -> None:
        await self._send_text(msgspec.json.encode(message))

    async def _send_text(self, text: bytes) -> None:
        """Send a message; waits while the client does not read what it was sent before."""
        if not self._closed:
            # The reader notices it too when the client has gone, and tidies up.
            with suppress(*_GONE):
                await self._socket.send_data(text.decode(), mode="text")

    async def _close(self, code: int, reason: str) -> None:
        """Close the connection once; of the reason is kept what fits into the frame."""
        if not self._closed:
            self._closed = True
            with suppress(*_GONE):
                await self._socket.close(code, reason.encode()[:120].decode(errors="ignore"))

    def _forget(self, identity: str) -> None:
        """End an operation without a word."""
        if (subscriber := self._subscribers.pop(identity, None)) is not None:
            subscriber.close()
        if (query := self._queries.pop(identity, None)) not in (None, asyncio.current_task()):
            query.cancel()

    async def _tidy_up(self) -> None:
        """Let go of all that the connection had."""
        tasks = [*self._queries.values()]
        if self._sender is not None:
            tasks.append(self._sender)
            self._sender.cancel()
        for identity in (*self._subscribers, *self._queries):
            self._forget(identity)
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_same_origin(socket: AnySocket) -> bool:
    """Tell whether a WebSocket was opened by a page of ours, or by no page at all.

    Browsers let any site's page open one, with what they remember of the user's credentials.
    """
    origin = socket.headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc.lower() == socket.headers.get("host", "").lower()
