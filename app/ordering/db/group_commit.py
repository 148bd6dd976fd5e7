"""Several callers' writes in one transaction, each answered after its commit.

A durable commit costs a flush of the write-ahead log whatever its size, so concurrent writes of
one kind are cheaper together. Nothing waits on a clock: a write that finds a free flusher goes at
once, alone; those that arrive while all flushers are busy form the next group
(docs/decisions/0008-group-commit.md).

If the shared transaction fails, every write is tried again by itself, so that a bad one fails
only its own caller. A caller that goes away (its task is cancelled) does not take its write with
it: the write was accepted for the group and may commit.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database

__all__ = ["GroupCommit", "GroupCommitClosedError"]

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommitClosedError(Exception):
    """The service is shutting down and takes no more writes."""


class GroupCommit(Generic[Item, Result]):
    """Gather concurrent writes of one kind into shared transactions.

    `write` gets a connection with an open transaction and the group's items, and returns one
    result per item, in order. `max_group` bounds a group; `flushers` is how many groups may be
    under way at once.
    """

    def __init__(
        self,
        database: Database,
        write: Callable[[Connection, Sequence[Item]], Awaitable[Sequence[Result]]],
        *,
        max_group: int = 64,
        flushers: int = 2,
    ) -> None:
        self._database = database
        self._write = write
        self._max_group = max_group
        self._flushers = flushers
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def submit(self, item: Item) -> Result:
        """Write `item` and return its result once it is committed.

        Raises what `write` raised for this item alone, or `GroupCommitClosedError`.
        """
        if self._closed:
            raise GroupCommitClosedError
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if len(self._tasks) < self._flushers:
            task = asyncio.create_task(self._flush())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def close(self) -> None:
        """Take no more writes and wait for those under way."""
        self._closed = True
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def _flush(self) -> None:
        while self._waiting:
            size = min(len(self._waiting), self._max_group)
            await self._commit([self._waiting.popleft() for _ in range(size)])

    async def _commit(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            async with self._database.transaction() as connection:
                results = await self._write(connection, [item for item, _ in group])
        except Exception as error:  # noqa: BLE001 - handed to the caller whose write it was
            if len(group) == 1:
                _fail(group[0][1], error)
                return
            for entry in group:
                await self._commit([entry])
            return
        for (_, future), result in zip(group, results, strict=True):
            if not future.done():
                future.set_result(result)


def _fail(future: "asyncio.Future[Result]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
