"""Tasks are ended even if they lose a cancellation."""

import asyncio

from ordering_jobs.cancellation import end


async def forgetful(times: int) -> None:
    """Stand in for the Redis client, which now and then swallows a cancellation."""
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            times -= 1
            if times < 0:
                raise


async def test_a_cancellation_that_was_lost_is_repeated() -> None:
    task = asyncio.create_task(forgetful(2))
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        assert await end(task) is None
    assert task.cancelled()


async def test_the_error_of_a_task_that_ended_is_told() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    task = asyncio.create_task(fail())
    await asyncio.wait({task})
    assert isinstance(await end(task), ZeroDivisionError)
