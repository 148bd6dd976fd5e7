"""Sweeps up beside the draining and without holding it up: what is kept no longer, what adds up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, PASSING
from ordering.inbound.retention import Removed, Retention
from ordering.orders.tally import fold

__all__ = ["keep_folding", "keep_sweeping"]

_log = logging.getLogger(__name__)
_SWEEP_EVERY_S = 60.0

#: What statements add meanwhile, some hundreds a second at most, is read by every list of orders.
_FOLD_EVERY_S = 5.0


async def keep_sweeping(retention: Retention, *, every_s: float = _SWEEP_EVERY_S) -> None:
    """Delete what is kept no longer, every `every_s` seconds, until the task is canceled."""

    async def sweep() -> None:
        removed = await retention.sweep()
        if removed != Removed():
            _log.info("swept out what is kept no longer: %s", removed)

    await _keep_doing(sweep, every_s, PASSING, "the database is away; sweeping waits")


async def keep_folding(database: Database, *, every_s: float = _FOLD_EVERY_S) -> None:
    """Add up the rows that tell how many orders there are, until the task is canceled.

    Whatever the database refuses is told and tried again: without it lists take longer, no more.
    """

    async def fold_once() -> None:
        async with database.acquire() as connection:
            await fold(connection)

    await _keep_doing(fold_once, every_s, DATABASE_AWAY, "orders are not added up for now")


async def _keep_doing(
    work: Callable[[], Awaitable[None]],
    every_s: float,
    past: tuple[type[Exception], ...],
    told: str,
) -> None:
    while True:
        try:
            await work()
        except past:
            _log.warning(told, exc_info=True)
        await asyncio.sleep(every_s)
