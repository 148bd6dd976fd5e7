"""What was captured is what is read back, by a number of statements that no data can change."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import decode_order
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.reader import AGGREGATE, Branch, OrderFilter, find_order, list_shown
from ordering.orders.rows import insert_orders
from support import payloads
from support.counting import CountingDatabase
from support.explaining import explain
from support.placed import normal, place

decode = msgspec.json.Decoder(Order).decode


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


async def test_an_order_comes_back_as_it_was_captured(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, rich())
    back = await read(demo_database, show_id(order.id))
    assert back is not None
    assert normal(back) == normal(order)
    assert back.number == 1
    assert back.line_items[1].work_notes != []
    assert back.line_items[1].parent_line_item_id == back.line_items[0].id


async def test_the_first_and_the_last_moment_come_back(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    # The driver has names of its own for the first.
    moments = {"orderDate": "0001-01-01T00:00:00Z", "committedDueDate": "9999-12-31T23:59:59.999Z"}
    (order,) = await place(demo_database, keeper, payloads.order(**moments))
    back = await read(demo_database, show_id(order.id))
    assert back is not None
    assert normal(back) == normal(order)


async def test_it_is_found_by_the_newest_external_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    _, newer = await place(demo_database, keeper, rich(), rich())
    back = await read(demo_database, "PO-1")
    assert back is not None
    assert back.id == newer.id


async def test_an_id_wins_over_an_equal_external_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (first,) = await place(demo_database, keeper, rich())
    (impostor,) = await place(demo_database, keeper, payloads.order(externalId=show_id(first.id)))
    back = await read(demo_database, show_id(first.id))
    assert back is not None
    assert back.id == first.id != impostor.id


async def test_an_external_id_may_look_like_an_id(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order(externalId=payloads.UNKNOWN_ID))
    back = await read(demo_database, payloads.UNKNOWN_ID)
    assert back is not None
    assert back.id == order.id


@pytest.mark.parametrize("text", ["", "PO-2", payloads.UNKNOWN_ID, "PO-1 ", "a\0b"])
async def test_nothing_else_is_found(
    demo_database: Database, keeper: CatalogKeeper, text: str
) -> None:
    await place(demo_database, keeper, rich())
    assert await read(demo_database, text) is None


async def test_only_the_branches_asked_for_are_read(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, rich())
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
    orders = await place(demo_database, keeper, *[rich() for _ in range(5)])
    async with demo_database.acquire() as connection:
        page = await list_shown(
            connection, OrderFilter(), AGGREGATE, Branch.LINE_ITEMS, limit=2, offset=3
        )
        shown = [(order.id, len(order.line_items)) for order in map(decode, page.orders)]
        assert shown == [(orders[3].id, 2), (orders[4].id, 2)]
        assert page.total == 5
        none = await list_shown(
            connection, OrderFilter(state="completed"), AGGREGATE, Branch.ALL, limit=2, offset=0
        )
        assert none == ([], 0)
        beyond = await list_shown(
            connection, OrderFilter(), AGGREGATE, Branch.ALL, limit=2, offset=5
        )
        assert beyond == ([], 5)
        new = await list_shown(
            connection, OrderFilter(state="new"), AGGREGATE, Branch.NONE, limit=100, offset=0
        )
        assert (len(new.orders), new.total) == (5, 5)


async def test_each_order_of_a_page_is_a_value_of_its_own(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    """However large the orders are, a page is not a value that is too large for PostgreSQL."""
    orders = await place(demo_database, keeper, rich(), rich(), rich())
    counting = CountingDatabase(demo_database)
    async with counting.acquire() as connection:
        page = await list_shown(connection, OrderFilter(), AGGREGATE, Branch.ALL, limit=9, offset=0)
    (statement,) = counting.statements
    async with demo_database.acquire() as connection:
        rows = await connection.fetch(statement, 9, 0)
    assert [normal(decode(each)) for each in page.orders] == list(map(normal, orders))
    numbers = [msgspec.json.decode(row["shown"])["number"] for row in rows]
    assert sorted(numbers) == [1, 2, 3]
    assert [row["total"] for row in rows] == [3, 3, 3]


async def test_two_thousand_lines_take_as_many_statements_as_one(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    large = payloads.order(
        externalId="large",
        items=[payloads.item(str(number)) for number in range(2000)],
    )
    await place(demo_database, keeper, payloads.order(externalId="small"), large)
    counts: dict[str, int] = {}
    for text in ("small", "large"):
        counting = CountingDatabase(demo_database)
        async with counting.acquire() as connection:
            order = await find_order(connection, text, Branch.ALL)
        assert order is not None
        assert len(order.line_items) == (1 if text == "small" else 2000)
        counts[text] = len(counting.statements)
    assert counts == {"small": 1, "large": 1}


async def test_the_rows_of_a_line_are_found_by_an_index_whatever_the_planner_expects(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await place(demo_database, keeper, rich())
    counting = CountingDatabase(demo_database)
    async with counting.acquire() as connection:
        await find_order(connection, "PO-1", Branch.ALL)
    (statement,) = counting.statements
    async with demo_database.transaction() as connection:
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        plan = str(await explain(connection, statement, None, "PO-1"))
    of_a_line = "((order_id = header.id) AND (line_item_id = line.id))"
    assert plan.count(f"'Index Cond': '{of_a_line}'") == 4
    assert "Join" not in plan


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


async def listed(database: Database, **which: str) -> list[str | None]:
    """List the external ids of the orders that fit, having checked their total."""
    async with database.acquire() as connection:
        page = await list_shown(
            connection, OrderFilter(**which), AGGREGATE, Branch.NONE, limit=100, offset=0
        )
    assert page.total == len(page.orders)
    return [order.external_id for order in map(decode, page.orders)]


async def test_orders_are_found_by_all_that_the_filter_names(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    consumer = [payloads.party("Consumer")]
    await place(
        demo_database,
        keeper,
        payloads.order(externalId="A"),
        payloads.order(externalId="B", relatedParty=consumer),
        payloads.order(externalId="B"),
    )
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = 'draft' WHERE number = 3")
    assert await listed(demo_database) == ["A", "B", "B"]
    assert await listed(demo_database, external_id="B") == ["B", "B"]
    assert await listed(demo_database, external_id="b") == []
    assert await listed(demo_database, external_id="B", state="new") == ["B"]
    assert await listed(demo_database, party=payloads.ACCOUNT) == ["A", "B"]
    assert await listed(demo_database, party=payloads.ACCOUNT, external_id="B") == ["B"]
    assert await listed(demo_database, party=payloads.ACCOUNT, state="new") == ["A"]
    assert await listed(demo_database, party=payloads.CONSUMER, state="draft") == []


ACCOUNT_ID = "0190c0ffee00700080000000000000a1"


async def save_party(database: Database, identity: str, external_id: str, kind: str) -> None:
    async with database.acquire() as connection:
        await connection.execute(
            "INSERT INTO party (id, external_id, kind) VALUES ($1, $2, $3)",
            UUID(identity),
            external_id,
            kind,
        )


async def forget_party(database: Database, identity: str) -> None:
    async with database.acquire() as connection:
        await connection.execute("DELETE FROM party WHERE id = $1", UUID(identity))


async def test_a_party_is_found_by_its_id_whichever_one_the_order_names(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await save_party(demo_database, ACCOUNT_ID, "ACC-1", "account")
    try:
        await place(
            demo_database,
            keeper,
            payloads.order(externalId="by id", relatedParty=[payloads.party(id=ACCOUNT_ID)]),
            payloads.order(externalId="by name", relatedParty=[payloads.party(id="ACC-1")]),
            payloads.order(externalId="another"),
        )
        assert await listed(demo_database, party=ACCOUNT_ID) == ["by id", "by name"]
        assert await listed(demo_database, party="ACC-1") == ["by id", "by name"]
        assert await listed(demo_database, party="acc-1") == []
    finally:
        await forget_party(demo_database, ACCOUNT_ID)
    assert await listed(demo_database, party="ACC-1") == ["by name"]


@pytest.mark.parametrize(
    "which",
    [
        OrderFilter(party=payloads.ACCOUNT),
        OrderFilter(external_id="again"),
        OrderFilter(state="new", external_id="again"),
    ],
)
async def test_pages_behind_any_filter_join_to_what_fits(
    demo_database: Database, keeper: CatalogKeeper, which: OrderFilter
) -> None:
    fits = payloads.order(externalId="again")
    other = payloads.order(externalId="other", relatedParty=[payloads.party("Consumer")])
    placed = await place(demo_database, keeper, *[fits, other] * 5)
    numbers = [each.number for each in placed[::2]]
    async with demo_database.acquire() as connection:
        for at in (0, 2, 4, 6):
            page = await list_shown(connection, which, AGGREGATE, Branch.NONE, limit=2, offset=at)
            shown = [each.number for each in map(decode, page.orders)]
            assert (shown, page.total) == (numbers[at : at + 2], 5)


async def test_a_filter_by_party_uses_the_index(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    await place(demo_database, keeper, payloads.order())
    counting = CountingDatabase(demo_database)
    async with counting.acquire() as connection:
        which = OrderFilter(party=payloads.ACCOUNT)
        await list_shown(connection, which, AGGREGATE, Branch.NONE, limit=1, offset=0)
    (statement,) = counting.statements
    async with demo_database.transaction() as connection:
        # Whatever the planner thinks of a table with one row.
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_indexscan = off")
        account = payloads.ACCOUNT
        plan = str(await explain(connection, statement, 1, 0, account, UUID(account)))
    # For the page and for the total at once.
    assert plan.count("'Index Name': 'customer_order_party'") == 1


async def test_a_filter_by_state_uses_its_index_for_few_orders_and_for_many(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    """The index of numbers has the order of a page, too, but finds few orders after all others."""
    await place(demo_database, keeper, *[payloads.order() for _ in range(300)])
    counting = CountingDatabase(demo_database)
    async with counting.acquire() as connection:
        which = OrderFilter(state="new")
        await list_shown(connection, which, AGGREGATE, Branch.NONE, limit=1, offset=0)
    (statement,) = counting.statements
    async with demo_database.transaction() as connection:
        # As if there were too many for a scan of the table.
        await connection.execute("ANALYZE customer_order")
        await connection.execute("SET LOCAL enable_seqscan = off")
        await connection.execute("SET LOCAL enable_bitmapscan = off")
        plan = str(await explain(connection, statement, 1, 0, "new"))
    assert plan.count("'customer_order_state'") == 1
    assert "'Sort'" not in plan


async def test_each_filter_costs_the_same_statements_whatever_there_is(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    counts: list[int] = []
    for number in range(2):
        await place(demo_database, keeper, *[payloads.order() for _ in range(1 + 9 * number)])
        counting = CountingDatabase(demo_database)
        async with counting.acquire() as connection:
            which = OrderFilter(state="new", party=payloads.ACCOUNT)
            await list_shown(connection, which, AGGREGATE, Branch.NONE, limit=50, offset=0)
        counts.append(len(counting.statements))
    assert counts == [1, 1]


@pytest.mark.parametrize("name", ["state", "external_id", "party"])
async def test_nothing_has_a_nul(demo_database: Database, keeper: CatalogKeeper, name: str) -> None:
    await place(demo_database, keeper, payloads.order(externalId="n"))
    assert await listed(demo_database, **{name: "n\0w"}) == []


async def test_pages_show_every_order_that_was_there_while_others_are_created(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    there = {order.id for order in await place(demo_database, keeper, *[rich()] * 12)}
    stop = asyncio.Event()

    async def go_on_creating() -> int:
        created = 0
        while not stop.is_set():
            created += len(await place(demo_database, keeper, payloads.order(), payloads.order()))
        return created

    creators = [asyncio.create_task(go_on_creating()) for _ in range(2)]
    shown: list[UUID] = []
    while True:
        async with demo_database.acquire() as connection:
            page = await list_shown(
                connection, OrderFilter(), AGGREGATE, Branch.NONE, limit=2, offset=len(shown)
            )
        shown += [order.id for order in map(decode, page.orders)]
        if not page.orders or there <= set(shown):
            break
    stop.set()
    assert sum(await asyncio.gather(*creators)) > 0
    assert there <= set(shown)
