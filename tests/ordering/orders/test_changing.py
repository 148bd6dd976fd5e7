"""The two ways to change an order: what others do between its reading and its writing is seen."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.db.failures import RETRYABLE
from ordering.domain.cancellation import Cancellation, OrderRef
from ordering.domain.errors import ConflictError, InvalidRequestError, NotFoundError, OutdatedError
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.orders.cancel import CancelOrder
from ordering.orders.external_ids import ExternalIds, find_order_owners
from ordering.orders.idempotency import Answer, Once, RequestKey
from ordering.orders.reader import Branch, find_order
from ordering.orders.revise import ReviseOrder
from ordering.settings import Settings
from support import payloads
from support.counting import CountingDatabase
from support.faults import Fault, FaultyDatabase
from support.fulfilment import act
from support.installed import audit, events
from support.locks import waiters
from support.placed import in_state, normal, place, snapshot
from support.stopping import StoppingDatabase

WRITE = "WITH header AS"
#: What a statement does, by a text that is in it; the first that fits.
STEPS = {
    "FROM product_inventory": "lock inventories",
    "INTO product_inventory": "write inventories",
    "advisory": "claim",
    "FOR UPDATE": "lock",
    WRITE: "write",
    ") AS header": "read",
    "FROM order_line_item": "find holders",
    "AS known": "find known",
    "INTO idempotency_key": "keep",
}
QUANTITY = {"productOrderItem": [{"id": "1", "action": "add", "quantity": 4}]}
OTHER_QUANTITY = {"productOrderItem": [{"id": "2", "action": "add", "quantity": 7}]}


Revise = Callable[..., Coroutine[Any, Any, Order]]


@pytest.fixture
async def order(demo_database: Database, keeper: CatalogKeeper) -> Order:
    """An order of two lines in progress."""
    items = [payloads.item("1"), payloads.item("2")]
    (placed,) = await place(demo_database, keeper, payloads.order(items=items, externalId="PO-1"))
    return await in_state(demo_database, placed, "in_progress")


@pytest.fixture
def revise(finder: ReferenceFinder) -> Revise:
    """Revises, on any database, the order that a text names."""

    async def revising(
        database: Database, text: str, said: object, tags: list[str] | None = None
    ) -> Order:
        body = payloads.to_json(said)
        return await ReviseOrder(database, finder, Settings())(text, body, "portal", tags)

    return revising


async def cancel(database: Database, order: Order) -> Order:
    asked = Cancellation(product_order=OrderRef(id=show_id(order.id)))
    return await CancelOrder(database, Settings())(asked, "cpq")


async def read(database: Database, order: Order) -> Order:
    async with database.acquire() as connection:
        found = await find_order(connection, show_id(order.id), Branch.ALL)
    assert found is not None
    return found


def steps(statements: list[str]) -> list[str]:
    """Tell what statements do; BEGIN and COMMIT are not among them."""
    return [next(name for text, name in STEPS.items() if text in each) for each in statements]


# -- alone -----------------------------------------------------------------------------------------
CONTACT = {"relatedParty": [payloads.contact(id="c1", phone="1")]}


@pytest.mark.parametrize(
    "said",
    [
        {},
        QUANTITY,
        {"productOrderItem": [{"id": "1", "action": "add", "product": CONTACT}]},
        {"externalId": "PO-2", "note": [payloads.note()]},
        {"productOrderItem": [{"id": "1", "action": "add", "revisionOperation": "cancel"}]},
    ],
    ids=["nothing", "quantity", "contact", "header", "canceled line"],
)
async def test_a_revision_of_what_is_there_reads_and_writes(
    revise: Revise, demo_database: Database, order: Order, said: object
) -> None:
    counting = CountingDatabase(demo_database)
    answered = await revise(counting, "PO-1", said)
    assert steps(counting.statements) == ["read", "write"]
    assert normal(await read(demo_database, order)) == normal(answered)


async def test_a_revision_that_says_nothing_of_reference_data_looks_nothing_up(
    demo_database: Database, keeper: CatalogKeeper, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    finder = ReferenceFinder(counting, keeper)
    body = payloads.to_json(QUANTITY)
    await ReviseOrder(counting, finder, Settings())(show_id(order.id), body, "portal")
    assert steps(counting.statements) == ["read", "write"]


async def test_a_request_to_cancel_reads_and_writes(demo_database: Database, order: Order) -> None:
    counting = CountingDatabase(demo_database)
    await cancel(counting, order)
    assert steps(counting.statements) == ["read", "write"]


async def test_a_transition_that_reaches_no_inventory_reads_and_writes(
    demo_database: Database, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    await act(counting, order, "await_information", "1")
    assert steps(counting.statements) == ["read", "write"]


# -- under the lock --------------------------------------------------------------------------------
async def test_a_line_is_added_under_the_lock_to_the_order_that_was_read(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    said = {"productOrderItem": [payloads.item("3")]}
    answered = await revise(counting, "PO-1", said)
    assert steps(counting.statements) == [
        "read", "lock", "lock inventories", "write", "write inventories",
    ]  # fmt: skip
    assert normal(await read(demo_database, order)) == normal(answered)


async def test_an_external_id_is_claimed_under_the_lock_where_it_is_unique(
    demo_database: Database, finder: ReferenceFinder, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    unique = ExternalIds(requests=find_order_owners, orders=find_order_owners)
    revising = ReviseOrder(counting, finder, Settings(), unique)
    await revising(show_id(order.id), b'{"externalId": "PO-2"}', "portal")
    looks = ["claim", "find known", "find known"]
    assert steps(counting.statements) == ["read", "lock", *looks, "write"]
    counting.statements.clear()
    await revising(show_id(order.id), b'{"externalId": "PO-2"}', "portal")
    assert steps(counting.statements) == ["read", "write"]


async def test_a_transition_that_reaches_inventories_holds_the_lock(
    demo_database: Database, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    await act(counting, order, "complete", "1")
    assert steps(counting.statements) == [
        "lock", "read", "lock inventories", "write", "write inventories",
    ]  # fmt: skip


async def test_a_request_with_a_key_is_answered_and_done_in_one_transaction(
    demo_database: Database, order: Order
) -> None:
    key = RequestKey("cpq", "/cancel", "k-1", b"hash")
    once = Once[Order](key, lambda _: Answer(status_code=200, body=b"{}", headers={}))
    counting = CountingDatabase(demo_database)
    asked = Cancellation(product_order=OrderRef(id=show_id(order.id)))
    await CancelOrder(counting, Settings())(asked, "cpq", None, once)
    assert steps(counting.statements) == [
        "claim", "find known", "lock", "read", "write", "keep",
    ]  # fmt: skip


# -- what happens between --------------------------------------------------------------------------
async def test_of_two_revisions_that_meet_the_second_is_laid_over_the_first(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY)) as slow:
        quick = await revise(demo_database, "PO-1", OTHER_QUANTITY)
    answered = await slow
    assert steps(stopping.statements) == ["read", "write", "lock", "read", "write"]
    assert [line.quantity for line in quick.line_items] == [1, 7]
    assert [(line.quantity, line.version) for line in answered.line_items] == [(4, 2), (7, 2)]
    assert normal(await read(demo_database, order)) == normal(answered)
    told = [(row["version"], row["changes"]["lineItems"]) for row in await audit(demo_database)]
    assert [(version, [line["id"] for line in lines]) for version, lines in told] == [
        (2, ["2"]),
        (3, ["1"]),
    ]
    assert await events(demo_database) == ["productOrderAttributeValueChangeEvent"] * 2


async def test_a_line_that_is_added_is_put_behind_one_that_came_meanwhile(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    stopping = StoppingDatabase(demo_database, "FOR UPDATE")
    said = {"productOrderItem": [payloads.item("4")]}
    async with stopping.stopped(revise(stopping, "PO-1", said)) as slow:
        await revise(demo_database, "PO-1", {"productOrderItem": [payloads.item("3")]})
    answered = await slow
    assert [(line.item_id, line.position) for line in answered.line_items] == [
        ("1", 0), ("2", 1), ("3", 2), ("4", 3),
    ]  # fmt: skip
    assert normal(await read(demo_database, order)) == normal(answered)


async def test_a_transition_of_a_line_meanwhile_is_kept(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    """It leaves the version alone, and the state of the order."""
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY)) as slow:
        await act(demo_database, order, "complete", "2")
    answered = await slow
    assert [(line.state, line.quantity) for line in answered.line_items] == [
        ("in_progress", 4),
        ("completed", 1),
    ]
    assert normal(await read(demo_database, order)) == normal(answered)


@pytest.mark.parametrize("action", ["hold", "set_ponr", "cancel"])
async def test_a_revision_that_is_no_longer_allowed_writes_nothing(
    revise: Revise, demo_database: Database, order: Order, action: str
) -> None:
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY)) as slow:
        if action == "cancel":
            await cancel(demo_database, order)
        else:
            await act(demo_database, order, action)
        between = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError, match="Cannot update"):
        await slow
    assert await snapshot(demo_database) == between


async def test_a_transition_sees_that_the_order_was_canceled(
    demo_database: Database, order: Order
) -> None:
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(act(stopping, order, "hold")) as slow:
        await cancel(demo_database, order)
        between = await snapshot(demo_database)
    with pytest.raises(ConflictError, match="in state Assessing cancellation"):
        await slow
    assert await snapshot(demo_database) == between


async def test_the_tag_that_was_right_when_it_was_read_is_refused_after_a_change(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY, [order.tag])) as slow:
        await act(demo_database, order, "await_information", "2")
        between = await snapshot(demo_database)
    new = (await read(demo_database, order)).tag
    with pytest.raises(OutdatedError, match=f"its entity tag is {new}"):
        await slow
    assert await snapshot(demo_database) == between


async def test_an_external_id_that_was_given_away_means_the_order_that_has_it_now(
    revise: Revise, demo_database: Database, keeper: CatalogKeeper, order: Order
) -> None:
    items = [payloads.item("1")]
    (newer,) = await place(demo_database, keeper, payloads.order(items=items, externalId="PO-1"))
    await in_state(demo_database, newer, "in_progress")
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY)) as slow:
        await revise(demo_database, show_id(newer.id), {"externalId": "PO-2"})
    assert (await slow).id == order.id
    assert [each["version"] for each in await audit(demo_database)] == [2, 2]


async def test_an_external_id_that_nobody_has_any_more_is_not_found(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    stopping = StoppingDatabase(demo_database, WRITE)
    async with stopping.stopped(revise(stopping, "PO-1", QUANTITY)) as slow:
        await revise(demo_database, show_id(order.id), {"externalId": "PO-2"})
        between = await snapshot(demo_database)
    with pytest.raises(NotFoundError):
        await slow
    assert await snapshot(demo_database) == between


# -- who waits -------------------------------------------------------------------------------------
#: What a session does that changes an order, until it commits.
CHANGE = """
WITH header AS (UPDATE customer_order SET updated_at = updated_at + interval '1 ms', version = 2)
UPDATE order_line_item SET quantity = 7 WHERE item_id = '2'
"""


async def test_who_waits_for_a_change_that_is_committed_then_sees_it(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    async with demo_database.acquire() as watching, demo_database.transaction() as other:
        await other.execute(CHANGE)
        waiting = asyncio.create_task(revise(counting, "PO-1", QUANTITY))
        await waiters(watching, 1)
        assert steps(counting.statements) == ["read", "write"]
    answered = await waiting
    assert steps(counting.statements) == ["read", "write", "lock", "read", "write"]
    assert [line.quantity for line in answered.line_items] == [4, 7]
    assert normal(await read(demo_database, order)) == normal(answered)


async def test_who_waits_for_a_change_that_is_rolled_back_goes_on(
    revise: Revise, demo_database: Database, order: Order
) -> None:
    counting = CountingDatabase(demo_database)
    async with demo_database.acquire() as watching, demo_database.acquire() as other:
        await other.execute(f"BEGIN; {CHANGE}")
        waiting = asyncio.create_task(revise(counting, "PO-1", QUANTITY))
        await waiters(watching, 1)
        await other.execute("ROLLBACK")
    answered = await waiting
    assert steps(counting.statements) == ["read", "write"]
    assert [line.quantity for line in answered.line_items] == [4, 1]
    assert normal(await read(demo_database, order)) == normal(answered)


# -- what is lost ---------------------------------------------------------------------------------
@pytest.mark.parametrize(("fault", "version"), [(Fault.LOST_BEFORE, 1), (Fault.LOST_AFTER, 2)])
async def test_a_change_whose_connection_is_lost_is_not_tried_again(
    revise: Revise, demo_database: Database, order: Order, fault: Fault, version: int
) -> None:
    """It may have been committed, and nobody would know: its client asks again, with its tag."""
    faulty = FaultyDatabase(demo_database, at=2, fault=fault)
    assert isinstance(await faulty.operate(revise(faulty, "PO-1", QUANTITY)), RETRYABLE)
    assert steps(faulty.sent) == ["read", "write"]
    assert (await read(demo_database, order)).version == version
    assert [row["version"] for row in await audit(demo_database)] == [2][: version - 1]
    assert len(await events(demo_database)) == version - 1
