"""A fault before, at and after each statement: nothing is lost, doubled, or left in between."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import NamedTuple
from uuid import UUID

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support.faults import Fault, FaultyDatabase
from support.operated import OPERATIONS, World
from support.profile import LONG
from support.queue import created, make_processor, states
from support.servers import DYNAMIC_TABLES, new_database


class Point(NamedTuple):
    """Where an operation fails, and how."""

    name: str
    at: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.name}-{self.at}-{self.fault}".replace(" ", "_")


#: Whose caller does not hear of a lost connection.
SILENT = ("accept", "accept once", "create", "create once")
_LOST = (Fault.LOST_BEFORE, Fault.LOST_AFTER)
_SERVERS_FAULTS = (Fault.DEADLOCK, Fault.LOCK_TIMEOUT)
_CANCELLATIONS = (Fault.CANCELED_BEFORE, Fault.CANCELED_DURING, Fault.CANCELED_AFTER)


def faults(at: int) -> Iterable[Fault]:
    """Choose what happens at a statement: all there is, or by turns where time is short."""
    if LONG:
        return Fault
    alike = (_SERVERS_FAULTS, _CANCELLATIONS)
    return (*_LOST, *(each[at % len(each)] for each in alike))


POINTS = [
    Point(name, at, fault)
    for name, operation in OPERATIONS.items()
    for at in range(operation.same + 1, operation.statements + 1)
    for fault in faults(at)
]


@pytest.fixture(scope="module")
async def pool(servers: EmbeddedServers) -> AsyncGenerator[Database]:
    """One pool for all these tests: it has to survive what they do to it.

    Its commits do not wait for the disk, since no machine fails here.
    """
    url = await new_database(servers, "tests_faults", demo=True)
    connection = await connect(url)
    await connection.execute("ALTER DATABASE tests_faults SET synchronous_commit = off")
    await connection.close()
    database = Database(url, pool_size=5)
    await database.open()
    yield database
    await all_connections_work(database)
    await database.close()


@pytest.fixture(scope="module")
async def catalog(pool: Database) -> CatalogKeeper:
    kept = CatalogKeeper(pool, check_s=60)
    await kept.refresh()
    return kept


@pytest.fixture
async def world(pool: Database, catalog: CatalogKeeper) -> World:
    async with pool.acquire() as connection:
        await connection.execute("; ".join(f"DELETE FROM {table}" for table in DYNAMIC_TABLES))
    return World(pool, catalog)


_NOT_AS_IT_ENDED = """
SELECT request.id, request.state FROM inbound_request AS request
LEFT JOIN customer_order AS made ON made.id = request.id AND made.created_by <> 'x'
WHERE (request.state = 'completed') <> (made.id IS NOT NULL)
"""

_HELD = """
SELECT locktype FROM pg_locks WHERE locktype = 'advisory'
UNION ALL
SELECT query FROM pg_stat_activity WHERE datname = current_database()
   AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'
"""


async def finish(world: World) -> None:
    """Have a healthy worker do what there is to do, now rather than later."""
    processor = make_processor(world.database, world.keeper)
    async with world.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET lease_expires_at = now() - interval '1 s'"
            " WHERE state = 'in_progress'"
        )
        await processor.rescue()
        await connection.execute("UPDATE inbound_request SET due_at = NULL WHERE state = 'new'")
    while await processor.drain_batch():
        pass


async def settled(world: World) -> tuple[set[UUID], int]:
    """Check that all is done, once, and nothing is held any more; returns orders and errors."""
    left = await states(world.database)
    assert set(left) <= {"completed", "error"}
    orders = await created(world.database)
    async with world.database.acquire() as connection:
        for table in ("order_revision", "order_event"):
            rows = await connection.fetch(f"SELECT order_id FROM {table}")
            assert len(rows) == len({row["order_id"] for row in rows})
        odd = await connection.fetch(_NOT_AS_IT_ENDED)
        held = await connection.fetch(_HELD)
    assert [list(row) for row in odd] == []
    assert [list(row) for row in held] == []
    return orders, left.get("error", 0)


async def all_connections_work(pool: Database) -> None:
    barrier = asyncio.Barrier(5)

    async def use() -> None:
        async with pool.acquire() as connection:
            await barrier.wait()
            await connection.execute("SELECT 1")

    async with asyncio.timeout(10):
        await asyncio.gather(*(use() for _ in range(5)))


@pytest.mark.parametrize("name", OPERATIONS)
async def test_every_statement_is_a_point(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    await operation.prepare(world)
    faulty = FaultyDatabase(world.database, given=operation.given)
    await faulty.operate(operation.run(World(faulty, world.keeper)))
    assert len(faulty.sent) == operation.statements, faulty.sent


@pytest.mark.parametrize("point", POINTS, ids=str)
async def test_a_fault_loses_and_doubles_nothing(world: World, point: Point) -> None:
    operation = OPERATIONS[point.name]
    await operation.prepare(world)
    faulty = FaultyDatabase(world.database, point.at, point.fault, operation.given)
    outcome = await faulty.operate(operation.run(World(faulty, world.keeper)))
    failed = isinstance(outcome, BaseException)
    assert not (failed and point.name in SILENT and point.fault in _LOST)
    if failed and operation.repeated:
        outcome = await operation.run(world)
    await finish(world)
    orders, errors = await settled(world)
    if isinstance(outcome, UUID):
        assert outcome in orders
    missing = operation.created - len(orders)
    assert 0 <= missing <= (operation.unsure if failed else 0) or 0 <= -missing <= operation.lucky
    assert errors == operation.failed + min(missing, 0)
