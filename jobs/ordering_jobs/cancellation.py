"""Ending a task that talks to Redis."""

import asyncio
from typing import Any

__all__ = ["end"]

_AGAIN_S = 0.1


async def end(task: asyncio.Task[Any]) -> BaseException | None:
    """Cancel a task until it has ended, and return its error if it had one.

    Once is not enough: the Redis client loses a cancellation that meets an answer.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_S)
    return None if task.cancelled() else task.exception()
