"""The worker process: arq's loop beside our drainer.

arq's worker ends when Redis stays away longer than its retries; then it is made anew, and the
drainer goes on meanwhile by looking at the queue itself (docs/decisions/0010-doorbell.md).
"""

import asyncio
import logging
import os
import signal
import socket
from typing import Any, cast

from arq.worker import Worker, func
from redis.exceptions import RedisError

from ordering.catalog.snapshot import CatalogKeeper
from ordering.collector import spare_collector
from ordering.db.engine import COMMAND_TIMEOUT_S, Database
from ordering.db.notices import CATALOG_CHANGED, Notices
from ordering.events.mail import FailureMails
from ordering.inbound.control import Gate
from ordering.inbound.process import Processor
from ordering.inbound.retention import Retention
from ordering.settings import Settings
from ordering_jobs.cancellation import end
from ordering_jobs.doorbell import RING, deserialize, serialize
from ordering_jobs.drain import Drainer
from ordering_jobs.mail import Mailer
from ordering_jobs.redis_settings import QUEUE_NAME, redis_settings
from ordering_jobs.sweep import keep_folding, keep_sweeping

__all__ = ["run_worker", "system_id"]

_log = logging.getLogger(__name__)
_POLL_S = 0.05
_RETRIES = 5
_RING_S = 5
_RECONNECT_S = 1.0


def system_id() -> str:
    """Name this worker: host and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def run_worker(settings: Settings, database_url: str, redis_url: str) -> None:
    """Work until SIGTERM or SIGINT, then finish the batches in hand."""
    database = Database(
        database_url,
        pool_size=settings.database_pool_size,
        command_timeout_s=COMMAND_TIMEOUT_S,
        through_indexes=True,
    )
    await database.open()
    keeper = CatalogKeeper(database, check_s=settings.catalog_check_s)
    await keeper.open()
    notices = Notices(database_url, {CATALOG_CHANGED: lambda _: keeper.notice()})
    await notices.open()
    drainer = Drainer(
        Processor(database, keeper, settings, system_id()),
        sweep_s=settings.queue_sweep_s,
        gate=Gate(database, settings.queue_window),
        max_runtime_s=settings.queue_max_runtime_s,
    )
    spare_collector()
    draining = drainer.open()
    sweeping = asyncio.create_task(keep_sweeping(Retention(database, settings)))
    folding = asyncio.create_task(keep_folding(database))
    stopping = asyncio.create_task(_signalled())
    tasks = [draining, sweeping, folding]
    mailer = Mailer(FailureMails(database, settings)) if settings.smtp_host else None
    if mailer is not None:
        tasks.append(mailer.open())
    watched = {*tasks, stopping}
    try:
        while not any(task.done() for task in watched):
            worker = _arq_worker(drainer, redis_url)
            await _listen(worker, watched)
    finally:
        stopping.cancel()
        await drainer.close()
        if mailer is not None:
            await mailer.close()
        await end(sweeping)
        await end(folding)
        await notices.close()
        await keeper.close()
        await database.close()
    for task in tasks:
        if not task.cancelled() and (defect := task.exception()):
            # A worker that cannot drain must not look alive: its supervisor starts it anew.
            raise defect


async def _listen(worker: Worker, until: set[asyncio.Task[None]]) -> None:
    """Answer rings until one of the tasks ends or Redis is lost."""
    listening = asyncio.create_task(worker.main())
    await asyncio.wait({listening, *until}, return_when=asyncio.FIRST_COMPLETED)
    error = await end(listening)
    try:
        await worker.close()
    except (RedisError, OSError):
        _log.info("Redis is away; there is nothing to close")
    if isinstance(error, (RedisError, OSError)):
        _log.warning("lost Redis; the drainer looks by itself until it is back: %r", error)
        await asyncio.wait(until, timeout=_RECONNECT_S, return_when=asyncio.FIRST_COMPLETED)
    elif error is not None:
        raise error


async def _signalled() -> None:
    """Wait for SIGTERM or SIGINT."""
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled.set)
    await signalled.wait()


def _arq_worker(drainer: Drainer, redis_url: str) -> Worker:
    async def ring(_context: dict[Any, Any]) -> None:
        """Answer the doorbell; returns at once, so that the next ring can be queued."""
        drainer.wake()

    return Worker(
        functions=[func(cast("Any", ring), name=RING, keep_result=0)],
        redis_settings=redis_settings(redis_url, retries=_RETRIES),
        queue_name=QUEUE_NAME,
        job_serializer=serialize,
        job_deserializer=deserialize,
        poll_delay=_POLL_S,
        handle_signals=False,
        keep_result=0,
        # A worker that dies while it answers a ring must not silence the bell for long.
        job_timeout=_RING_S,
    )
