"""The sweepers: again and again, past a database that is away, until they are canceled."""

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from ordering.db.connection import Connection
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.inbound.retention import Removed, Retention
from ordering.orders.tally import fold
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_jobs.cancellation import end
from ordering_jobs.sweep import keep_folding, keep_sweeping
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


async def add_to_tally(database: Database, rows: int) -> None:
    async with database.acquire() as connection:
        await connection.execute(
            "INSERT INTO order_tally (state, orders) SELECT 'new', 1 FROM generate_series(1, $1)",
            rows,
        )


async def tally(database: Database) -> list[int]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT orders FROM order_tally ORDER BY id")
    return [row["orders"] for row in rows]


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


async def test_it_folds_again_and_again(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.orders.tally._FEW", 0)
    task = asyncio.create_task(keep_folding(demo_database, every_s=0))
    for number in range(1, 4):
        await add_to_tally(demo_database, 2)

        async def folded(number: int = number) -> bool:
            return await tally(demo_database) == [2 * number]

        await until(folded)
    assert await end(task) is None


async def test_folding_goes_on_past_whatever_the_database_refuses(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ordering.orders.tally._FEW", 0)
    await add_to_tally(demo_database, 2)
    refusals = [asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError]

    async def fold_later(connection: Connection) -> int:
        if refusals:
            raise refusals.pop()
        return await fold(connection)

    monkeypatch.setattr("ordering_jobs.sweep.fold", fold_later)
    task = asyncio.create_task(keep_folding(demo_database, every_s=0))

    async def folded() -> bool:
        return await tally(demo_database) == [2]

    await until(folded)
    assert await end(task) is None
    assert caplog.messages == ["orders are not added up for now"] * 2


async def test_a_worker_folds_when_it_starts_and_ends_with_the_folders_defect(
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await add_to_tally(demo_database, 101)

    async def fold_and_fail(connection: Connection) -> int:
        await fold(connection)
        raise ZeroDivisionError

    monkeypatch.setattr("ordering_jobs.sweep.fold", fold_and_fail)
    with pytest.raises(ZeroDivisionError):
        await run_worker(Settings(), demo_url, servers.redis_url)
    assert await tally(demo_database) == [101]


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
