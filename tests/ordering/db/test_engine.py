"""Waiting for the database ends, whatever the database does."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from ordering.db.engine import COMMAND_TIMEOUT_S, Database
from ordering.db.failures import UNCERTAIN, is_misuse
from support.processes import until


@asynccontextmanager
async def opened(database: Database) -> AsyncGenerator[Database]:
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def test_waiting_for_a_connection_is_bounded(empty_url: str) -> None:
    async with opened(Database(empty_url, pool_size=1, acquire_timeout_s=0.1)) as database:
        async with database.acquire():
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5), database.acquire():
                    pass  # pragma: no cover
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_connections_are_lent_in_the_order_of_asking(empty_url: str) -> None:
    asked: list[str] = []
    lent: list[str] = []

    async def use(database: Database, who: int) -> None:
        for turn in range(50):
            asked.append(f"{who}, {turn}")
            async with database.acquire() as connection:
                lent.append(f"{who}, {turn}")
                await connection.fetchval("SELECT 1")
            # Some come back while the connection is on its way to the one who waited.
            for _ in range(who):
                await asyncio.sleep(0)

    async with opened(Database(empty_url, pool_size=2)) as database:
        await asyncio.gather(*(use(database, who) for who in range(8)))
    assert lent == asked


async def test_a_silent_server_does_not_keep_who_gives_up_on_it(empty_url: str) -> None:
    database = Database(empty_url, pool_size=1, acquire_timeout_s=0.5)
    pids: list[int] = []

    async def give_up() -> None:
        async with database.acquire() as connection:
            pids.append(await connection.fetchval("SELECT pg_backend_pid()"))
            os.kill(pids[0], signal.SIGSTOP)
            async with asyncio.timeout(0.1):
                await connection.fetchval("SELECT 1")

    async with opened(database):
        try:
            giving_up = asyncio.create_task(give_up())
            done, _ = await asyncio.wait({giving_up}, timeout=20)
            assert done == {giving_up}
            assert isinstance(giving_up.exception(), TimeoutError)
        finally:
            os.kill(pids[0], signal.SIGCONT)
        async with database.acquire() as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_statement_is_bounded_on_this_side_where_asked_for(empty_url: str) -> None:
    async with (
        opened(Database(empty_url, pool_size=1, command_timeout_s=0.1)) as database,
        database.acquire() as connection,
    ):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            await connection.execute("SELECT pg_sleep(5)")
        assert time.monotonic() - started < 3


async def test_a_statement_is_not_bounded_on_this_side_otherwise(empty_url: str) -> None:
    async with (
        opened(Database(empty_url, pool_size=1)) as database,
        database.acquire() as connection,
    ):
        assert await connection.execute("SELECT pg_sleep(0.2)") == "SELECT 1"
    assert COMMAND_TIMEOUT_S == 65


async def hold(database: Database, taken: asyncio.Event, go_on: asyncio.Event) -> None:
    """Lock a table, say so, and say nothing more before `go_on`."""
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE customer_order")
        taken.set()
        await go_on.wait()


async def test_who_stops_within_a_transaction_does_not_keep_its_locks(demo_url: str) -> None:
    taken, go_on = asyncio.Event(), asyncio.Event()
    stopped = Database(demo_url, pool_size=1, idle_timeout_ms=100)
    async with opened(Database(demo_url, pool_size=1)) as database, opened(stopped):
        holding = asyncio.create_task(hold(stopped, taken, go_on))
        await taken.wait()
        async with database.transaction() as other:
            # Waits for the lock, ten seconds at most.
            assert await other.execute("LOCK TABLE customer_order") == "LOCK TABLE"
        go_on.set()
        with pytest.raises(UNCERTAIN):
            await holding


async def test_closing_does_not_wait_for_ever(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ordering.db.engine._CLOSE_TIMEOUT_S", 0.1)
    database = Database(empty_url, pool_size=1)
    await database.open()
    async with asyncio.timeout(5):
        async with database.acquire():
            await database.close()
    assert "still in use" in caplog.text


async def test_a_connection_of_a_closed_pool_is_refused_as_one_that_is_lost(empty_url: str) -> None:
    database = Database(empty_url)
    await database.open()
    await database.close()
    with pytest.raises(UNCERTAIN) as refused:
        async with database.acquire():
            pass
    assert not is_misuse(refused.value)


async def test_a_statement_has_one_plan_whatever_its_values(empty_url: str) -> None:
    database = Database(empty_url, pool_size=1)
    await database.open()
    try:
        async with database.acquire() as connection:
            for texts in ([], ["a"], ["a"] * 1000):
                await connection.fetch("SELECT FROM party WHERE external_id = ANY($1)", texts)
            plans = await connection.fetchrow(
                """SELECT generic_plans, custom_plans FROM pg_prepared_statements
                   WHERE statement LIKE 'SELECT FROM party%'"""
            )
            assert tuple(plans or ()) == (3, 0)
    finally:
        await database.close()


async def test_a_plan_is_made_anew_after_a_while(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.db.engine._PLANS_KEPT_S", 1)
    database = Database(empty_url, pool_size=1)
    await database.open()
    try:
        async with database.acquire() as connection:

            async def planned_at() -> object:
                await connection.fetch("SELECT FROM party WHERE external_id = $1", "a")
                return await connection.fetchval(
                    """SELECT max(prepare_time) FROM pg_prepared_statements
                       WHERE statement LIKE 'SELECT FROM party%'"""
                )

            first = await planned_at()

            async def is_anew() -> bool:
                return await planned_at() != first

            await until(is_anew)
    finally:
        await database.close()
