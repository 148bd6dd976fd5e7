"""Drains the inbound queue: looks when the bell rings, and now and then without it."""

import asyncio
import logging
import time

from ordering.db.failures import PASSING
from ordering.inbound.control import Gate
from ordering.inbound.process import Processor

__all__ = ["Drainer"]

_log = logging.getLogger(__name__)
_AFTER_FAILURE_S = 1.0
#: A queue that is resumed without a ring, on the command line, is drained this soon.
_WHILE_CLOSED_S = 1.0
#: How many batches are in hand at once: one is prepared while PostgreSQL writes another and claims
#: a third. With two, what prepares waits now and then for what is written and claimed.
_HANDS = 3


class Drainer:
    """One task that empties the queue by batches, then sleeps until it is woken.

    `sweep_s` is the longest sleep in seconds: it bounds what a lost ring can cost. Every
    `rescue_s` seconds it gives back what workers hold that no longer answer. Before each claim it
    asks the `gate`; while that is closed it claims nothing, and looks again at each ring and at
    least every second.

    A run is what is drained between two sleeps. One that lasts `max_runtime_s` seconds, as one
    over a queue that never empties, ends behind the batches in hand, and the next one begins at
    once.
    """

    def __init__(
        self,
        processor: Processor,
        *,
        sweep_s: float,
        rescue_s: float = 5.0,
        gate: Gate | None = None,
        max_runtime_s: float = 900.0,
    ) -> None:
        self._processor = processor
        self._sweep_s = sweep_s
        self._rescue_s = rescue_s
        self._rescue_at = 0.0
        self._gate = gate
        self._max_runtime_s = max_runtime_s
        self._rung = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def open(self) -> asyncio.Task[None]:
        """Start draining. The task ends on `close`, or with the error of a defect."""
        self._task = asyncio.create_task(self._keep_draining())
        return self._task

    async def close(self) -> None:
        """Finish the batches in hand, then stop: nobody has to wait for a lease."""
        self._stopping = True
        self._rung.set()
        if self._task is not None:
            await asyncio.wait({self._task})
            self._task = None

    def wake(self) -> None:
        """Look at the queue now; returns at once."""
        self._rung.set()

    async def _rescue_if_due(self) -> None:
        if time.monotonic() >= self._rescue_at:
            self._rescue_at = time.monotonic() + self._rescue_s
            await self._processor.rescue()

    async def _keep_draining(self) -> None:
        while not self._stopping:
            # Cleared before looking: a ring during the look leads to another look.
            self._rung.clear()
            sleep_s = self._sweep_s
            try:
                sleep_s = self._sleep_s(is_open=await self._run())
            except PASSING:
                _log.warning("the database is away; draining waits", exc_info=True)
                # All leases may expire meanwhile. Who is back first must not take for dead those
                # who come back a little later and give back their claims themselves.
                self._rescue_at = time.monotonic() + self._rescue_s
                await asyncio.sleep(_AFTER_FAILURE_S)
            try:
                async with asyncio.timeout(sleep_s):
                    await self._rung.wait()
            except TimeoutError:
                pass

    def _sleep_s(self, *, is_open: bool) -> float:
        return self._sweep_s if is_open else min(self._sweep_s, _WHILE_CLOSED_S)

    async def _run(self) -> bool:
        """Drain until the queue is empty, the gate closed or the time over; tells if it was open.

        What workers hold that no longer answer is given back whatever the gate says.
        """
        ends = time.monotonic() + self._max_runtime_s
        await self._rescue_if_due()
        batches = _Batches(self._processor)
        try:
            while not self._stopping and not batches.errors:
                # As in `_keep_draining`: a batch in hand may be held up, and who rings need not.
                self._rung.clear()
                is_open = self._gate is None or await self._gate.is_open()
                if is_open and await batches.take():
                    await batches.free_hand()
                elif batches.under_way:
                    # The end of one may let others go on, so the queue is looked at again.
                    await batches.one_ended(self._rung, within_s=self._sleep_s(is_open=is_open))
                else:
                    return is_open
                await self._rescue_if_due()
                if time.monotonic() >= ends:
                    self._rung.set()
                    _log.info(
                        "a run of draining ends after %s s, the next begins", self._max_runtime_s
                    )
                    return True
            return True
        finally:
            await batches.finish()


class _Batches:
    """The batches in hand, each in a task of its own, and the errors of those that failed."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self.under_way: set[asyncio.Task[None]] = set()
        self.errors: list[BaseException] = []

    async def take(self) -> bool:
        """Claim a batch and begin with it; tells whether there was any."""
        taken = await self._processor.claim_batch()
        if taken.records:
            self.under_way.add(asyncio.create_task(self._processor.process_batch(taken)))
        return bool(taken.records)

    async def free_hand(self) -> None:
        """Wait until another batch may be taken."""
        while len(self.under_way) >= _HANDS:
            await self.one_ended()

    async def one_ended(
        self, or_rung: asyncio.Event | None = None, *, within_s: float | None = None
    ) -> None:
        """Wait until a batch has ended, in whatever way, the bell rings, or the time is over."""
        ringing = {asyncio.create_task(or_rung.wait())} if or_rung else set[asyncio.Task[bool]]()
        try:
            await asyncio.wait(
                self.under_way | ringing, timeout=within_s, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for task in ringing:
                task.cancel()
        ended = {task for task in self.under_way if task.done()}
        self.under_way -= ended
        self.errors += [error for task in ended if (error := task.exception())]

    async def finish(self) -> None:
        """Wait for all. Raises what one of them raised: of several errors a defect."""
        while self.under_way:
            await self.one_ended()
        if self.errors:
            raise min(self.errors, key=lambda error: isinstance(error, PASSING))
