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


async def grouped(names: Database, *sizes: int) -> list[list[str]]:
    """Tell how items of these sizes, named by their places, are grouped behind a first one."""
    writes = Writes()
    group = Gather(names, writes, hands=1, max_group=3, max_bytes=10)
    tasks = await submitted(group, "first")
    tasks += [
        asyncio.create_task(group.submit(str(place), size)) for place, size in enumerate(sizes)
    ]
    await asyncio.sleep(0)
    writes.go_on.set()
    await asyncio.gather(*tasks)
    assert writes.groups[0] == ["first"]
    return writes.groups[1:]


async def test_a_group_ends_before_its_sizes_exceed_the_bound(names: Database) -> None:
    assert await grouped(names, 4, 6, 5, 4, 2) == [["0", "1"], ["2", "3"], ["4"]]


async def test_an_item_larger_than_the_bound_goes_alone_and_in_its_turn(names: Database) -> None:
    assert await grouped(names, 1, 11, 0, 9, 1) == [["0"], ["1"], ["2", "3", "4"]]


async def test_items_without_a_size_are_bounded_by_their_number_alone(names: Database) -> None:
    assert await grouped(names, 0, 0, 0, 0) == [["0", "1", "2"], ["3"]]


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


async def find_done(connection: Connection, item: str) -> str | None:
    name = await connection.fetchval("SELECT name FROM names WHERE name = $1", item)
    return name and name.upper()


@pytest.mark.parametrize("committed", [True, False])
async def test_after_a_lost_connection_each_write_is_done_exactly_once(
    names: Database, *, committed: bool
) -> None:
    writes = Writes()

    async def lossy(connection: Connection, items: Sequence[str]) -> list[str]:
        if len(items) == 1:
            return await writes(connection, items)
        if committed:
            await writes(connection, items)
        # The answer to the first try never arrives.
        raise ConnectionResetError

    group = Gather(names, lossy, find_done, hands=1)
    tasks = await submitted(group, "one") + await submitted(group, "two", "three")
    writes.go_on.set()
    assert await asyncio.gather(*tasks) == ["ONE", "TWO", "THREE"]
    assert await stored(names) == ["one", "three", "two"]
    expected = [["one"], ["two", "three"]] if committed else [["one"], ["two"], ["three"]]
    assert writes.groups == expected


async def test_a_write_that_is_still_running_elsewhere_is_found_in_the_end(
    names: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.db.gather._PAUSE_S", 0.0)
    looks: list[str] = []

    async def find_late(connection: Connection, item: str) -> str | None:
        looks.append(item)
        return await find_done(connection, item) if len(looks) > 1 else None

    async def lost_once(connection: Connection, items: Sequence[str]) -> list[str]:
        await connection.execute("INSERT INTO names SELECT unnest($1::text[])", items)
        raise ConnectionResetError

    group = Gather(names, lost_once, find_late)
    assert await group.submit("one") == "ONE"
    assert await stored(names) == ["one"]
    assert looks == ["one", "one"]


async def test_a_database_that_stays_away_is_told_after_a_few_tries(
    names: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.db.gather._PAUSE_S", 0.0)
    tries: list[int] = []

    async def away(_: Connection, items: Sequence[str]) -> list[str]:
        tries.append(len(items))
        raise ConnectionResetError

    group = Gather(names, away)
    with pytest.raises(ConnectionResetError):
        await group.submit("one")
    assert tries == [1, 1, 1, 1]


async def test_each_caller_is_told_how_its_lost_work_ended(names: Database) -> None:
    async def lossy(connection: Connection, items: Sequence[str]) -> list[str]:
        if items != ["two"]:
            raise ConnectionResetError if len(items) > 1 or items == ["one"] else KeyError(*items)
        await connection.execute("INSERT INTO names SELECT unnest($1::text[])", items)
        return ["TWO"]

    async def find(_: Connection, item: str) -> str | None:
        return "ONE" if item == "one" else None

    group = Gather(names, lossy, find, hands=1)
    tasks = await submitted(group, "one") + await submitted(group, "odd", "two")
    async with asyncio.timeout(10):
        one, odd, two = await asyncio.gather(*tasks, return_exceptions=True)
    assert (one, repr(odd), two) == ("ONE", "KeyError('odd')", "TWO")
    assert await stored(names) == ["two"]


async def test_a_caller_without_a_result_is_told(names: Database) -> None:
    async def mute(_connection: Connection, _items: Sequence[str]) -> list[str]:
        return []

    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="shorter"):
            await Gather(names, mute).submit("one")


async def test_too_many_waiting_are_refused(names: Database) -> None:
    writes = Writes()
    group = Gather(names, writes, hands=1, max_waiting=1)
    tasks = await submitted(group, "one") + await submitted(group, "two")
    await asyncio.sleep(0)
    with pytest.raises(GatherClosedError):
        await group.submit("three")
    writes.go_on.set()
    assert await asyncio.gather(*tasks) == ["ONE", "TWO"]
