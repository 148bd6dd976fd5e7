"""Several callers' work in one statement on one connection: shared commits, shared look-ups.

A durable commit costs a flush of the write-ahead log whatever its size, and a round trip costs the
same for one question as for twenty, so concurrent work of one kind is cheaper together. Nothing
waits on a clock: work that finds a free hand goes at once, alone; what arrives while all hands are
busy forms the next group (docs/decisions/0008-gathered-work.md).

If the shared statement is refused, every piece is tried again by itself, so that a bad one fails
only its own caller. If the connection is lost, nobody knows whether it was committed: each piece
is looked for, and done alone where it is not found. A caller that goes away (its task is cancelled)
does not take its work with it: a write was accepted for the group and may commit.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, UNCERTAIN

__all__ = ["Gather", "GatherClosedError"]

Item = TypeVar("Item")
Result = TypeVar("Result")

_TRIES = 3
_PAUSE_S = 0.2

_Entry = tuple[Item, asyncio.Future[Result]]


class GatherClosedError(Exception):
    """No more work is taken: the service is shutting down, or too many wait already."""


class Gather(Generic[Item, Result]):
    """Gathers concurrent work of one kind.

    `work` gets a connection and the group's items and returns one result per item, in order. It
    runs one statement, which is a transaction by itself. `find_done` tells the result of an item
    that was done although the answer got lost; reading needs none, it is done again. `max_group`
    bounds the items of a group and `max_bytes` their sizes in all, unless the first alone has more;
    `max_waiting` bounds those who wait; `hands` is how many groups may be under way at once.
    """

    def __init__(
        self,
        database: Database,
        work: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]],
        find_done: Callable[[Connection, Item], Awaitable[Result | None]] | None = None,
        *,
        max_group: int = 64,
        max_bytes: int = 4 * 1024 * 1024,
        max_waiting: int = 2_000,
        hands: int = 2,
    ) -> None:
        self._database = database
        self._work = work
        self._find_done = find_done
        self._max_group = max_group
        self._max_bytes = max_bytes
        self._max_waiting = max_waiting
        self._hands = hands
        self._waiting: deque[tuple[_Entry[Item, Result], int]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, item: Item, size: int = 0) -> Result:
        """Have `item` worked on and return its result, of a write once it is committed.

        `size` is about the bytes that it adds to the statement; small items need not tell.
        Raises what `work` raised for this item alone, or `GatherClosedError`.
        """
        if self._closed or len(self._waiting) >= self._max_waiting:
            raise GatherClosedError
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append(((item, future), size))
        if len(self._tasks) < self._hands:
            task = asyncio.create_task(self._empty())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """Take no more work and wait for that under way."""
        self._closed = True
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _empty(self) -> None:
        while self._waiting:
            await self._do(self._next_group())

    def _next_group(self) -> Sequence[_Entry[Item, Result]]:
        """Take the first of those who wait, and those behind it while they fit in."""
        entry, size = self._waiting.popleft()
        group = [entry]
        while self._waiting and len(group) < self._max_group:
            entry, more = self._waiting[0]
            size += more
            if size > self._max_bytes:
                break
            group.append(entry)
            self._waiting.popleft()
        return group

    async def _do(self, group: Sequence[_Entry[Item, Result]]) -> None:
        """Work on a group. However that ends, each of its callers is told."""
        try:
            async with self._database.acquire() as connection:
                results = await self._work(connection, [item for item, _ in group])
            done = list(zip(group, results, strict=True))
        except UNCERTAIN:
            for item, future in group:
                # As a value: what fails here is told to its caller, and the others are done.
                (outcome,) = await asyncio.gather(self._make_sure(item), return_exceptions=True)
                _settle(future, outcome)
        except Exception as error:  # noqa: BLE001 - handed to the caller whose work it was
            if len(group) == 1:
                _settle(group[0][1], error)
                return
            for entry in group:
                await self._do([entry])
        else:
            for (_, future), result in done:
                _settle(future, result)

    async def _make_sure(self, item: Item) -> Result:
        """Find out whether lost work was done, and do it if not; returns its result.

        The statement may still be running on the server: then doing it again waits for it, and is
        refused because the rows are there, and the next look finds them.
        """
        for left in reversed(range(_TRIES)):
            try:
                async with self._database.acquire() as connection:
                    done = await self._find_done(connection, item) if self._find_done else None
                    return done or (await self._work(connection, [item]))[0]
            except DATABASE_AWAY:
                if not left:
                    raise
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError


def _settle(future: "asyncio.Future[Result]", outcome: Result | BaseException) -> None:
    if future.done():
        return
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
