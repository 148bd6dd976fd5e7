"""Take a bulk into the inbound queue: many orders in one request, a line for each.

While one batch is written the next is judged, and meanwhile further lines are read, as many as
there is room for. A batch is what is there: nobody waits on a clock to fill it. How many batches
are written at once, by all bulks of the process, is bounded, so that bulks leave connections to the
others (docs/decisions/0018-bulks.md).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import NamedTuple

import msgspec

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, RETRYABLE
from ordering.db.gather import Gather, GatherClosedError
from ordering.domain import messages
from ordering.domain.errors import (
    KeyInUseError,
    OrderingError,
    Problem,
    RetryableError,
)
from ordering.domain.ids import new_id, show_id
from ordering.domain.states import BulkState, LineOutcome
from ordering.inbound.bulk_batch import Batch, BulkLostError, LineJudge, LineWriter
from ordering.inbound.bulk_output import BulkOutput
from ordering.inbound.bulk_rows import Bulk, LineResult, Opened, end, open_bulk, read_bulk, renew
from ordering.inbound.lines import Line, LineBuffer, LineSplitter
from ordering.orders.external_ids import ExternalIds
from ordering.settings import Settings

__all__ = ["AcceptBulk", "BulkEnd", "BulkIntake", "SenderGoneError"]

_log = logging.getLogger(__name__)

#: Most bulks that one process receives at a time.
_MOST_BULKS = 16

#: Most lines and bytes of a batch, and the bytes that are read ahead.
_BATCH = 500
_BATCH_BYTES = 1024 * 1024
_READ_AHEAD_BYTES = 2 * 1024 * 1024

#: How often a batch is tried that met a deadlock or a lock timeout.
_TRIES = 3
_PAUSE_S = 0.2

#: Seconds between looks whether the process is to end.
_LOOK_S = 0.5


class SenderGoneError(Exception):
    """Whoever sent the lines has gone before their end."""


class BulkEnd(msgspec.Struct, frozen=True):
    """How a bulk ended, and why if it was interrupted.

    `bulk` is None where the database could not tell.
    """

    bulk: Bulk | None
    problems: Sequence[Problem]


class _Tools(NamedTuple):
    """What intakes share."""

    database: Database
    judge: LineJudge
    writes: Gather[Batch, Sequence[LineResult]]
    ring: Callable[[], None]
    is_closing: Callable[[], bool]
    max_line_bytes: int
    lease_s: int
    idle_s: int


class AcceptBulk:
    """The use case. `ring` is called after commits and must not block: the doorbell.

    Of orders with the same external system and id, wherever they come from, one is accepted.
    """

    def __init__(
        self,
        database: Database,
        keeper: CatalogKeeper,
        settings: Settings,
        ring: Callable[[], None],
        external_ids: ExternalIds,
    ) -> None:
        writer = LineWriter(external_ids, settings)
        self._closing = False
        self._under_way = 0
        self._tools = _Tools(
            database=database,
            judge=LineJudge(database, keeper, settings),
            # Each batch is a group by itself; two of them are written at a time.
            writes=Gather(database, writer.write, writer.find_written, max_group=1),
            ring=ring,
            is_closing=lambda: self._closing,
            max_line_bytes=settings.max_body_bytes,
            lease_s=settings.queue_lease_s,
            idle_s=settings.bulk_idle_s,
        )

    @asynccontextmanager
    async def open(self, client: str, key: str | None = None) -> AsyncGenerator["BulkIntake"]:
        """Open a bulk, or go on with the one that the client sent under this key before.

        On leaving it is ended: finished if all lines were taken, else interrupted. Raises
        `KeyInUseError` if that one is being received, `RetryableError` if too many are.
        """
        tools = self._tools
        if self._closing:
            raise RetryableError([Problem.of(messages.SHUTTING_DOWN)])
        if self._under_way >= _MOST_BULKS:
            raise RetryableError([Problem.of(messages.BULKS_TOO_MANY)])
        self._under_way += 1
        with ExitStack() as slot:
            slot.callback(self._free_slot)
            fresh = Opened(new_id(), new_id(), 0, key is not None)
            async with tools.database.acquire() as connection:
                opened = await open_bulk(connection, fresh, client, key, lease_s=tools.lease_s)
            if opened is None:
                raise KeyInUseError([Problem.of(messages.KEY_IN_USE)])
            intake = BulkIntake(tools, opened, client, slot)
            try:
                yield intake
            finally:
                # Also of a task that is cancelled; the lease is for what happens to the process.
                await asyncio.shield(intake.end())

    def _free_slot(self) -> None:
        self._under_way -= 1

    def stop(self) -> None:
        """Read no further lines of any bulk: the process is to end."""
        self._closing = True

    async def close(self) -> None:
        """Finish the writes under way and take no more."""
        self.stop()
        await self._tools.writes.close()


class BulkIntake:
    """A bulk that is being received: `take` and `results` run side by side."""

    def __init__(self, tools: _Tools, opened: Opened, client: str, slot: ExitStack) -> None:
        self._tools = tools
        self._opened = opened
        self._client = client
        self._slot = slot
        self._buffer = LineBuffer(_READ_AHEAD_BYTES)
        self._output = BulkOutput(tools.database, opened.id)
        self._problems: Sequence[Problem] = ()
        self._whole = False
        self._finished = False
        self._ended = False
        self._sender_gone = False
        self.id = opened.id

    async def take(self, chunks: AsyncIterator[bytes]) -> None:
        """Take all lines of a stream, whose iterator raises `SenderGoneError` if it breaks off."""
        reading = asyncio.create_task(self._read(chunks))
        watching = asyncio.create_task(self._watch(reading))
        try:
            await self._work()
            self._finished = self._whole and not self._problems
        except BulkLostError:
            self._problems = [Problem.of(messages.BULK_TAKEN_OVER)]
        except OrderingError as error:
            self._problems = error.problems
        except (*DATABASE_AWAY, GatherClosedError) as error:
            _log.warning("bulk %s was interrupted: %r", show_id(self.id), error)
            told = messages.UNAVAILABLE if _may_pass(error) else messages.CREATION_FAILED
            self._problems = [Problem.of(told)]
        finally:
            for task in (reading, watching):
                task.cancel()
            await asyncio.gather(reading, watching, return_exceptions=True)
            await self.end()
            self._output.close()

    async def results(self) -> AsyncGenerator[Sequence[LineResult]]:
        """Yield what became of the lines, in their order, once it is committed.

        Ends early for a sender who has gone. Raises one of `DATABASE_AWAY`.
        """
        async for batch in self._output.batches():
            if self._sender_gone:
                return
            yield batch

    async def end(self) -> None:
        """End the bulk as far as it is not."""
        if self._ended:
            return
        self._ended = True
        self._slot.close()  # an answer that nobody reads takes no other bulk's place
        state = BulkState.FINISHED if self._finished else BulkState.INTERRUPTED
        # If the database is away the lease will run out, which means the same.
        with suppress(*DATABASE_AWAY):
            async with self._tools.database.acquire() as connection:
                await end(connection, self._opened, state)

    async def told(self) -> BulkEnd:
        """Tell how the bulk ended."""
        try:
            async with self._tools.database.acquire() as connection:
                return BulkEnd(await read_bulk(connection, show_id(self.id)), self._problems)
        except DATABASE_AWAY:
            return BulkEnd(None, self._problems or [Problem.of(messages.UNAVAILABLE)])

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        splitter = LineSplitter(self._tools.max_line_bytes)
        try:
            while (chunk := await self._next_chunk(chunks)) is not None:
                await self._buffer.put(splitter.feed(chunk))
            await self._buffer.put(splitter.end())
            self._whole = True
        except SenderGoneError:
            self._sender_gone = True
            _log.info("the sender of bulk %s has gone", show_id(self.id))
        except TimeoutError:
            told = Problem.of(messages.BULK_IDLE, seconds=self._tools.idle_s)
            self._problems = [told]
        finally:
            await self._buffer.close()

    async def _next_chunk(self, chunks: AsyncIterator[bytes]) -> bytes | None:
        # Bounds what the sender may take; how long we take for its lines is no matter.
        async with asyncio.timeout(self._tools.idle_s):
            return await anext(chunks, None)

    async def _watch(self, reading: "asyncio.Task[None]") -> None:
        """Renew the lease while no line comes; stop reading when it or the process is to end."""
        waited_s = 0.0
        problem = messages.SHUTTING_DOWN
        while not self._tools.is_closing():
            await asyncio.sleep(_LOOK_S)
            waited_s += _LOOK_S
            if waited_s >= self._tools.lease_s / 3:
                waited_s = 0.0
                if not await self._renew():
                    problem = messages.BULK_TAKEN_OVER
                    break
        if not reading.done():
            self._problems = [Problem.of(problem)]
            reading.cancel()

    async def _renew(self) -> bool:
        """Renew the lease; tells whether the bulk is still ours, as far as can be known."""
        with suppress(*DATABASE_AWAY):
            async with self._tools.database.acquire() as connection:
                return await renew(connection, self._opened, lease_s=self._tools.lease_s)
        return True

    async def _work(self) -> None:
        writing: asyncio.Task[None] | None = None
        after = 0
        try:
            while lines := await self._next_lines(writing):
                batch = await self._tools.judge.judge(self._opened, lines, self._client, after)
                after = lines[-1].number
                if writing is not None:
                    await writing
                writing = asyncio.create_task(self._write(batch))
        finally:
            if writing is not None:
                await writing

    async def _next_lines(self, writing: "asyncio.Task[None] | None") -> list[Line]:
        """Wait for lines; raises what a batch meets that is written meanwhile."""
        taking = asyncio.create_task(self._buffer.take(_BATCH, _BATCH_BYTES))
        try:
            if writing is not None:
                await asyncio.wait((taking, writing), return_when=asyncio.FIRST_COMPLETED)
                if writing.done():
                    await writing
            return await taking
        finally:
            taking.cancel()

    async def _write(self, batch: Batch) -> None:
        # What was answered before comes before what was not.
        written = await self._submit(batch) if batch.lines else ()
        self._output.offer([*batch.known, *written])

    async def _submit(self, batch: Batch) -> Sequence[LineResult]:
        """Write a batch; if it cannot be written, its lines one by one."""
        for tries_left in reversed(range(_TRIES)):
            try:
                results = await self._tools.writes.submit(batch)
            except RETRYABLE:
                if not tries_left:
                    raise
                await asyncio.sleep(_PAUSE_S)
            except DATABASE_AWAY as error:  # it is there, and does not bear one of the lines
                return await self._submit_apart(batch, error)
            else:
                if any(result.outcome is LineOutcome.ACCEPTED for result in results):
                    self._tools.ring()
                return results
        return ()

    async def _submit_apart(self, batch: Batch, error: Exception) -> Sequence[LineResult]:
        if len(batch.lines) > 1:
            _log.warning("a batch of a bulk failed, its lines go one by one: %r", error)
            return [
                result
                for line in batch.lines
                for result in await self._submit(Batch(batch.bulk, [line]))
            ]
        (line,) = batch.lines
        if line.request is None:
            raise error
        _log.error("line %s of bulk %s cannot be stored: %r", line.number, show_id(self.id), error)
        line.request = None
        line.problems = [Problem.of(messages.CREATION_FAILED)]
        return await self._submit(batch)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, (*RETRYABLE, GatherClosedError))
