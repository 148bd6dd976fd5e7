"""The doorbell: tells a worker that there is something in the inbound queue.

Losing a ring costs latency only, because workers look at the queue by themselves too. So nobody
waits for the bell, and a dead Redis is noted and otherwise ignored.
"""

import asyncio
import logging
from typing import Any, cast

import msgspec
from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from ordering_jobs.cancellation import end
from ordering_jobs.redis_settings import QUEUE_NAME

__all__ = ["RING", "Doorbell", "deserialize", "serialize"]

#: The name of the job that a ring is.
RING = "ring"

_log = logging.getLogger(__name__)
_PAUSE_S = 0.02
_AGAIN_S = 0.06
_AFTER_FAILURE_S = 1.0
_CONNECT_S = 1.0
_ANSWER_S = 5.0


def serialize(job: dict[str, object]) -> bytes:
    """Write a job as MessagePack; arq's own choice would be pickle, which runs what it reads."""
    return msgspec.msgpack.encode(job)


def deserialize(data: bytes) -> dict[str, object]:
    """Read a job."""
    return msgspec.msgpack.decode(data)


class Doorbell:
    """Rings are gathered: however many orders arrive, one ring is under way at a time."""

    def __init__(self, redis_url: str) -> None:
        self._url = redis_url
        self._rung = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._redis: ArqRedis | None = None

    def open(self) -> None:
        """Start ringing. Redis need not be there."""
        self._task = asyncio.create_task(self._keep_ringing())

    async def close(self) -> None:
        """Ring no more."""
        if self._task is not None:
            await end(self._task)
            self._task = None
        if self._redis is not None:
            await self._redis.aclose(close_connection_pool=True)
            self._redis = None

    def ring(self) -> None:
        """Ring soon; returns at once."""
        self._rung.set()

    async def _keep_ringing(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                if not await self._ring_once():
                    # A ring is pending, or is being answered right now by a worker that may have
                    # looked just before our commit: ring once more when that is over.
                    await asyncio.sleep(_AGAIN_S)
                    await self._ring_once()
                await asyncio.sleep(_PAUSE_S)
            except (RedisError, OSError):
                _log.warning("cannot ring the doorbell; workers will look by themselves")
                await asyncio.sleep(_AFTER_FAILURE_S)

    async def _ring_once(self) -> bool:
        if self._redis is None:
            pool = cast("Any", ConnectionPool).from_url(
                self._url, socket_connect_timeout=_CONNECT_S, socket_timeout=_ANSWER_S
            )
            self._redis = ArqRedis(
                pool,
                job_serializer=serialize,
                job_deserializer=deserialize,
                default_queue_name=QUEUE_NAME,
            )
        # One id for all rings: while one waits for a worker, no second is queued.
        return await self._redis.enqueue_job(RING, _job_id=RING) is not None
