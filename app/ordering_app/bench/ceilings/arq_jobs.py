"""What arq completes when its jobs do nothing: a queue in memory, without orders.

The jobs are queued before the clock starts. arq's defaults bound a worker to 200 jobs a second
(100 read each half second); with these settings the processor is the bound, and others made no
difference.
"""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
from arq.connections import create_pool
from arq.worker import Worker, func

from ordering_app.bench.child import Work, child_main
from ordering_jobs.doorbell import deserialize, serialize
from ordering_jobs.redis_settings import redis_settings

__all__ = ["ArqTask", "Completed", "prepare"]

_QUEUE = "ordering:bench"
_JOB = "nothing"
_AT_ONCE = 100
_MAX_JOBS = 300
_POLL_S = 0.01
_RETRIES = 5


class ArqTask(msgspec.Struct):
    """How many jobs, and where."""

    redis_url: str
    jobs: int


class Completed(msgspec.Struct):
    """How many jobs were completed in how many seconds, and how many failed."""

    jobs: int
    failed: int
    seconds: float


@asynccontextmanager
async def prepare(task: ArqTask) -> AsyncGenerator[Work]:
    """Queue all jobs; yields what completes them."""
    settings = redis_settings(task.redis_url, retries=_RETRIES)
    redis = await create_pool(settings, job_serializer=serialize, default_queue_name=_QUEUE)
    await redis.delete(_QUEUE)
    for start in range(0, task.jobs, _AT_ONCE):
        some = range(start, min(start + _AT_ONCE, task.jobs))
        await asyncio.gather(*(redis.enqueue_job(_JOB) for _ in some))

    async def nothing(_context: dict[Any, Any]) -> None:
        """Do nothing."""

    async def work() -> Completed:
        worker = Worker(
            functions=[func(cast("Any", nothing), name=_JOB, keep_result=0)],
            redis_settings=settings,
            queue_name=_QUEUE,
            job_serializer=serialize,
            job_deserializer=deserialize,
            poll_delay=_POLL_S,
            max_jobs=_MAX_JOBS,
            burst=True,
            handle_signals=False,
            keep_result=0,
        )
        started = time.perf_counter()
        await worker.main()
        seconds = time.perf_counter() - started
        await worker.close()
        return Completed(worker.jobs_complete, worker.jobs_failed, seconds)

    try:
        yield work
    finally:
        await redis.aclose()


if __name__ == "__main__":
    child_main(ArqTask, prepare)
