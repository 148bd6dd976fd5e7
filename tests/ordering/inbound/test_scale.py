"""A million records in the queue: what is read does not depend on how many there are.

What is counted are rows that the plans of the statements touch, since times depend on the machine.
"""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from ordering.db.connection import Connection, connect
from ordering.db.engine import Database
from ordering.domain.ids import new_id
from ordering.domain.states import InboundState
from ordering.inbound import claim, interruption, operations, pending
from ordering.inbound.filters import RequestFilter, make_where
from ordering_app.embedded import EmbeddedServers
from support.crowd import crowd, explained, scans, touched
from support.servers import new_database

_MODULES = {"claim": claim, "interruption": interruption, "pending": pending}

BATCH = 100
MINE = (new_id(), timedelta(seconds=15), "tester")
FIRST = UUID(int=0)
AT_ONCE = 1000


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
        await crowd(connection, 345_000, consumer="md5(n::text)::uuid")
        await crowd(connection, 20_000, attempts="1", due="now() + n * interval '1 minute'")
        await crowd(
            connection,
            10_000,
            state="'in_progress'",
            token="md5((n % 100)::text)::uuid",
            lease="now() + interval '1 hour'",
        )
        await crowd(
            connection, 5_000, state="'error'", status="'failure'", attempts="5", ended="now()"
        )
        await crowd(connection, 20_000, state="'pending'", after="md5(n::text)::uuid")
        await connection.execute("VACUUM ANALYZE inbound_request")
    finally:
        await connection.close()
    return url


@pytest.fixture
async def crowded(crowded_url: str) -> AsyncGenerator[Connection]:
    connection = await connect(crowded_url)
    # Like the sessions of a `Database`.
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    yield connection
    await connection.close()


async def digest(connection: Connection, number: int) -> UUID:
    """Make the id that the records of the crowd make of a number."""
    return await connection.fetchval("SELECT md5($1::int::text)::uuid", number)


def named(module: object, name: str) -> Any:
    """Find what is a module's own business."""
    return getattr(module, name)


async def plan_of(connection: Connection, name: str, *values: object) -> dict[str, Any]:
    """Run a statement, named `module.constant`, and check that it reads no table through."""
    module, constant = name.split(".")
    statement: str = named(_MODULES[module], constant)
    plan = await explained(connection, statement, *values)
    assert [each["Node Type"] for each in scans(plan) if each["Node Type"] == "Seq Scan"] == []
    return plan


async def test_a_claim_by_arrival_reads_what_it_takes(crowded: Connection) -> None:
    plan = await plan_of(crowded, "claim._CLAIM_BY_ARRIVAL", *MINE, BATCH, 4 << 20)
    assert plan["Actual Rows"] == BATCH
    # To lock a row and to change it, it is read twice.
    assert touched(plan) == 2 * BATCH
    assert {each["Index Name"] for each in scans(plan)} == {
        "inbound_request_fresh",
        "inbound_request_pkey",
    }


@pytest.mark.parametrize("party", [FIRST, UUID(int=2**127)])
async def test_a_claim_by_turns_reads_a_few_rows_for_each_that_it_takes(
    crowded: Connection, party: UUID
) -> None:
    values = (*MINE, BATCH, 4 << 20, party)
    plan = await plan_of(crowded, "claim._CLAIM_BY_TURNS", *values)
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


async def test_renewing_and_undoing_a_claim_reads_no_other(crowded: Connection) -> None:
    token = await digest(crowded, 7)
    assert touched(await plan_of(crowded, "claim._RENEW", token, timedelta(seconds=9))) <= 200
    plan = await plan_of(crowded, "claim._GIVE_BACK", token)
    assert plan["Actual Rows"] == touched(plan) == 100


async def test_ending_a_claim_reads_the_records_that_it_names(crowded: Connection) -> None:
    token = await digest(crowded, 7)
    rows = await crowded.fetch("SELECT id FROM inbound_request WHERE claim_token = $1", token)
    ids = [row["id"] for row in rows]
    for name, values in {
        "claim._COMPLETE": (token, ids, ["success"] * len(ids)),
        "claim._POSTPONE": (token, ids, timedelta(seconds=1), "deadlock"),
    }.items():
        plan = await plan_of(crowded, name, *values)
        # Those of the claim, by the token's index, the ids' or both.
        assert plan["Actual Rows"] == len(ids) == 100
        assert touched(plan) <= 3 * len(ids)
    plan = await plan_of(crowded, "claim._FAIL", token, ids[0], "[]", "bad")
    assert plan["Actual Rows"] == 1
    assert touched(plan) <= 100


async def test_who_redrives_all_reads_a_batch_at_a_time(crowded: Connection) -> None:
    where = await make_where(crowded, RequestFilter(state=InboundState.ERROR))
    assert where is not None
    statement = named(operations, "_candidates")(where, InboundState.ERROR)
    plan = await explained(crowded, statement, *where.values, 0, 10**9, AT_ONCE)
    assert plan["Actual Rows"] == touched(plan) == AT_ONCE
    assert {each.get("Index Name") for each in scans(plan)} == {"inbound_request_state"}


async def test_who_ends_a_request_looks_at_it_alone_for_what_to_lock(crowded: Connection) -> None:
    (row,) = await crowded.fetch(
        "SELECT id FROM inbound_request WHERE inventory_ids IS NOT NULL LIMIT 1"
    )
    by_account = True
    plan = await plan_of(crowded, "pending._LOCK_LINES", [row["id"]], by_account)
    assert plan["Actual Rows"] == 2
    assert touched(plan) <= 2


@pytest.mark.parametrize(
    ("name", "values", "indexes"),
    [
        (
            "_CLAIM_BY_TURNS",
            (*MINE, BATCH, 4 << 20, FIRST),
            {"inbound_request_fresh", "inbound_request_fresh_party", "inbound_request_pkey"},
        ),
        (
            "_CLAIM_BY_ARRIVAL",
            (*MINE, BATCH, 4 << 20),
            {"inbound_request_fresh", "inbound_request_pkey"},
        ),
        ("_COMPLETE", (new_id(), [new_id()], ["success"]), {"inbound_request_pkey"}),
    ],
)
async def test_what_a_worker_planned_for_an_empty_queue_will_do_for_a_full_one(
    empty_url: str, name: str, values: tuple[object, ...], indexes: set[str]
) -> None:
    database = Database(empty_url, pool_size=1, through_indexes=True)
    await database.open()
    try:
        async with database.acquire() as connection:
            plan = await explained(connection, named(claim, name), *values)
    finally:
        await database.close()
    found = list(scans(plan))
    assert "Seq Scan" not in {each["Node Type"] for each in found}
    # A bitmap heap scan reads what the bitmap index scan below it has found.
    found = [each for each in found if "Index Name" in each]
    # Which of them, depends on what PostgreSQL remembers of a table that was emptied.
    assert {each["Index Name"] for each in found} <= indexes
    by_key = [each for each in found if each["Index Name"] == "inbound_request_pkey"]
    # A condition on the key, not a walk through all of it for a join.
    assert {"Index Cond" in each for each in by_key} == {True}
