"""Nobody's line keeps the others waiting; within that, priority, then arrival."""

from uuid import UUID

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.ids import new_id
from ordering.inbound.claim import Rotation, claim
from support import payloads
from support.crowd import crowd
from support.queue import make_processor, put, record

GOOD = payloads.order()
BIG, SMALL, CONSUMER = new_id(), new_id(), new_id()


def sql(identity: UUID) -> str:
    return f"'{identity}'::uuid"


async def take(connection: Connection, rotation: Rotation, batch: int = 100) -> list[int]:
    """Claim a batch; returns the numbers of its records, in the order of their arrival."""
    taken = await claim(
        connection,
        batch=batch,
        max_bytes=10**9,
        lease_s=60,
        system_id="tester",
        rotation=rotation,
    )
    return [each.number for each in taken.records]


@pytest.mark.parametrize("late", [{"account": sql(SMALL)}, {"consumer": sql(CONSUMER)}, {}])
@pytest.mark.parametrize("visits", [True, False])
async def test_a_late_order_of_another_party_is_not_kept_waiting(
    database: Database, late: dict[str, str], visits: bool
) -> None:
    async with database.acquire() as connection:
        await crowd(connection, 100_000, account=sql(BIG))
        await crowd(connection, 1, **late)
        rotation = Rotation(visits=visits)
        batches = [await take(connection, rotation) for _ in range(2)]
    assert [len(batch) for batch in batches] == [100, 100]
    assert 100_001 in batches[0] + batches[1]
    # The rest of both goes to those that came first.
    assert set(batches[0] + batches[1]) == {*range(1, 200), 100_001}


async def test_every_party_gets_its_turn(database: Database) -> None:
    async with database.acquire() as connection:
        await crowd(connection, 5000, account=sql(BIG))
        await crowd(connection, 95, account="md5(n::text)::uuid")
        rotation = Rotation()
        seen = [number for _ in range(20) for number in await take(connection, rotation)]
    assert set(range(5001, 5096)) <= set(seen)


async def test_two_large_lines_share_the_turns(database: Database) -> None:
    async with database.acquire() as connection:
        await crowd(connection, 1000, account=sql(BIG))
        await crowd(connection, 1000, account=sql(SMALL))
        batch = await take(connection, Rotation())
    assert batch == [*range(1, 76), *range(1001, 1026)]


async def test_within_what_is_fair_priority_comes_first(database: Database) -> None:
    async with database.acquire() as connection:
        await crowd(connection, 300, account=sql(BIG))
        await crowd(connection, 300, account=sql(SMALL))
        await connection.execute(
            "UPDATE inbound_request SET priority = 1 WHERE number IN (250, 299, 600)"
        )
        batch = await take(connection, Rotation(), 10)
        # One party is visited, the one with the lower id; the rest goes by priority and arrival.
        assert batch == sorted([250, 299, 600, 1, 2, 3, 4, 5, 6, 7])


async def test_what_waits_for_another_attempt_is_passed_over(database: Database) -> None:
    async with database.acquire() as connection:
        await crowd(connection, 1000, attempts="1", due="now() + interval '1 hour'")
        await crowd(connection, 10)
        assert await take(connection, Rotation()) == list(range(1001, 1011))
        assert await take(connection, Rotation()) == []


async def test_new_and_tried_records_take_turns(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    tried = await put(demo_database, GOOD, GOOD)
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET attempts = 1")
    fresh = await put(demo_database, *[GOOD] * 4)
    processor = make_processor(demo_database, keeper, queue_batch=2)
    assert [await processor.drain_batch() for _ in range(5)] == [2, 1, 2, 1, 0]
    ended = [(await record(demo_database, each))["ended_at"] for each in (*fresh, *tried)]
    assert ended[0] == ended[1] < ended[4] < ended[2] == ended[3] < ended[5]
