"""The subscriptions of a process: who is answered what, and when.

A subscriber is an entry in memory, without a task. When what it follows has changed, it is marked,
once however often that happens, and its connection is woken; the connection asks for the answer
when it can send one. So a client that reads slowly, or not at all, costs no statement and no memory
but the mark. Subscribers that are answered the same share a `_Topic`, and those that are woken
together one run of its statement.
"""

import asyncio
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol

from ordering.access.clients import Client
from ordering.db.failures import RETRYABLE
from ordering.domain import messages
from ordering.domain.errors import (
    AccessDeniedError,
    Problem,
    RetryableError,
    UnauthenticatedError,
)
from ordering.events.watch import Seen
from ordering.services import Services
from ordering_graphql.answers import show_argument_error, show_defect, show_ordering_error
from ordering_graphql.engine import (
    ASKERS,
    AnswerTooLargeError,
    Engine,
    Question,
    StatementTimeoutError,
)
from ordering_graphql.plan.binding import lacking
from ordering_graphql.subscriptions.reading import (
    OperationError,
    Subscribed,
    read_subscription,
)

__all__ = ["Ending", "Hub", "NotNowError", "Subscriber", "too_many"]

_log = logging.getLogger(__name__)
#: Statements of subscriptions at the same time, so that requests find connections free.
_RUNS_AT_ONCE = 4
#: Seconds for connections to say goodbye when the process ends.
_GOODBYE_S = 3.0


class Ending(Protocol):
    """A connection with subscriptions."""

    async def end(self) -> None:
        """End it, since the process does."""
        ...


class NotNowError(Exception):
    """An answer cannot be made now; the subscriber is marked again when it may be."""


def too_many(most: int) -> OperationError:
    """Tell that there are too many subscriptions."""
    told = messages.TOO_MANY_OPERATIONS.text.format(most=most)
    return OperationError([{"message": told, "extensions": {"code": "TooManyOperations"}}])


@contextmanager
def _told() -> Generator[None]:
    """Make `OperationError` of what goes wrong, unless it is the client that may not go on.

    Defects are logged, and hidden from the client.
    """
    try:
        yield
    except (OperationError, NotNowError, UnauthenticatedError, AccessDeniedError):
        raise
    except StatementTimeoutError as error:
        told = {"message": str(error), "extensions": {"code": "Timeout"}}
        raise OperationError([told]) from error
    except AnswerTooLargeError as error:
        told = {"message": str(error), "extensions": {"code": "CostExceeded"}}
        raise OperationError([told]) from error
    except (RetryableError, *RETRYABLE) as error:
        away = RetryableError([Problem.of(messages.UNAVAILABLE)])
        raise OperationError([show_ordering_error(away)]) from error
    except Exception as error:
        _log.exception("unexpected error in a subscription")
        raise OperationError([show_defect()]) from error


