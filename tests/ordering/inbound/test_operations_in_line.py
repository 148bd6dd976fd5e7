"""What operators do to requests that stand in a line: nothing overtakes, nobody is in the way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.db.failures import LOCKED
from ordering.domain.errors import ConflictError
from ordering.domain.ids import show_id
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound.accept import AcceptOrder
from ordering.inbound.claim import complete
from ordering.inbound.filters import RequestFilter
from ordering.inbound.operations import QueueOperations
from ordering.inbound.pending import free_waiting, lock_lines
from ordering.settings import Settings
from support import payloads
from support.locks import waiters
from support.queue import make_processor, record, take

ERROR = RequestFilter(state=InboundState.ERROR)
LINE = payloads.to_json(payloads.order(items=[payloads.change_item("1")], externalId="LINE"))
MINE = RequestFilter(external_id="LINE")


@pytest.fixture
def accept(demo_database: Database, finder: ReferenceFinder) -> AcceptOrder:
    return AcceptOrder(demo_database, finder, Settings(), lambda: None)


@pytest.fixture
def queue(demo_database: Database) -> QueueOperations:
    return QueueOperations(demo_database, lambda: None, Settings())


async def in_line(accept: AcceptOrder, count: int) -> list[UUID]:
    return [await accept(LINE, "cpq") for _ in range(count)]


async def line(database: Database, ids: list[UUID]) -> list[tuple[str, UUID | None]]:
    """Tell the state of each record and what it waits, or waited, for."""
    found = [await record(database, each) for each in ids]
    return [(each["state"], each["execute_after"]) for each in found]


async def orders(database: Database) -> list[UUID]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM customer_order ORDER BY number")
    return [row["id"] for row in rows]


# -- back to their places --------------------------------------------------------------------------
@pytest.mark.parametrize("batch", [1000, 2])
async def test_a_line_that_was_canceled_and_redriven_is_the_line_that_it_was(
    accept: AcceptOrder,
    queue: QueueOperations,
    demo_database: Database,
    keeper: CatalogKeeper,
    monkeypatch: pytest.MonkeyPatch,
    batch: int,
) -> None:
    monkeypatch.setattr("ordering.inbound.operations._BATCH", batch)
    ids = await in_line(accept, 5)
    assert await queue.cancel(MINE, "ann") == 5
    assert await queue.redrive(ERROR, "ann") == 5
    assert await line(demo_database, ids) == [
        ("new", None),
        *(("pending", ahead) for ahead in ids[:-1]),
    ]
    processor = make_processor(demo_database, keeper)
    assert [await processor.drain_batch() for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert await orders(demo_database) == ids


async def test_a_redriven_one_goes_between_those_that_arrived_before_and_after_it(
    accept: AcceptOrder, queue: QueueOperations, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await in_line(accept, 3)
    await queue.cancel(RequestFilter(id=ids[1]), "ann")
    assert await line(demo_database, ids) == [("new", None), ("error", ids[0]), ("pending", ids[0])]
    await queue.redrive(MINE, "ann")
    assert await line(demo_database, ids) == [
        ("new", None),
        ("pending", ids[0]),
        ("pending", ids[0]),
    ]
    processor = make_processor(demo_database, keeper)
    assert [await processor.drain_batch() for _ in range(4)] == [1, 1, 1, 0]
    assert await orders(demo_database) == ids


async def test_a_redriven_one_waits_for_none_that_arrived_after_it(
    accept: AcceptOrder, queue: QueueOperations, demo_database: Database
) -> None:
    ids = await in_line(accept, 2)
    await queue.cancel(RequestFilter(id=ids[0]), "ann")
    await queue.redrive(MINE, "ann")
    assert await line(demo_database, ids) == [("new", None), ("new", ids[0])]


async def test_an_order_on_demand_of_a_failed_one_does_not_overtake(
    accept: AcceptOrder, queue: QueueOperations, demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await in_line(accept, 2)
    await queue.cancel(RequestFilter(id=ids[1]), "ann")
    answered = await queue.create_order(show_id(ids[1]), "ann")
    assert (answered.state, answered.execute_after, answered.priority) == ("pending", ids[0], 32767)
    processor = make_processor(demo_database, keeper)
    assert [await processor.drain_batch() for _ in range(3)] == [1, 1, 0]
    assert await orders(demo_database) == ids


async def test_one_account_s_requests_go_back_to_their_places_where_accounts_wait(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    serial = Settings(queue_serialise_accounts=True)
    accept = AcceptOrder(demo_database, finder, serial, lambda: None)
    queue = QueueOperations(demo_database, lambda: None, serial)
    body = payloads.to_json(payloads.order())
    ids = [await accept(body, "cpq") for _ in range(2)]
    await queue.cancel(RequestFilter(id=ids[1]), "ann")
    await queue.redrive(ERROR, "ann")
    assert await line(demo_database, ids) == [("new", None), ("pending", ids[0])]


# -- locks -----------------------------------------------------------------------------------------
async def test_who_cancels_waits_for_a_line_without_holding_its_requests(
    accept: AcceptOrder, queue: QueueOperations, demo_database: Database
) -> None:
    """The end of the first and the cancellation of the second cannot wait for each other."""
    first, second = await in_line(accept, 2)
    taken = await take(demo_database)
    async with demo_database.acquire() as watching:
        async with demo_database.transaction() as ending:
            await complete(ending, taken.token, [(first, InboundStatus.SUCCESS)])
            await lock_lines(ending, [first], by_account=False)
            canceling = asyncio.create_task(queue.cancel(MINE, "ann"))
            await waiters(watching, 1)
            assert await free_waiting(ending, [first]) == 1
        # What waited was freed, and canceled as one that is new.
        assert await canceling == 1
    assert await line(demo_database, [first, second]) == [("completed", None), ("error", first)]


async def test_an_order_on_demand_does_not_wait_for_who_makes_it_one(
    accept: AcceptOrder, queue: QueueOperations, demo_database: Database
) -> None:
    """The end of the request and the demand for it cannot wait for each other."""
    (identity,) = await in_line(accept, 1)
    taken = await take(demo_database)
    async with demo_database.transaction() as ending:
        await complete(ending, taken.token, [(identity, InboundStatus.SUCCESS)])
        # It has the row, and the names of the line come next.
        async with asyncio.timeout(5):
            with pytest.raises(ConflictError) as caught:
                await queue.create_order(show_id(identity), "ann")
        await lock_lines(ending, [identity], by_account=False)
    (problem,) = caught.value.problems
    assert problem.message == "A request in state in_progress cannot be made an order on demand"
    assert await line(demo_database, [identity]) == [("completed", None)]


@pytest.mark.parametrize("operation", ["redrive", "create order"])
@pytest.mark.parametrize("held", [2, 3])
async def test_what_the_locks_of_others_undo_is_tried_thrice(
    accept: AcceptOrder,
    queue: QueueOperations,
    demo_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    held: int,
) -> None:
    (identity,) = await in_line(accept, 1)
    await queue.cancel(MINE, "ann")
    before = await record(demo_database, identity)
    begin = demo_database.transaction
    begun = 0

    @asynccontextmanager
    async def hindered() -> AsyncGenerator[Any]:
        """Begin a transaction that waits for a moment only, while somebody else has the line."""
        nonlocal begun
        begun += 1
        async with begin() as other, begin() as connection:
            if begun <= held:
                await lock_lines(other, [identity], by_account=False)
            await connection.execute("SET LOCAL lock_timeout = 10")
            yield connection

    async def operate() -> None:
        if operation == "redrive":
            await queue.redrive(MINE, "ann")
        else:
            await queue.create_order(show_id(identity), "ann")

    monkeypatch.setattr(demo_database, "transaction", hindered)
    if held < 3:
        await operate()
        assert (await record(demo_database, identity))["state"] == "new"
    else:
        with pytest.raises(LOCKED):
            await operate()
        assert await record(demo_database, identity) == before
    assert begun == 3
