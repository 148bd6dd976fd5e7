"""A million records in the queue: what is read does not depend on how many there are.

What is counted are rows that the plans of the statements touch, since times depend on the machine.
"""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ordering.db.connection import Connection, connect
from ordering.domain.ids import new_id
from ordering.inbound import claim, interruption, pending
from ordering_app.embedded import EmbeddedServers
from support.crowd import crowd, explained, scans, touched
from support.servers import new_database

_MODULES = {"claim": claim, "interruption": interruption, "pending": pending}

BATCH = 100
MINE = (new_id(), timedelta(seconds=15), "tester")
FIRST = UUID(int=0)


@pytest.fixture(scope="module")
async def crowded_url(servers: EmbeddedServers) -> str:
    """A million records: accounts with long lines, consumers, tried, claimed and waiting ones."""
    url = await new_database(servers, "tests_crowded", demo=False)
    connection = await connect(url)
    try:
        await crowd(connection, 100_000, account="md5('big')::uuid")
        await crowd(
            connection,
            500_000,
            account="md5((n % 500)::text)::uuid",
            inventories="CASE WHEN n % 10 = 0 THEN jsonb_build_array(md5((n % 50000)::text)) END",
        )
        await crowd(connection, 350_000, consumer="md5(n::text)::uuid")
        await crowd(connection, 20_000, attempts="1", due="now() + n * interval '1 minute'")
        await crowd(
            connection,
            10_000,
            state="'in_progress'",
            token="md5((n % 100)::text)::uuid",
            lease="now() + interval '1 hour'",
        )
        await crowd(connection, 20_000, state="'pending'", after="md5(n::text)::uuid")
        await connection.execute("VACUUM ANALYZE inbound_request")
    finally:
        await connection.close()
    return url


@pytest.fixture
async def crowded(crowded_url: str) -> AsyncGenerator[Connection]:
    connection = await connect(crowded_url)
    yield connection
    await connection.close()


async def digest(connection: Connection, number: int) -> UUID:
    """Make the id that the records of the crowd make of a number."""
    return await connection.fetchval("SELECT md5($1::int::text)::uuid", number)


async def plan_of(connection: Connection, name: str, *values: object) -> dict[str, Any]:
    """Run a statement, named `module.constant`, and check that it reads no table through."""
    module, constant = name.split(".")
    statement: str = getattr(_MODULES[module], constant)
    plan = await explained(connection, statement, *values)
    assert [each["Node Type"] for each in scans(plan) if each["Node Type"] == "Seq Scan"] == []
    return plan


@pytest.mark.parametrize("party", [FIRST, UUID(int=2**127), None])
async def test_a_claim_reads_a_few_rows_for_each_that_it_takes(
    crowded: Connection, party: UUID | None
) -> None:
    values = (*MINE, BATCH, 4 << 20, party)
    plan = await plan_of(crowded, "claim._CLAIM_FRESH", *values)
    assert plan["Actual Rows"] == BATCH
    assert touched(plan) <= 3 * BATCH + 20
    assert {each["Index Name"] for each in scans(plan)} == {
        "inbound_request_fresh",
        "inbound_request_fresh_party",
        "inbound_request_pkey",
    }


async def test_a_claim_does_not_read_what_waits_for_another_attempt(crowded: Connection) -> None:
    plan = await plan_of(crowded, "claim._CLAIM_TRIED", *MINE)
    assert touched(plan) == 0


async def test_a_rescue_reads_no_claim_that_is_alive(crowded: Connection) -> None:
    assert touched(await plan_of(crowded, "claim._RESCUE", 1000, 5, "lost", "[]")) == 0


async def test_releasing_a_claim_reads_no_other(crowded: Connection) -> None:
    token = await digest(crowded, 7)
    values = (10, 1.0, 300.0, 1.0, "lost", "[]", "lost")
    plan = await plan_of(crowded, "interruption._RELEASE", token, *values)
    assert plan["Actual Rows"] == 100
    assert touched(plan) <= 200


async def test_the_sweep_of_those_that_wait_is_bounded(crowded: Connection) -> None:
    plan = await plan_of(crowded, "pending._LOOK_AT_WAITING", FIRST, 1000)
    assert touched(plan) <= 2000


async def test_a_predecessor_is_found_among_those_that_share_something(
    crowded: Connection,
) -> None:
    inventory, account = await digest(crowded, 10), await digest(crowded, 3)
    values = ([f'["{inventory.hex}"]'], [account])
    plan = await plan_of(crowded, "pending._FIND_PREDECESSORS", *values)
    # The ten that name this inventory, in index and table, and the last of the account.
    assert touched(plan) == 21


async def test_ending_a_request_reads_those_that_wait_for_it(crowded: Connection) -> None:
    by_account = False
    plan = await plan_of(crowded, "pending._FREE", [await digest(crowded, 7)], by_account)
    assert plan["Actual Rows"] == 1
    assert touched(plan) <= 5
