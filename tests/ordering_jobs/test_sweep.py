"""The sweeper: again and again, past a database that is away, until it is canceled."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.inbound.retention import Removed, Retention
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_jobs.cancellation import end
from ordering_jobs.sweep import keep_sweeping
from ordering_jobs.worker import run_worker
from support.processes import until
from support.queue import states
from support.queued import queued


class Scripted:
    """Stands in for the retention where the database must fail in a certain way."""

    def __init__(self, *script: Callable[[], Removed]) -> None:
        self.script = list(script)
        self.sweeps = 0

    async def sweep(self) -> Removed:
        self.sweeps += 1
        return self.script.pop(0)() if self.script else Removed()


def away() -> Removed:
    raise ConnectionRefusedError


def defect() -> Removed:
    raise ZeroDivisionError


def without_table() -> Removed:
    raise asyncpg.UndefinedTableError


async def test_it_sweeps_again_and_again_and_tells_what_went(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "ordering_jobs.sweep")
    scripted = Scripted(away, lambda: Removed(completed=2))
    task = asyncio.create_task(keep_sweeping(cast("Retention", scripted), every_s=0))

    async def swept() -> bool:
        return scripted.sweeps >= 4

    await until(swept)
    assert await end(task) is None
    assert caplog.messages == [
        "the database is away; sweeping waits",
        f"swept out what is kept no longer: {Removed(completed=2)}",
    ]


@pytest.mark.parametrize(
    ("script", "error"), [(defect, ZeroDivisionError), (without_table, asyncpg.UndefinedTableError)]
)
async def test_a_defect_ends_it(script: Callable[[], Removed], error: type[Exception]) -> None:
    task = asyncio.create_task(keep_sweeping(cast("Retention", Scripted(script)), every_s=60))
    await asyncio.wait({task}, timeout=10)
    assert task.done()
    assert isinstance(task.exception(), error)


async def test_a_worker_sweeps_when_it_starts_and_ends_with_the_sweepers_defect(
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    identity = await queued(demo_database, "completed")
    async with demo_database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET ended_at = now() - interval '11 d' WHERE id = $1", identity
        )
    sweep = Retention.sweep

    async def sweep_and_fail(retention: Retention) -> Removed:
        await sweep(retention)
        raise ZeroDivisionError

    monkeypatch.setattr(Retention, "sweep", sweep_and_fail)
    with pytest.raises(ZeroDivisionError):
        await run_worker(Settings(), demo_url, servers.redis_url)
    assert await states(demo_database) == {}
