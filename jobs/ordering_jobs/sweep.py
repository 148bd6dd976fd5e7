"""Sweeps out what is kept no longer, beside the draining and without holding it up."""

import asyncio
import logging

from ordering.db.failures import PASSING
from ordering.inbound.retention import Removed, Retention

__all__ = ["keep_sweeping"]

_log = logging.getLogger(__name__)
_EVERY_S = 60.0


async def keep_sweeping(retention: Retention, *, every_s: float = _EVERY_S) -> None:
    """Sweep every `every_s` seconds until the task is canceled."""
    while True:
        try:
            removed = await retention.sweep()
            if removed != Removed():
                _log.info("swept out what is kept no longer: %s", removed)
        except PASSING:
            _log.warning("the database is away; sweeping waits", exc_info=True)
        await asyncio.sleep(every_s)
