"""What was captured is what is read back, by a number of statements that no data can change."""

import json
from typing import Any, cast

import msgspec
import pytest

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.reader import Branch, OrderFilter, find_order, list_orders
from ordering.orders.rows import insert_orders
from support import payloads
from support.counting import CountingDatabase


async def placed(
    database: Database, keeper: CatalogKeeper, *orders: payloads.Payload
) -> list[Order]:
    drafts = [decode_order(payloads.to_json(order)).draft for order in orders]
    async with database.transaction() as connection:
        found = await find_references(connection, keeper.catalog, drafts)
        captured = [
            capture(draft, found, Circumstances(order_id=new_id(), client="cpq", moment=now()))
            for draft in drafts
        ]
        await insert_orders(connection, captured)
    return captured


async def read(database: Database, text: str, branches: Branch = Branch.ALL) -> Order | None:
    async with database.acquire() as connection:
        return await find_order(connection, text, branches)


def rich(**members: object) -> payloads.Payload:
    """Build an order with something in every table."""
    line = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[
            payloads.characteristic("WAN Optimization", "Base"),
            payloads.characteristic("no such characteristic", {"deep": [1, None, "x"]}),
        ],
        relatedParty=[payloads.contact(), payloads.contact()],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires"}],
        place={"id": payloads.SITE},
        unknown={"kept": True},
    )
    return payloads.order(
        externalId="PO-1",
        note=[payloads.note("call first")],
        items=[
            payloads.item("1", quantity=2, itemPrice=[payloads.price("9.90")], odd="kept"),
            payloads.item(
                "2",
                product=line,
                productOrderItemRelationship=[payloads.related("1", "HasParent")],
            ),
        ],
        **members,
    )


def normal(order: Order) -> Order:
    """Make JSON texts comparable: PostgreSQL keeps jsonb's members in an order of its own."""

    def walk(value: object) -> object:
        if isinstance(value, str) and value[:1] in "{[":
            return json.dumps(json.loads(value), sort_keys=True)
        if isinstance(value, list):
            return [walk(item) for item in cast("list[object]", value)]
        if isinstance(value, msgspec.Struct):
            changes = {name: walk(getattr(value, name)) for name in value.__struct_fields__}
            return msgspec.structs.replace(value, **changes)
        return value

    return cast("Order", walk(order))


