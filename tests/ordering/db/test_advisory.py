"""Locks on names: held until the end, few for many, never waited for crosswise."""

import asyncio

from ordering.db.advisory import LockKind, lock_names, try_lock_names
from ordering.db.connection import Connection
from ordering.db.engine import Database
from support.locks import waiters


async def held(connection: Connection) -> int:
    return await connection.fetchval(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )


async def test_any_number_of_names_has_a_bounded_number_of_locks(database: Database) -> None:
    async with database.transaction() as connection:
        await lock_names(connection, LockKind.LINE, [str(n) for n in range(50_000)])
        assert await held(connection) == 1024
    async with database.acquire() as connection:
        assert await held(connection) == 0


async def test_who_wants_a_name_that_is_held_waits_for_the_end(database: Database) -> None:
    async def lock() -> None:
        async with database.transaction() as mine:
            await lock_names(mine, LockKind.LINE, ["b", "a"])

    async with database.acquire() as watching:
        async with database.transaction() as holding:
            await lock_names(holding, LockKind.LINE, ["a"])
            waiting = asyncio.create_task(lock())
            await waiters(watching, 1)
        await waiting


async def test_kinds_are_apart(database: Database) -> None:
    async with database.transaction() as one, database.transaction() as other:
        await lock_names(one, LockKind.LINE, ["a"])
        await lock_names(other, LockKind.EXTERNAL_ID, ["a"])
        assert [await held(each) for each in (one, other)] == [1, 1]


async def test_who_wants_several_does_not_lock_others_out(database: Database) -> None:
    names = [str(n) for n in range(20)]

    async def lock(mine: list[str]) -> None:
        for _ in range(50):
            async with database.transaction() as connection:
                await lock_names(connection, LockKind.LINE, mine)

    async with asyncio.timeout(30):
        await asyncio.gather(lock(names), lock(names[::-1]), lock(names[::2] + names[1::2]))


async def test_trying_does_not_wait(database: Database) -> None:
    async with database.transaction() as one, database.transaction() as other:
        assert await try_lock_names(one, ["a", "b"]) == [True, True]
        assert await try_lock_names(other, ["b", "c", "a"]) == [False, True, False]
