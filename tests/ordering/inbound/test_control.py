"""The switch and the window of the queue, and its figures."""

from datetime import UTC, datetime, timedelta

import pytest

from ordering.db.engine import Database
from ordering.domain.states import InboundState
from ordering.inbound.control import Gate, QueueStatus, read_status, switch
from support.queued import queued


async def turn(database: Database, client: str, *, paused: bool) -> QueueStatus:
    async with database.acquire() as connection:
        await switch(connection, client, paused=paused)
        return await read_status(connection, None)


async def test_an_untouched_queue_is_open(database: Database) -> None:
    assert await Gate(database, None).is_open()
    async with database.acquire() as connection:
        assert await read_status(connection, None) == QueueStatus(
            states=dict.fromkeys(InboundState, 0),
            oldest_new_age_ms=None,
            paused=False,
            paused_by=None,
            paused_since=None,
            window_open=True,
        )


async def test_it_is_closed_from_pause_to_resume(database: Database) -> None:
    before = datetime.now(UTC)
    status = await turn(database, "ann", paused=True)
    assert not await Gate(database, None).is_open()
    assert (status.paused, status.paused_by) == (True, "ann")
    assert status.paused_since is not None
    assert before <= status.paused_since <= datetime.now(UTC)
    status = await turn(database, "bob", paused=False)
    assert await Gate(database, None).is_open()
    assert (status.paused, status.paused_by, status.paused_since) == (False, None, None)


async def test_who_paused_first_paused_it(database: Database) -> None:
    first = await turn(database, "ann", paused=True)
    assert await turn(database, "bob", paused=True) == first


async def test_resuming_what_is_not_paused_has_no_effect(database: Database) -> None:
    await turn(database, "ann", paused=False)
    assert await Gate(database, None).is_open()


def window(opens: timedelta, closes: timedelta) -> str:
    """Write a window relative to now; the tests' clock is the database's."""
    now = datetime.now(UTC)
    return f"{now + opens:%H:%M}-{now + closes:%H:%M}"


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("opens", "closes", "is_open"),
    [
        (-HOUR, HOUR, True),
        (HOUR, 2 * HOUR, False),
        (-2 * HOUR, -HOUR, False),
        # One of these two and the next two spans midnight at any time of the day.
        (-12 * HOUR, HOUR, True),
        (-HOUR, 12 * HOUR, True),
        (HOUR, 12 * HOUR, False),
        (-12 * HOUR, -HOUR, False),
        (HOUR, HOUR, True),
    ],
)
async def test_the_window_is_of_each_day_and_may_span_midnight(
    database: Database, opens: timedelta, closes: timedelta, *, is_open: bool
) -> None:
    hours = window(opens, closes)
    assert await Gate(database, hours).is_open() is is_open
    async with database.acquire() as connection:
        assert (await read_status(connection, hours)).window_open is is_open


async def test_a_window_does_not_open_what_is_paused(database: Database) -> None:
    await turn(database, "ann", paused=True)
    assert not await Gate(database, window(-HOUR, HOUR)).is_open()


async def test_each_state_is_counted_and_the_oldest_new_record_is_told(
    demo_database: Database,
) -> None:
    await queued(demo_database, "error", age="3 d")
    await queued(demo_database, "completed", age="3 d")
    await queued(demo_database, "completed")
    await queued(demo_database, "pending", age="3 d")
    await queued(demo_database, "in_progress", age="3 d")
    await queued(demo_database, age="1 h")
    await queued(demo_database)
    async with demo_database.acquire() as connection:
        status = await read_status(connection, None)
    assert status.states == {"new": 2, "in_progress": 1, "pending": 1, "completed": 2, "error": 1}
    assert status.oldest_new_age_ms is not None
    assert 3_600_000 <= status.oldest_new_age_ms < 3_700_000
