"""What the driver says of a way that is lost, and what of us."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from ordering.db.connection import connect
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.failures import RETRYABLE, is_misuse, is_too_large


async def refusal(call: Callable[[], Awaitable[object]]) -> Exception:
    with pytest.raises(asyncpg.InterfaceError) as raised:
        await call()
    error = raised.value
    assert isinstance(error, RETRYABLE)
    return error


@pytest.mark.parametrize("values", [[], [1, 2]])
async def test_values_more_or_fewer_than_parameters_are_misuse(
    demo_database: Database, values: list[Any]
) -> None:
    async with demo_database.acquire() as connection:
        assert is_misuse(await refusal(lambda: connection.fetchval("SELECT $1::int", *values)))


async def test_values_that_do_not_fit_are_no_outage(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        with pytest.raises(asyncpg.DataError) as raised:
            await connection.fetchval("SELECT $1::int", "closed")
    assert not isinstance(raised.value, RETRYABLE)


async def test_a_connection_that_is_closed_is_a_way_that_is_lost(demo_url: str) -> None:
    connection = await connect(demo_url)
    await connection.close()
    assert not is_misuse(await refusal(lambda: connection.fetchval("SELECT 1")))


async def test_a_connection_that_was_lost_while_borrowed_is_a_way_that_is_lost(
    demo_database: Database,
) -> None:
    async with demo_database.acquire() as connection:
        cast("Any", connection).terminate()
        assert not is_misuse(await refusal(lambda: connection.fetchval("SELECT 1")))


async def test_a_pool_that_is_closed_is_a_way_that_is_lost(demo_url: str) -> None:
    pool = await asyncpg.create_pool(demo_url, min_size=0, max_size=1)
    await pool.close()
    assert not is_misuse(await refusal(pool.acquire))


def test_other_failures_are_no_misuse() -> None:
    for error in (OSError(), TimeoutError(), ValueError("closed"), asyncpg.DataError("text")):
        assert not is_misuse(error)


def test_a_damaged_value_is_not_too_large() -> None:
    """Its length is nonsense, which operators have to hear of."""
    damaged = asyncpg.InternalServerError("invalid memory alloc request size 18446744073709551613")
    assert not is_too_large(damaged)