async def test_an_order_comes_back_as_it_was_captured(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await placed(demo_database, keeper, rich())
    back = await read(demo_database, show_id(order.id))
    assert back is not None
    assert normal(back) == normal(order)
    assert back.number == 1
    assert back.line_items[1].work_notes != []
    assert back.line_items[1].parent_line_item_id == back.line_items[0].id


async def test_it_is_found_by_the_newest_external_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    _, newer = await placed(demo_database, keeper, rich(), rich())
    back = await read(demo_database, "PO-1")
    assert back is not None
    assert back.id == newer.id


async def test_an_id_wins_over_an_equal_external_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (first,) = await placed(demo_database, keeper, rich())
    (impostor,) = await placed(demo_database, keeper, payloads.order(externalId=show_id(first.id)))
    back = await read(demo_database, show_id(first.id))
    assert back is not None
    assert back.id == first.id != impostor.id


async def test_an_external_id_may_look_like_an_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await placed(demo_database, keeper, payloads.order(externalId=payloads.UNKNOWN_ID))
    back = await read(demo_database, payloads.UNKNOWN_ID)
    assert back is not None
    assert back.id == order.id


@pytest.mark.parametrize("text", ["", "PO-2", payloads.UNKNOWN_ID, "PO-1 ", "a\0b"])
async def test_nothing_else_is_found(
    demo_database: Database, keeper: CatalogKeeper, text: str
) -> None:
    await placed(demo_database, keeper, rich())
    assert await read(demo_database, text) is None


async def test_only_the_branches_asked_for_are_read(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await placed(demo_database, keeper, rich())
    header = await read(demo_database, show_id(order.id), Branch.NONE)
    assert header is not None
    assert header.line_items == []
    lines = await read(demo_database, show_id(order.id), Branch.LINE_ITEMS | Branch.CONTACTS)
    assert lines is not None
    assert [len(line.contacts) for line in lines.line_items] == [0, 2]
    assert [len(line.characteristics) for line in lines.line_items] == [0, 0]


async def test_pages_follow_the_order_of_creation(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    orders = await placed(demo_database, keeper, *[rich() for _ in range(5)])
    async with demo_database.acquire() as connection:
        page = await list_orders(
            connection, OrderFilter(), limit=2, offset=3, branches=Branch.LINE_ITEMS
        )
        assert [order.id for order in page.orders] == [orders[3].id, orders[4].id]
        assert page.total == 5
        assert [len(order.line_items) for order in page.orders] == [2, 2]
        none = await list_orders(
            connection, OrderFilter(state="completed"), limit=2, offset=0, branches=Branch.ALL
        )
        assert none == ([], 0)
        new = await list_orders(
            connection, OrderFilter(state="new"), limit=100, offset=0, branches=Branch.NONE
        )
        assert (len(new.orders), new.total) == (5, 5)


async def test_two_thousand_lines_take_as_many_statements_as_one(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    large = payloads.order(
        externalId="large",
        items=[payloads.item(str(number)) for number in range(2000)],
    )
    await placed(demo_database, keeper, payloads.order(externalId="small"), large)
    counts: dict[str, int] = {}
    for text in ("small", "large"):
        counting = CountingDatabase(demo_database)
        async with counting.acquire() as connection:
            order = await find_order(connection, text, Branch.ALL)
        assert order is not None
        assert len(order.line_items) == (1 if text == "small" else 2000)
        counts[text] = len(counting.statements)
    assert counts == {"small": 6, "large": 6}


async def test_any_number_of_orders_is_one_statement(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    drafts = [decode_order(payloads.to_json(rich())).draft for _ in range(50)]
    counting = CountingDatabase(demo_database)
    async with counting.transaction() as connection:
        found = await find_references(connection, keeper.catalog, drafts)
        how = [Circumstances(order_id=new_id(), client="cpq", moment=now()) for _ in drafts]
        orders = [capture(draft, found, one) for draft, one in zip(drafts, how, strict=True)]
        await insert_orders(connection, orders)
    assert len(counting.statements) == 2


class Meddled:
    """A connection behind whose back somebody else writes, after its first statement."""

    def __init__(self, inner: Connection, database: Database, statement: str) -> None:
        self._inner = inner
        self._database = database
        self._statement: str | None = statement

    async def _meddle(self) -> None:
        statement, self._statement = self._statement, None
        if statement is not None:
            async with self._database.acquire() as other:
                await other.execute(statement)

    async def fetch(self, query: str, *args: Any) -> Any:
        found = await self._inner.fetch(query, *args)
        await self._meddle()
        return found

    async def fetchval(self, query: str, *args: Any) -> Any:
        found = await self._inner.fetchval(query, *args)
        await self._meddle()
        return found

    def transaction(self, **options: Any) -> Any:
        return self._inner.transaction(**options)


async def test_an_order_and_its_lines_are_of_one_moment(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await placed(demo_database, keeper, rich())
    async with demo_database.acquire() as inner:
        meddled = Meddled(inner, demo_database, "UPDATE order_line_item SET quantity = 99")
        back = await find_order(cast("Connection", meddled), show_id(order.id), Branch.ALL)
    assert back is not None
    assert [line.quantity for line in back.line_items] == [
        line.quantity for line in order.line_items
    ]


async def test_a_page_and_its_total_are_of_one_moment(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await placed(demo_database, keeper, rich(), rich())
    async with demo_database.acquire() as inner:
        meddled = Meddled(
            inner, demo_database, "UPDATE customer_order SET state = 'completed' WHERE number = 1"
        )
        page = await list_orders(
            cast("Connection", meddled),
            OrderFilter(state="new"),
            limit=10,
            offset=0,
            branches=Branch.NONE,
        )
    assert len(page.orders) == page.total == 2


async def test_no_state_has_a_nul(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        page = await list_orders(
            connection, OrderFilter(state="n\0w"), limit=1, offset=0, branches=Branch.NONE
        )
    assert page == ([], 0)
