"""Asking for orders to be canceled: one transaction, with its audit and its events."""

from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.cancellation import Cancellation, OrderRef
from ordering.domain.errors import InvalidRequestError, NotFoundError, OutdatedError
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.orders.cancel import CancelOrder
from ordering.orders.reader import Branch, find_order
from ordering.settings import Settings
from support import payloads
from support.counting import CountingDatabase
from support.fulfilment import act
from support.installed import audit, events
from support.placed import in_state, normal, place, snapshot

DATE = Timestamp.parse("2126-03-04T05:06:07.890Z")


async def cancel(
    database: Database, text: str, tags: list[str] | None = None, **settings: Any
) -> Order:
    asked = Cancellation(
        cancellation_reason="Duplicate order",
        requested_cancellation_date=DATE,
        product_order=OrderRef(id=text),
    )
    return await CancelOrder(database, Settings(**settings))(asked, "cpq", tags)


async def test_a_request_to_cancel_is_written_with_its_audit_and_events(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order(externalId="PO-1"))
    before = await in_state(demo_database, placed, "in_progress")
    done = await cancel(demo_database, "PO-1")
    async with demo_database.acquire() as connection:
        found = await find_order(connection, show_id(placed.id), Branch.ALL)
    assert found is not None
    assert normal(found) == normal(done)
    assert found.updated_at > before.updated_at
    assert (found.state, found.version) == ("assessing_cancellation", 2)
    assert (found.cancellation_reason, found.requested_cancellation_date) == (
        "Duplicate order",
        DATE,
    )
    assert [(line.state, line.version) for line in found.line_items] == [
        ("assessing_cancellation", 2)
    ]
    moved = {"state": {"before": "in_progress", "after": "assessing_cancellation"}}
    assert await audit(demo_database) == [
        {
            "version": 2,
            "operation": "cancel",
            "changeTypes": [],
            "changes": {
                "cancellationReason": "Duplicate order",
                "requestedCancellationDate": "2126-03-04T05:06:07.890Z",
                "fields": moved,
                "lineItems": [{"id": "100", "version": 2, "changeTypes": [], "fields": moved}],
            },
            "changedBy": "cpq",
        }
    ]
    assert await events(demo_database) == [
        "cancelProductOrderCreateEvent",
        "productOrderStateChangeEvent",
    ]


@pytest.mark.parametrize(
    "state",
    [
        state
        for state in OrderState
        if state not in ("in_progress", "awaiting_information", "on_hold", "revision_in_progress")
    ],
)
async def test_a_refusal_writes_nothing(
    state: OrderState, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order())
    await in_state(demo_database, placed, state)
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError):
        await cancel(demo_database, show_id(placed.id))
    assert await snapshot(demo_database) == before


@pytest.mark.parametrize("text", ["PO-1", payloads.UNKNOWN_ID, "a\0b"])
async def test_an_order_that_is_not_there_is_not_found(text: str, demo_database: Database) -> None:
    with pytest.raises(NotFoundError):
        await cancel(demo_database, text)


async def test_a_request_is_accepted_once(demo_database: Database, keeper: CatalogKeeper) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order())
    await in_state(demo_database, placed, "in_progress")
    await cancel(demo_database, show_id(placed.id))
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError) as caught:
        await cancel(demo_database, show_id(placed.id))
    assert [problem.message for problem in caught.value.problems] == [
        "Cannot cancel the order in state: Assessing cancellation"
    ]
    assert await snapshot(demo_database) == before


async def test_a_tag_that_the_client_knows_has_to_be_that_of_the_order(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order())
    order = await in_state(demo_database, placed, "in_progress")
    before = await snapshot(demo_database)
    with pytest.raises(OutdatedError):
        await cancel(demo_database, show_id(placed.id), ["1-1"])
    assert await snapshot(demo_database) == before
    done = await cancel(demo_database, show_id(placed.id), ["1-1", order.tag])
    assert done.state == "assessing_cancellation"


async def test_a_denial_brings_everything_back_to_where_it_was(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    states = ["on_hold", "acknowledged", "new", "assessing_cancellation", "completed"]
    items = [payloads.item(state) for state in states]
    (placed,) = await place(demo_database, keeper, payloads.order(items=items))
    await in_state(demo_database, placed, "revision_in_progress")
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE order_line_item SET state = item_id")
        inventories = (await snapshot(demo_database))["product_inventory"]
        await cancel(demo_database, show_id(placed.id))
        done = await act(demo_database, placed, "deny_cancellation")
        found = await find_order(connection, show_id(placed.id), Branch.ALL)
    assert found is not None
    assert normal(found) == normal(done)
    assert (found.state, found.state_before) == ("revision_in_progress", None)
    assert [line.state for line in found.line_items] == states
    assert {line.state_before for line in found.line_items} == {None}
    assert (await snapshot(demo_database))["product_inventory"] == inventories
    _, denied = await audit(demo_database)
    assert [each["id"] for each in denied["changes"]["lineItems"]] == states[:3]


async def test_a_new_order_is_canceled_where_the_setting_says_so(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order())
    done = await cancel(demo_database, show_id(placed.id), edit_new_orders=True)
    assert (done.state, done.line_items[0].state) == ("canceled", "canceled")


async def test_statements_do_not_depend_on_the_number_of_lines(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    counted: list[int] = []
    for lines in (3, 300):
        items = [payloads.item(str(number)) for number in range(lines)]
        (placed,) = await place(demo_database, keeper, payloads.order(items=items))
        await in_state(demo_database, placed, "in_progress")
        counting = CountingDatabase(demo_database)
        done = await cancel(counting, show_id(placed.id))
        assert {line.state for line in done.line_items} == {"assessing_cancellation"}
        counted.append(len(counting.statements))
    assert counted[0] == counted[1] == 2
