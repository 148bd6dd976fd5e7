"""Drains the inbound queue: looks when the bell rings, and now and then without it."""

import asyncio
import logging
import time

from ordering.db.failures import DATABASE_AWAY
from ordering.inbound.process import Processor

__all__ = ["Drainer"]

_log = logging.getLogger(__name__)
_AFTER_FAILURE_S = 1.0


class Drainer:
    """One task that empties the queue batch by batch, then sleeps until it is woken.

    `sweep_s` is the longest sleep in seconds: it bounds what a lost ring can cost. Every
    `rescue_s` seconds it gives back what workers hold that no longer answer.
    """

    def __init__(self, processor: Processor, *, sweep_s: float, rescue_s: float = 5.0) -> None:
        self._processor = processor
        self._sweep_s = sweep_s
        self._rescue_s = rescue_s
        self._rescue_at = 0.0
        self._rung = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def open(self) -> asyncio.Task[None]:
        """Start draining. The task ends on `close`, or with the error of a defect."""
        self._task = asyncio.create_task(self._keep_draining())
        return self._task

    async def close(self) -> None:
        """Finish the batch in hand, then stop: nobody has to wait for a lease."""
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
            try:
                await self._rescue_if_due()
                while await self._processor.drain_batch() and not self._stopping:
                    await self._rescue_if_due()
            except DATABASE_AWAY:
                _log.warning("the database is away; draining waits", exc_info=True)
                await asyncio.sleep(_AFTER_FAILURE_S)
            try:
                async with asyncio.timeout(self._sweep_s):
                    await self._rung.wait()
            except TimeoutError:
                pass
