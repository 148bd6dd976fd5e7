"""Tasks that run beside the requests for as long as the process does."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Never

__all__ = ["keep_going"]

_logger = logging.getLogger(__name__)


async def keep_going(name: str, work: Callable[[], Awaitable[None]], *, pause_s: float) -> Never:
    """Do `work` again and again until cancelled.

    Nobody awaits such a task, so an error that ended it would go unnoticed while what it keeps
    current grows old: any is logged, and `work` is done again after a pause.
    """
    while True:
        try:
            await work()
        except Exception:
            _logger.exception("%s failed; going on in %s s", name, pause_s)
            await asyncio.sleep(pause_s)
