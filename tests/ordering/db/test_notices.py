"""Notices arrive, and a lost connection is made up for."""

import asyncio

import pytest

from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.notices import CATALOG_CHANGED, CLIENT_CHANGED, Notices


class Bell:
    """Counts how often it was rung, and lets tests wait for the next time."""

    def __init__(self) -> None:
        self.count = 0
        self.payloads: list[str] = []
        self._rung = asyncio.Event()

    def ring(self, payload: str) -> None:
        self.count += 1
        self.payloads.append(payload)
        self._rung.set()

    async def next(self) -> int:
        async with asyncio.timeout(10):
            await self._rung.wait()
        self._rung.clear()
        return self.count


async def test_a_listener_is_told_at_the_start_and_with_each_notice(
    database: Database, empty_url: str
) -> None:
    bell, other = Bell(), Bell()
    notices = Notices(empty_url, {CATALOG_CHANGED: bell.ring, CLIENT_CHANGED: other.ring})
    await notices.open()
    try:
        assert await bell.next() == 1
        async with database.acquire() as connection:
            await connection.execute("SELECT pg_notify($1, 'what')", CATALOG_CHANGED)
        assert await bell.next() == 2
        assert bell.payloads == ["", "what"]
        assert other.count == 1
    finally:
        await notices.close()


async def test_after_a_lost_connection_every_listener_is_told(
    database: Database, empty_url: str
) -> None:
    bell = Bell()
    notices = Notices(f"{empty_url}&application_name=the-listener", {CATALOG_CHANGED: bell.ring})
    await notices.open()
    try:
        assert await bell.next() == 1
        async with database.acquire() as connection:
            ended = await connection.fetchval(
                """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'the-listener'"""
            )
        assert ended == 1
        assert await bell.next() == 2
        async with database.acquire() as connection:
            await connection.execute("SELECT pg_notify($1, '')", CATALOG_CHANGED)
        assert await bell.next() == 3
    finally:
        await notices.close()


async def test_connect_gives_a_plain_connection(empty_url: str) -> None:
    connection = await connect(empty_url)
    try:
        assert await connection.fetchval("SELECT 1") == 1
    finally:
        await connection.close()


async def test_a_listener_that_fails_does_not_end_the_listening(
    empty_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    bell = Bell()

    def ring(payload: str) -> None:
        bell.ring(payload)
        if bell.count == 1:
            raise ZeroDivisionError("a defect")

    notices = Notices(empty_url, {CATALOG_CHANGED: ring})
    async with asyncio.timeout(10):
        await notices.open()
    await notices.close()
    assert bell.count == 2
    assert "listening to notices failed" in caplog.text
    assert "a defect" in caplog.text
