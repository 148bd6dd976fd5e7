"""Waiting for the database ends, whatever the database does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from ordering.db.engine import COMMAND_TIMEOUT_S, Database


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
