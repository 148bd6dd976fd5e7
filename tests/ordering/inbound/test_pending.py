"""Requests about the same product inventory follow each other, whatever ends the first."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import Problem
from ordering.domain.ids import new_id
from ordering.inbound.accept import AcceptOrder
from ordering.inbound.backoff import Backoff
from ordering.inbound.claim import claim, fail
from ordering.inbound.failures import Aftermath
from ordering.inbound.interruption import Patience, release
from ordering.inbound.pending import free_waiting, heal
from ordering.settings import Settings
from support import payloads
from support.counting import CountingDatabase
from support.locks import waiters
from support.queue import make_processor, record, states

A, B, C = payloads.INVENTORY, payloads.EDGE_INVENTORY, payloads.SUSPENDED_INVENTORY
PLAIN = payloads.order()


def about(*inventories: str, **members: Any) -> bytes:
    """Write an order whose lines change these product inventories."""
    items = [payloads.change_item(str(n), inventory=each) for n, each in enumerate(inventories)]
    return payloads.to_json(payloads.order(items=items, **members))


def accepting(database: Database, finder: ReferenceFinder, **settings: Any) -> AcceptOrder:
    chosen = Settings(create_product_order_validations_async=False, **settings)
    return AcceptOrder(database, finder, chosen, lambda: None)


@pytest.fixture
def accept(demo_database: Database, finder: ReferenceFinder) -> AcceptOrder:
    return accepting(demo_database, finder)


async def line(database: Database, *ids: UUID) -> list[tuple[str, UUID | None]]:
    """Tell the state of each record and what it waits, or waited, for."""
    found = [await record(database, each) for each in ids]
    return [(each["state"], each["execute_after"]) for each in found]


async def orders(database: Database) -> list[UUID]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM customer_order ORDER BY number")
    return [row["id"] for row in rows]


async def test_each_waits_for_the_latest_before_it(
    accept: AcceptOrder, demo_database: Database
) -> None:
    first, other = await accept(about(A), "cpq"), await accept(about(B), "cpq")
    second, third = await accept(about(A), "cpq"), await accept(about(C, A), "cpq")
    assert await line(demo_database, first, other, second, third) == [
        ("new", None),
        ("new", None),
        ("pending", first),
        ("pending", second),
    ]


async def test_those_that_arrive_together_wait_for_each_other(
    accept: AcceptOrder, demo_database: Database
) -> None:
    bodies = [about(A), about(B), about(A), about(A, B)] * 5
    ids = await asyncio.gather(*(accept(body, "cpq") for body in bodies))
    found = {each: (await record(demo_database, each)) for each in ids}
    arrived = sorted(ids, key=lambda each: found[each]["number"])
    latest: dict[str, UUID] = {}
    for each in arrived:
        names: list[str] = msgspec.json.decode(found[each]["inventory_ids"])
        before = [latest[name] for name in names if name in latest]
        expected = max(before, key=arrived.index, default=None)
        assert found[each]["execute_after"] == expected
        assert found[each]["state"] == ("pending" if expected else "new")
        latest.update(dict.fromkeys(names, each))


async def test_a_line_is_worked_off_in_its_order_by_one_run(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = [await accept(about(A), "cpq") for _ in range(3)]
    processor = make_processor(demo_database, keeper)
    assert [await processor.drain_batch() for _ in range(4)] == [1, 1, 1, 0]
    assert await orders(demo_database) == ids


async def test_an_order_waits_for_all_that_it_shares_something_with(
    accept: AcceptOrder, demo_database: Database
) -> None:
    early, late = await accept(about(A), "cpq"), await accept(about(B), "cpq")
    both = await accept(about(A, B), "cpq")
    assert await line(demo_database, both) == [("pending", late)]
    async with demo_database.transaction() as connection:
        await end(connection, late)
        assert await free_waiting(connection, [late]) == 0
    assert await line(demo_database, both) == [("pending", early)]
    async with demo_database.transaction() as connection:
        await end(connection, early)
        assert await free_waiting(connection, [early]) == 1
    assert await line(demo_database, both) == [("new", early)]


async def end(connection: Any, identity: UUID, state: str = "error") -> None:
    """End a record as an operator who cancels it would."""
    await connection.execute(
        """UPDATE inbound_request SET state = $2, ended_at = now(), claim_token = NULL,
           lease_expires_at = NULL WHERE id = $1""",
        identity,
        state,
    )


async def test_a_canceled_one_in_the_middle_leaves_the_line_in_order(
    accept: AcceptOrder, demo_database: Database
) -> None:
    first, second, third = [await accept(about(A), "cpq") for _ in range(3)]
    async with demo_database.transaction() as connection:
        await end(connection, second)
        await free_waiting(connection, [second])
    assert await line(demo_database, first, third) == [("new", None), ("pending", first)]


async def test_an_error_lets_the_next_go_on(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    bad = await accept(about(A), "cpq")
    good = await accept(about(A), "cpq")
    async with demo_database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET payload = '{no json' WHERE id = $1", bad
        )
    processor = make_processor(demo_database, keeper)
    assert [await processor.drain_batch() for _ in range(3)] == [1, 1, 0]
    assert await orders(demo_database) == [good]
    assert await line(demo_database, bad, good) == [("error", None), ("completed", bad)]


async def test_a_defect_in_one_lets_the_next_go_on(
    accept: AcceptOrder,
    demo_database: Database,
    keeper: CatalogKeeper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [await accept(about(A), "cpq") for _ in range(2)]

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ordering.inbound.process.capture", defect)
    await make_processor(demo_database, keeper).drain_batch()
    assert await line(demo_database, *ids) == [("error", None), ("new", ids[0])]


@pytest.mark.parametrize("ending", ["rescued", "released"])
async def test_the_last_attempt_lets_the_next_go_on(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper, ending: str
) -> None:
    ids = [await accept(about(A), "cpq") for _ in range(2)]
    async with demo_database.transaction() as connection:
        taken = await claim(connection, batch=9, max_bytes=9, lease_s=-1, system_id="gone")
        assert [each.id for each in taken.records] == ids[:1]
    if ending == "rescued":
        await make_processor(demo_database, keeper, queue_max_attempts=1).rescue()
    else:
        async with demo_database.transaction() as connection:
            patience = Patience(Backoff(1, 1), max_interruptions=1)
            assert await release(connection, taken.token, "lost", patience, Aftermath())
    assert await line(demo_database, *ids) == [("error", None), ("new", ids[0])]


async def test_another_attempt_does_not_let_the_next_go_on(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = [await accept(about(A), "cpq") for _ in range(2)]
    async with demo_database.transaction() as connection:
        await claim(connection, batch=9, max_bytes=9, lease_s=-1, system_id="gone")
    await make_processor(demo_database, keeper).rescue()
    assert await line(demo_database, *ids) == [("new", None), ("pending", ids[0])]


async def test_a_lost_claim_lets_nobody_go_on(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = [await accept(about(A), "cpq") for _ in range(2)]
    processor = make_processor(demo_database, keeper)
    async with demo_database.acquire() as connection:
        await connection.execute(
            """CREATE FUNCTION usurp() RETURNS trigger LANGUAGE plpgsql AS $$
               BEGIN NEW.claim_token = gen_random_uuid(); RETURN NEW; END $$"""
        )
        await connection.execute(
            """CREATE TRIGGER usurp BEFORE UPDATE ON inbound_request FOR EACH ROW
               WHEN (NEW.state = 'in_progress') EXECUTE FUNCTION usurp()"""
        )
        try:
            assert await processor.drain_batch() == 1
        finally:
            await connection.execute("DROP FUNCTION usurp CASCADE")
    assert await line(demo_database, *ids) == [("in_progress", None), ("pending", ids[0])]


async def test_a_redriven_one_waits_for_nobody_and_is_waited_for(
    accept: AcceptOrder, demo_database: Database
) -> None:
    first, second = await accept(about(A), "cpq"), await accept(about(A), "cpq")
    async with demo_database.transaction() as connection:
        await end(connection, first)
        await free_waiting(connection, [first])
        await end(connection, second)
        await free_waiting(connection, [second])
        await connection.execute(
            "UPDATE inbound_request SET state = 'new', ended_at = NULL WHERE id = $1", first
        )
    third = await accept(about(A), "cpq")
    assert await line(demo_database, first, third) == [("new", None), ("pending", first)]


async def test_who_joins_while_the_last_one_ends_is_not_stranded(
    accept: AcceptOrder, demo_database: Database
) -> None:
    first = await accept(about(A), "cpq")
    async with demo_database.transaction() as connection:
        await claim(connection, batch=1, max_bytes=9, lease_s=60, system_id="tester")
    async with demo_database.acquire() as watching:
        async with demo_database.transaction() as ending:
            token = (await record(demo_database, first))["claim_token"]
            assert await fail(ending, token, first, [Problem("x", "", 1)])
            await free_waiting(ending, [first])
            joining = asyncio.create_task(accept(about(A), "cpq"))
            await waiters(watching, 1)
        second = await joining
    assert await line(demo_database, second) == [("new", None)]


async def test_a_line_that_grows_while_it_is_worked_off_needs_no_sweep(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    async def join() -> list[UUID]:
        return [await accept(about(A), "cpq") for _ in range(15)]

    joining = asyncio.gather(*(join() for _ in range(4)))
    processor = make_processor(demo_database, keeper)
    while not joining.done():
        await processor.drain_batch()
    ids = [each for some in await joining for each in some]
    while await processor.drain_batch():
        pass
    assert await states(demo_database) == {"completed": 60}
    found = {each: (await record(demo_database, each))["number"] for each in ids}
    assert await orders(demo_database) == sorted(ids, key=lambda each: found[each])


async def test_the_sweep_frees_what_waits_for_the_ended_and_the_gone(
    accept: AcceptOrder, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ended, waiting_for_ended = [await accept(about(A), "cpq") for _ in range(2)]
    gone, waiting_for_gone = [await accept(about(B), "cpq") for _ in range(2)]
    alive, waiting_for_alive = [await accept(about(C), "cpq") for _ in range(2)]
    async with demo_database.acquire() as connection:
        await end(connection, ended, "completed")
        await connection.execute("DELETE FROM inbound_request WHERE id = $1", gone)
    await make_processor(demo_database, keeper).rescue()
    assert await line(demo_database, waiting_for_ended, waiting_for_gone, waiting_for_alive) == [
        ("new", ended),
        ("new", gone),
        ("pending", alive),
    ]


async def test_the_sweep_goes_on_where_it_stopped(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch, accept: AcceptOrder
) -> None:
    monkeypatch.setattr("ordering.inbound.pending._HEAL_AT_ONCE", 2)
    alive = [await accept(about(each), "cpq") for each in (A, B)]
    for each in (A, B):
        await accept(about(each), "cpq")
    ended = await accept(about(C), "cpq")
    stranded = await accept(about(C), "cpq")
    async with demo_database.transaction() as connection:
        await end(connection, ended)
        assert await heal(connection, UUID(int=0)) == max(alive)
        assert await heal(connection, max(alive)) == UUID(int=0)
        assert await heal(connection, new_id()) == UUID(int=0)
    assert await line(demo_database, stranded) == [("new", ended)]


async def test_accounts_wait_only_if_the_setting_says_so(
    demo_database: Database, finder: ReferenceFinder, keeper: CatalogKeeper
) -> None:
    body = payloads.to_json(PLAIN)
    free = accepting(demo_database, finder)
    ids = [await free(body, "cpq") for _ in range(2)]
    assert await line(demo_database, *ids) == [("new", None)] * 2
    serial = accepting(demo_database, finder, queue_serialise_accounts=True)
    consumer = payloads.to_json(payloads.order(relatedParty=[payloads.party("Consumer")]))
    queued = [await serial(body, "cpq") for _ in range(2)]
    other = await serial(consumer, "cpq")
    assert await line(demo_database, *queued, other) == [
        ("pending", ids[1]),
        ("pending", queued[0]),
        ("new", None),
    ]
    processor = make_processor(demo_database, keeper, queue_serialise_accounts=True)
    assert [await processor.drain_batch() for _ in range(4)] == [3, 1, 1, 0]
    assert [each for each in await orders(demo_database) if each != other] == [*ids, *queued]


async def test_accepting_takes_as_many_statements_whatever_waits(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    counting = CountingDatabase(demo_database)
    accept = AcceptOrder(counting, finder, Settings(), lambda: None)
    for body, expected in (
        (payloads.to_json(PLAIN), 1),
        (about(A), 3),
        (about(A, B), 3),
        (about(B, A), 3),
    ):
        counting.statements.clear()
        await accept(body, "cpq")
        assert len(counting.statements) == expected, counting.statements
    assert await states(demo_database) == {"new": 2, "pending": 2}
