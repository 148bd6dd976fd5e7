"""Watched orders: leases, notices about those only, and looks that heal what was lost."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.db.notices import ORDER_CHANGED, Notices
from ordering.domain.ids import new_id
from ordering.events.watch import Seen, Watches
from support.processes import until
from support.queued import queued

EVENT = """
INSERT INTO order_event (order_id, event_type, occurred_at) SELECT unnest($1::uuid[]), 'e', now()
"""
ORDER = """
INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
VALUES ($1, 'new', 'cpq', now(), now())
"""


class Diary:
    """Keeps what a watcher was told."""

    def __init__(self) -> None:
        self.entries: asyncio.Queue[Seen] = asyncio.Queue()

    def look(self, seen: Seen) -> None:
        self.entries.put_nowait(seen)

    async def next(self) -> Seen:
        async with asyncio.timeout(10):
            return await self.entries.get()


@asynccontextmanager
async def watching(database: Database, *, sweep_s: float = 60) -> AsyncGenerator[Watches]:
    watches = Watches(database, sweep_s=sweep_s)
    await watches.open()
    try:
        yield watches
    finally:
        await watches.close()


async def leases(database: Database) -> list[UUID]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT order_id FROM order_watch ORDER BY order_id")
    return [row["order_id"] for row in rows]


async def execute(database: Database, statement: str, *values: object) -> None:
    async with database.acquire() as connection:
        await connection.execute(statement, *values)


async def test_who_begins_is_told_what_there_is(database: Database) -> None:
    identity, none = new_id(), new_id()
    await execute(database, ORDER, identity)
    request = await queued(database)
    async with watching(database) as watches:
        of_order, of_request, of_none = Diary(), Diary(), Diary()
        watches.add(identity, of_order.look)
        watches.add(request, of_request.look)
        watches.add(none, of_none.look)
        seen = await of_order.next()
        assert seen.order is not None
        assert seen.request is None
        seen = await of_request.next()
        assert seen.order is None
        assert (seen.request or "").startswith("new/0/")
        assert await of_none.next() == Seen(None, None)
        assert await leases(database) == sorted([identity, request, none])


async def test_a_change_is_told_by_a_notice(database: Database, empty_url: str) -> None:
    identity = new_id()
    await execute(database, ORDER, identity)
    async with watching(database) as watches:
        notices = Notices(empty_url, {ORDER_CHANGED: watches.notice})
        diary = Diary()
        watches.add(identity, diary.look)
        first = await diary.next()
        await notices.open()
        try:
            # The start of listening is a reason to look, too.
            assert await diary.next() == first
            async with database.transaction() as connection:
                await connection.execute("UPDATE customer_order SET state = 'acknowledged'")
                await connection.execute(EVENT, [identity])
            assert (await diary.next()).order != first.order
        finally:
            await notices.close()


async def test_what_no_notice_tells_is_found_by_looking(database: Database) -> None:
    identity = new_id()
    async with watching(database, sweep_s=0.05) as watches:
        diary = Diary()
        watches.add(identity, diary.look)
        assert await diary.next() == Seen(None, None)
        await execute(database, ORDER, identity)
        while (seen := await diary.next()) == Seen(None, None):
            pass
        assert seen.order is not None


async def test_only_watched_orders_are_notified(database: Database, empty_url: str) -> None:
    watched, other, over = new_id(), new_id(), new_id()
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await connect(empty_url)

    def hear(_connection: object, _process: int, _channel: str, payload: str) -> None:
        heard.put_nowait(payload)

    try:
        await listener.add_listener(ORDER_CHANGED, hear)
        await execute(database, EVENT, [watched])
        await execute(
            database,
            """INSERT INTO order_watch (order_id, holder, until)
               VALUES ($1, $1, now() + interval '1 h'), ($1, $2, now() + interval '1 h'),
                      ($2, $1, now() - interval '1 s')""",
            watched,
            over,
        )
        await execute(database, EVENT, [other, over])
        await execute(database, EVENT, [watched, other, watched])
        await execute(database, "SELECT pg_notify($1, 'the last')", ORDER_CHANGED)
        async with asyncio.timeout(10):
            assert await heard.get() == str(watched)
            assert await heard.get() == "the last"
    finally:
        await listener.close()


async def test_a_watch_ends_with_its_last_watcher(database: Database) -> None:
    identity, kept = new_id(), new_id()
    async with watching(database) as watches:
        one, other, last = Diary(), Diary(), Diary()
        watches.add(kept, last.look)
        watches.add(identity, one.look)
        watches.add(identity, other.look)
        await one.next()
        watches.remove(identity, one.look)
        watches.notice(str(identity))
        await other.next()
        assert await leases(database) == sorted([identity, kept])
        watches.remove(identity, other.look)

        async def released() -> bool:
            return await leases(database) == [kept]

        await until(released)
        watches.notice(str(identity))
    assert await leases(database) == []
    assert one.entries.empty()


async def test_leases_that_nobody_renews_are_swept(database: Database) -> None:
    mine, forgotten = new_id(), new_id()
    await execute(
        database,
        "INSERT INTO order_watch (order_id, holder, until) VALUES ($1, $1, now())",
        forgotten,
    )
    async with watching(database) as watches:
        diary = Diary()
        watches.add(mine, diary.look)
        await diary.next()
        assert await leases(database) == [mine]


async def test_leases_are_written_again_after_a_crash(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.events.watch._RENEW_S", 0.0)
    identity = new_id()
    async with watching(database, sweep_s=0.05) as watches:
        diary = Diary()
        watches.add(identity, diary.look)
        await diary.next()
        await execute(database, "TRUNCATE order_watch")  # as a crash does with unlogged tables

        async def again() -> bool:
            return await leases(database) == [identity]

        await until(again)