class Hub:
    """Makes subscribers, and what they share. `most` is how many there may be."""

    def __init__(self, engine: Engine, services: Services) -> None:
        self.engine = engine
        self.services = services
        self.turns = asyncio.Semaphore(_RUNS_AT_ONCE)
        self._most = services.settings.graphql_max_subscriptions
        self._topics: dict[tuple[str, str], _Topic] = {}
        self._subscribers = 0
        self._connections: set[Ending] = set()
        self.ending = False

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return self._subscribers

    def subscribe(
        self, question: Question, client: Client, authorization: str, wake: Callable[[], None]
    ) -> "Subscriber":
        """Begin a subscription, whose answers `wake` announces; `Subscriber.close` ends it.

        Raises `OperationError`.
        """
        if self._subscribers >= self._most:
            raise too_many(self._most)
        with _told():
            subscribed = read_subscription(self.engine, question, client.permissions)
        topic = self._topics.get(subscribed.key)
        if topic is None:
            topic = self._topics[subscribed.key] = _Topic(self, subscribed)
            self.services.watches.add(subscribed.order_id, topic.look)
        subscriber = Subscriber(topic, authorization, wake)
        topic.members.add(subscriber)
        self._subscribers += 1
        return subscriber

    async def answer(self, question: Question, authorization: str) -> bytes:
        """Answer a query.

        Raises `UnauthenticatedError`, `AccessDeniedError` and `OperationError`.
        """
        with _told():
            client = await self.recognise(authorization)
            answered = await self.engine.answer(
                question, self.services.database, client.permissions
            )
        return answered.body

    async def recognise(self, authorization: str) -> Client:
        """Recognise who may ask.

        Raises `UnauthenticatedError`, `AccessDeniedError`, `RetryableError`, and what the driver
        raises for a database that is away.
        """
        client = await self.services.clients.recognise(authorization)
        client.require(*ASKERS)
        return client

    def leave(self, topic: "_Topic", subscriber: "Subscriber") -> None:
        """Forget a subscriber, and its topic if it was the last one."""
        if subscriber not in topic.members:
            return
        topic.members.remove(subscriber)
        self._subscribers -= 1
        if not topic.members:
            del self._topics[topic.subscribed.key]
            self.services.watches.remove(topic.subscribed.order_id, topic.look)

    def enter(self, connection: Ending) -> None:
        """Note a connection, which is ended with the process."""
        self._connections.add(connection)

    def exit(self, connection: Ending) -> None:
        """Forget a connection."""
        self._connections.discard(connection)

    async def end(self) -> None:
        """End all connections, and let no new ones begin; those that do not read are left."""
        self.ending = True
        goodbyes = [asyncio.create_task(each.end()) for each in self._connections]
        if goodbyes:
            _, late = await asyncio.wait(goodbyes, timeout=_GOODBYE_S)
            for goodbye in late:
                goodbye.cancel()
            await asyncio.gather(*goodbyes, return_exceptions=True)


class _Topic:
    """Subscribers that are answered the same."""

    def __init__(self, hub: Hub, subscribed: Subscribed) -> None:
        self.hub = hub
        self.subscribed = subscribed
        self.members: set[Subscriber] = set()
        self._waiting: asyncio.Task[tuple[str | None, bytes]] | None = None

    def look(self, seen: Seen) -> None:
        """Mark the subscribers that have not been answered what was seen."""
        sign = seen.of(self.subscribed.subject)
        for subscriber in self.members:
            if subscriber.sign != sign:
                subscriber.mark()

    async def read(self) -> tuple[str | None, bytes]:
        """Run the statement; who asks while a run waits for its turn, shares it."""
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._run())
        # Shielded: a subscriber that leaves must not take the run from the others.
        return await asyncio.shield(self._waiting)

    async def _run(self) -> tuple[str | None, bytes]:
        try:
            await self.hub.turns.acquire()
        finally:
            # From here on it may miss a change.
            self._waiting = None
        try:
            found = await self.hub.engine.run(
                self.subscribed.plan, self.subscribed.values, self.hub.services.database
            )
        finally:
            self.hub.turns.release()
        if not found:
            return None, b""
        sign, _, data = found.partition("\n")
        return sign, self.subscribed.answer(data)


class Subscriber:
    """Somebody who is told of changes. `sign` is what it was answered last."""

    __slots__ = ("_authorization", "_topic", "_wake", "sign")

    def __init__(self, topic: _Topic, authorization: str, wake: Callable[[], None]) -> None:
        self._topic = topic
        self._authorization = authorization
        self._wake = wake
        self.sign: str | None = None

    def mark(self) -> None:
        """Tell that there may be something new."""
        self._wake()

    def close(self) -> None:
        """End the subscription."""
        self._topic.hub.leave(self._topic, self)

    async def answer(self) -> bytes | None:
        """Make the next answer; None if there is nothing new.

        Raises `NotNowError`, `UnauthenticatedError` and `AccessDeniedError` for a client that may
        not ask any more, and `OperationError` for other ends of the subscription.
        """
        with _told():
            try:
                client = await self._topic.hub.recognise(self._authorization)
                for need in self._topic.subscribed.plan.needs:
                    if need.permission not in client.permissions:
                        error = lacking(need.permission, need.path)
                        raise OperationError([show_argument_error(error)])
                sign, body = await self._topic.read()
            except (RetryableError, *RETRYABLE) as error:
                _log.warning("a subscription met a service that is away: %r", error)
                raise NotNowError from error
        if sign is None or sign == self.sign:
            return None
        self.sign = sign
        return body
