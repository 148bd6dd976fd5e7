"""Answers as a stream of server-sent events: graphql-sse's "distinct connections mode".

One operation has one connection; what is wrong with it is told in the stream too, for a browser's
`EventSource` does not show the body of any other answer.
"""

import asyncio
from collections.abc import AsyncGenerator

from litestar.response.streaming import ASGIStreamingResponse

from ordering.access.clients import Client
from ordering.domain.errors import OrderingError
from ordering_graphql.answers import answer_errors, show_ordering_error
from ordering_graphql.engine import Question
from ordering_graphql.subscriptions.hub import Hub, NotNowError, Subscriber
from ordering_graphql.subscriptions.reading import OperationError, is_subscription
from ordering_http.request import Request, client_of

__all__ = ["make_stream", "wants_stream"]

_MEDIA_TYPE = "text/event-stream"
#: Neither caches nor proxies may keep events back.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
#: Seconds after which a silent stream says that it lives: proxies close those that do not.
_SILENCE_S = 15.0
_ALIVE = b":\n\n"
#: With an empty line of data: a browser drops events without any.
_COMPLETE = b"event: complete\ndata:\n\n"


def wants_stream(request: Request) -> bool:
    """Tell whether a client asks for events."""
    return _MEDIA_TYPE in request.headers.get("accept", "").lower()


def make_stream(hub: Hub, request: Request, question: Question) -> ASGIStreamingResponse:
    """Answer with a stream, to somebody whom the guard let pass."""
    events = _Events(hub, client_of(request), request.headers.get("authorization", ""))
    return ASGIStreamingResponse(
        iterator=events.of(question), media_type=_MEDIA_TYPE, headers=_HEADERS
    )


class _Events:
    """The events of one operation."""

    def __init__(self, hub: Hub, client: Client, authorization: str) -> None:
        self._hub = hub
        self._client = client
        self._authorization = authorization
        self._woken = asyncio.Event()
        self._ending = hub.ending

    async def end(self) -> None:
        """End the stream, since the process does."""
        self._ending = True
        self._woken.set()

    async def of(self, question: Question) -> AsyncGenerator[bytes]:
        """Answer a question, after each change if it is a subscription, and tidy up at the end."""
        self._hub.enter(self)
        try:
            if is_subscription(self._hub.engine, question):
                async for event in self._follow(question):
                    yield event
            else:
                yield _next(await self._hub.answer(question, self._authorization))
        except OperationError as error:
            yield _next(answer_errors(error.errors).body)
        except OrderingError as error:
            yield _next(answer_errors([show_ordering_error(error)]).body)
        finally:
            self._hub.exit(self)
        # Who is cut short by the end of the process shall see that, and connect again.
        if not self._ending:
            yield _COMPLETE

    async def _follow(self, question: Question) -> AsyncGenerator[bytes]:
        """Answer after each change."""
        subscriber = self._hub.subscribe(
            question, self._client, self._authorization, self._woken.set
        )
        try:
            subscriber.mark()
            while not self._ending:
                if event := await self._event(subscriber):
                    yield event
        finally:
            subscriber.close()

    async def _event(self, subscriber: Subscriber) -> bytes | None:
        """Wait for the next answer, or for as long as the stream may be silent."""
        try:
            async with asyncio.timeout(_SILENCE_S):
                await self._woken.wait()
        except TimeoutError:
            return _ALIVE
        self._woken.clear()
        if self._ending:
            return None
        try:
            body = await subscriber.answer()
        except NotNowError:
            return None
        return None if body is None else _next(body)


def _next(body: bytes) -> bytes:
    # A line feed in JSON is white space, but would end the event.
    return b"event: next\ndata: %b\n\n" % b" ".join(body.splitlines())
