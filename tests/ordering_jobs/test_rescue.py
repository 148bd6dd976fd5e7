"""The clock's duty."""

from ordering.db.engine import Database
from ordering.inbound.claim import claim
from ordering_jobs.rescue import rescue_expired
from support import payloads
from support.queue import put, states


async def test_expired_claims_are_rescued(demo_database: Database) -> None:
    await put(demo_database, payloads.order(), payloads.order())
    async with demo_database.acquire() as connection:
        await claim(connection, batch=1, lease_s=-1, system_id="gone")
    assert await rescue_expired(demo_database, max_attempts=5) == 1
    assert await rescue_expired(demo_database, max_attempts=5) == 0
    assert await states(demo_database) == {"new": 2}


async def test_a_database_that_is_away_is_tried_next_time(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        await connection.execute("ALTER TABLE inbound_request RENAME TO hidden")
        try:
            assert await rescue_expired(demo_database, max_attempts=5) == 0
        finally:
            await connection.execute("ALTER TABLE hidden RENAME TO inbound_request")
