"""Everything at once, with real processes: it ends when accepted = created + error.

Short in CI; `make chaos` goes on for minutes (MINUTES=, SEED=). What is random is what is done;
when, is up to the machine, so a seed makes a run alike, not the same.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering_app.embedded import Embedded
from support.api import PASSWORD
from support.buyers import POISON, Buyers
from support.fleet import Fleet
from support.monkey import Monkey
from support.processes import until
from support.profile import LONG, MINUTES, SEED
from support.queue import created, states
from support.servers import new_database

CLIENTS = 8
ATTEMPTS = 4

#: In CI so many orders are sent, or as many as there is time for.
ORDERS = 10**9 if LONG else 2000
SENDING_S = MINUTES * 60 if LONG else 15
PATIENCE_S = 300 if LONG else 90

# The database refuses some orders for good, others now and then.
_POISON = """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.external_system = 'refused' THEN
        RAISE EXCEPTION 'poison' USING ERRCODE = 'check_violation';
    ELSIF NEW.external_system = 'deadlock' THEN
        RAISE EXCEPTION 'poison' USING ERRCODE = 'deadlock_detected';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER poison BEFORE INSERT ON customer_order FOR EACH ROW EXECUTE FUNCTION poison()
"""

_OVERTAKEN = """
SELECT count(*) FROM (
    SELECT made.number < lag(made.number) OVER (ORDER BY request.number) AS overtaken
    FROM inbound_request AS request JOIN customer_order AS made USING (id)
    WHERE request.inventory_ids IS NOT NULL
) AS line WHERE overtaken
"""

_MISCOUNTED = """
SELECT state, sum(orders) FROM (
    SELECT state, 1 AS orders FROM customer_order
    UNION ALL SELECT state, -orders FROM order_tally
) AS difference GROUP BY state HAVING sum(orders) <> 0
"""

_PER_ORDER = """
SELECT coalesce(external_system, '') AS kind,
       (SELECT count(*) FROM order_line_item WHERE order_id = made.id) AS lines,
       (SELECT count(*) FROM order_revision WHERE order_id = made.id) AS revisions,
       (SELECT count(*) FROM order_event WHERE order_id = made.id) AS events
FROM customer_order AS made
"""


@pytest.fixture
async def chaos_url(embedded: Embedded) -> str:
    return await new_database(embedded.servers, "tests_chaos", demo=True)


@pytest.fixture
async def chaotic(chaos_url: str) -> AsyncGenerator[Database]:
    database = Database(chaos_url, pool_size=3)
    await database.open()
    async with database.acquire() as connection:
        await connection.execute(_POISON)
    await save_client(database, "cpq", PASSWORD, [Role.ORDER_INTEGRATOR])
    yield database
    await database.close()


async def all_ended(database: Database) -> bool:
    try:
        return set(await states(database)) <= {"completed", "error"}
    except DATABASE_AWAY:
        return False


async def rows(database: Database, statement: str) -> list[Any]:
    async with database.acquire() as connection:
        return list(await connection.fetch(statement))


async def check(database: Database, buyers: Buyers) -> None:
    """Hold what there is against what clients were told."""
    answered = buyers.answered
    assert len({each.name for each in answered}) == len(answered)
    ids = [each.id for each in answered if each.kind != "synchronous"]
    synchronous = {each.id for each in answered if each.kind == "synchronous"}
    poisoned = {each.id for each in answered if each.kind in POISON}
    records = {row["id"]: row for row in await rows(database, "SELECT * FROM inbound_request")}
    assert sorted(records) == sorted(ids)
    failed = {each for each, row in records.items() if row["state"] == "error"}
    assert {each: str(records[each]["error_message"]) for each in failed - poisoned} == {}
    assert failed == poisoned
    assert await created(database) == set(ids) - poisoned | synchronous
    for each in answered:
        if each.kind == "deadlock":
            assert records[each.id]["attempts"] == ATTEMPTS
    assert {row["claim_token"] for row in records.values()} == {None}
    shapes = {tuple(row) for row in await rows(database, _PER_ORDER)}
    assert shapes <= {
        (kind, 3 if kind == "line" else 1, 1, 1) for kind in {each.kind for each in answered}
    }
    assert [row[0] for row in await rows(database, _OVERTAKEN)] == [0]
    assert await rows(database, _MISCOUNTED) == []


async def test_accepted_is_created_or_failed(
    chaotic: Database,
    chaos_url: str,
    embedded: Embedded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    began = time.monotonic()
    settings = {
        "database_url": chaos_url,
        "redis_url": embedded.servers.redis_url,
        "queue_lease_s": "2",
        "queue_max_attempts": str(ATTEMPTS),
        "create_product_order_validations_async": "false",
        "enable_validation_via_schedule_job": "true",
    }
    with Fleet.running(tmp_path, apis=2, workers=2, settings=settings) as fleet:
        buyers = Buyers(SEED, fleet.urls)
        monkey = Monkey(SEED, fleet, embedded, chaotic)
        stop = asyncio.Event()

        async def buy() -> None:
            ends = time.monotonic() + SENDING_S

            def enough() -> bool:
                return monkey.has_played_all and (
                    time.monotonic() > ends or len(buyers.answered) >= ORDERS
                )

            await asyncio.gather(*(buyers.buy(enough) for _ in range(CLIENTS)))
            stop.set()

        async def all_ends() -> None:
            await until(fleet.is_up)
            async with asyncio.TaskGroup() as group:
                group.create_task(monkey.play(stop, every_s=4 if LONG else 1))
                group.create_task(buy())
            await until(lambda: all_ended(chaotic), patience_s=PATIENCE_S)

        async with asyncio.TaskGroup() as group:
            supervising = group.create_task(fleet.supervise())
            await all_ends()
            supervising.cancel()
    await check(chaotic, buyers)
    kinds = Counter(each.kind for each in buyers.answered)
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {SEED}: {sum(kinds.values())} orders answered {dict(kinds)},"
            f" {await states(chaotic)}, {len(await created(chaotic))} orders created;"
            f" {dict(monkey.done)}; repeated {dict(buyers.repeats)};"
            f" {fleet.revived} could not start; {time.monotonic() - began:.0f} s in all\n"
        )
