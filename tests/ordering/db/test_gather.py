"""Shared transactions: grouped, answered after the commit, and fair to each caller."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.gather import Gather, GatherClosedError


class Writes:
    """Writes names into a table, holding the first group until told to go on."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go_on = asyncio.Event()

    async def __call__(self, connection: Connection, items: Sequence[str]) -> list[str]:
        self.groups.append(list(items))
        if len(self.groups) == 1:
            await self.go_on.wait()
        await connection.execute("INSERT INTO names SELECT unnest($1::text[])", items)
        return [item.upper() for item in items]


@pytest.fixture
async def names(database: Database) -> AsyncGenerator[Database]:
    async with database.acquire() as connection:
        await connection.execute("CREATE TABLE names (name text PRIMARY KEY CHECK (name <> 'bad'))")
    yield database
    async with database.acquire() as connection:
        await connection.execute("DROP TABLE names")


async def stored(database: Database) -> list[str]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT name FROM names ORDER BY name")
    return [row["name"] for row in rows]


async def submitted(group: Gather[str, str], *items: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(group.submit(item)) for item in items]
    await asyncio.sleep(0)
    return tasks


async def test_a_lone_write_goes_at_once(names: Database) -> None:
    writes = Writes()
    writes.go_on.set()
    group = Gather(names, writes)
    assert await group.submit("one") == "ONE"
    assert writes.groups == [["one"]]
    assert await stored(names) == ["one"]


async def test_writes_that_meet_share_a_transaction(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1)
    first = await submitted(group, "one")
    rest = await submitted(group, "two", "three")
    writes.go_on.set()
    assert await asyncio.gather(*first, *rest) == ["ONE", "TWO", "THREE"]
    assert writes.groups == [["one"], ["two", "three"]]


async def test_a_group_is_bounded(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1, max_group=2)
    tasks = await submitted(group, "a") + await submitted(group, "b", "c", "d")
    writes.go_on.set()
    await asyncio.gather(*tasks)
    assert writes.groups == [["a"], ["b", "c"], ["d"]]


async def test_a_bad_write_fails_only_its_caller(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1)
    tasks = await submitted(group, "one") + await submitted(group, "two", "bad", "three")
    writes.go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "str",
        "str",
        "CheckViolationError",
        "str",
    ]
    assert await stored(names) == ["one", "three", "two"]


async def test_a_caller_that_leaves_harms_nobody(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1)
    first = await submitted(group, "one")
    leaver, stayer = await submitted(group, "leaver", "stayer")
    leaver.cancel()
    writes.go_on.set()
    assert await asyncio.gather(*first, stayer) == ["ONE", "STAYER"]
    assert leaver.cancelled()
    assert await stored(names) == ["leaver", "one", "stayer"]


async def test_closing_waits_for_what_is_under_way_and_takes_no_more(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1)
    tasks = await submitted(group, "one") + await submitted(group, "two")
    closing = asyncio.create_task(group.close())
    await asyncio.sleep(0)
    with pytest.raises(GatherClosedError):
        await group.submit("late")
    writes.go_on.set()
    await closing
    assert [task.result() for task in tasks] == ["ONE", "TWO"]
    assert await stored(names) == ["one", "two"]


async def test_a_lost_connection_is_told_to_all_and_nothing_is_tried_again(
    names: Database,
) -> None:
    writes = Writes()

    async def lost(connection: Connection, items: Sequence[str]) -> list[str]:
        await writes(connection, items)
        if len(items) > 1:
            # Committed, but the answer never arrives.
            raise ConnectionResetError
        return list(items)

    group = Gather(names, lost, hands=1)
    tasks = await submitted(group, "one") + await submitted(group, "two", "three")
    writes.go_on.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result).__name__ for result in results] == [
        "str",
        "ConnectionResetError",
        "ConnectionResetError",
    ]
    assert writes.groups == [["one"], ["two", "three"]]
    assert await stored(names) == ["one", "three", "two"]
