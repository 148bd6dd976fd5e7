"""Connections: pages forwards and backwards, in every order, while orders arrive."""

from datetime import timedelta
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.order import Order
from support import payloads
from support.asking import Ask
from support.graphql_oracle import cursor
from support.placed import place

PAGE = """
query ($first: Int, $after: String, $last: Int, $before: String, $by: OrderSort) {
  orders(first: $first, after: $after, last: $last, before: $before, orderBy: $by) {
    totalCount nodes { externalId } edges { cursor node { externalId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""
SORTS = ["CREATED_ASC", "CREATED_DESC", "UPDATED_ASC", "UPDATED_DESC"]


async def seven(database: Database, keeper: CatalogKeeper) -> list[Order]:
    """Place orders 0 to 6, which were changed in the order 6 to 0, two at a time."""
    placed = await place(
        database, keeper, *(payloads.order(externalId=str(number)) for number in range(7))
    )
    async with database.acquire() as connection:
        for number, order in enumerate(placed):
            changed = placed[0].updated_at + timedelta(microseconds=10 - number // 2)
            await connection.execute(
                "UPDATE customer_order SET updated_at = $2 WHERE id = $1", order.id, changed
            )
    return placed


async def walk(ask: Ask, forwards: bool, by: str) -> list[list[str]]:
    """Read page after page of three; returns what each has."""
    size, cursor = ("first", "after") if forwards else ("last", "before")
    more, at = ("hasNextPage", "endCursor") if forwards else ("hasPreviousPage", "startCursor")
    pages: list[list[str]] = []
    asked: dict[str, Any] = {size: 3, "by": by}
    while True:
        page = (await ask(PAGE, **asked))["data"]["orders"]
        pages.append([node["externalId"] for node in page["nodes"]])
        assert [edge["node"] for edge in page["edges"]] == page["nodes"]
        assert page["totalCount"] == 7
        info = page["pageInfo"]
        assert info["startCursor"] == page["edges"][0]["cursor"]
        assert info["endCursor"] == page["edges"][-1]["cursor"]
        back = "hasPreviousPage" if forwards else "hasNextPage"
        assert info[back] is (len(pages) > 1)
        if not info[more]:
            return pages
        asked[cursor] = info[at]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("CREATED_ASC", "0123456"),
        ("CREATED_DESC", "6543210"),
        ("UPDATED_ASC", "6452301"),
        ("UPDATED_DESC", "1032546"),
    ],
)
async def test_pages_join_to_the_whole_list(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper, by: str, expected: str
) -> None:
    await seven(demo_database, keeper)
    forwards = await walk(ask, forwards=True, by=by)
    assert "".join(each for page in forwards for each in page) == expected
    assert [len(page) for page in forwards] == [3, 3, 1]
    backwards = await walk(ask, forwards=False, by=by)
    assert "".join(each for page in reversed(backwards) for each in page) == expected
    assert [len(page) for page in backwards] == [3, 3, 1]


@pytest.mark.parametrize("by", SORTS)
@pytest.mark.parametrize(("size", "at"), [("first", "after"), ("last", "before")])
async def test_a_page_is_the_same_whether_or_not_it_is_asked_what_follows(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper, by: str, size: str, at: str
) -> None:
    await seven(demo_database, keeper)
    unasked = PAGE.replace("hasNextPage hasPreviousPage", "")
    start: dict[str, Any] = {size: 3}
    first = (await ask(PAGE, by=by, **start))["data"]["orders"]
    cursor = first["pageInfo"]["endCursor" if size == "first" else "startCursor"]
    ways: list[dict[str, Any]] = [{size: 3}, {size: 3, at: cursor}, {size: 7}, {size: 9}]
    for asked in ways:
        page = (await ask(PAGE, by=by, **asked))["data"]["orders"]
        del page["pageInfo"]["hasNextPage"], page["pageInfo"]["hasPreviousPage"]
        assert (await ask(unasked, by=by, **asked))["data"]["orders"] == page


@pytest.mark.parametrize(
    "info",
    [
        "pageInfo { next: hasNextPage }",
        "i: pageInfo { startCursor } i: pageInfo { next: hasNextPage }",
        "... on OrderConnection { pageInfo { ...Next } }",
    ],
)
async def test_what_follows_is_told_however_it_is_asked(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper, info: str
) -> None:
    await seven(demo_database, keeper)
    fragment = "fragment Next on PageInfo { next: hasNextPage }" if "..." in info else ""
    for size, follows in ((6, True), (7, False)):
        document = f"{{ orders(first: {size}) {{ nodes {{ externalId }} {info} }} }} {fragment}"
        page = (await ask(document))["data"]["orders"]
        assert len(page["nodes"]) == size
        assert (page.get("i") or page["pageInfo"])["next"] is follows


async def test_pages_stay_where_they_are_while_orders_come_and_go(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    placed = await seven(demo_database, keeper)
    page = (await ask(PAGE, first=3, by="CREATED_DESC"))["data"]["orders"]
    await place(demo_database, keeper, payloads.order(externalId="7"))
    async with demo_database.acquire() as connection:
        # The very one that the cursor names.
        await connection.execute("DELETE FROM customer_order WHERE id = $1", placed[4].id)
    after = page["pageInfo"]["endCursor"]
    following = (await ask(PAGE, first=3, by="CREATED_DESC", after=after))["data"]["orders"]
    assert [node["externalId"] for node in following["nodes"]] == ["3", "2", "1"]


async def test_no_orders_are_an_empty_page(ask: Ask) -> None:
    nothing: Any = {
        "totalCount": 0,
        "nodes": [],
        "edges": [],
        "pageInfo": {
            "hasNextPage": False,
            "hasPreviousPage": False,
            "startCursor": None,
            "endCursor": None,
        },
    }
    assert (await ask(PAGE))["data"]["orders"] == nothing
    assert (await ask(PAGE, last=2))["data"]["orders"] == nothing


async def test_twenty_are_shown_if_nobody_says_how_many(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    await place(demo_database, keeper, *(payloads.order() for _ in range(21)))
    page = (await ask(PAGE))["data"]["orders"]
    assert len(page["nodes"]) == 20
    assert page["pageInfo"]["hasNextPage"] is True


async def test_everything_wrong_with_arguments_is_told_at_once(ask: Ask) -> None:
    answer = await ask(
        """{
          orders(first: 0, last: 5, after: "x") { nodes { lineItems(first: 5001) { totalCount } } }
          again: orders(last: 101, before: "WzEsIlVQREFURURfQVNDIiwxXQ") { totalCount }
          order { id }
        }"""
    )
    assert "data" not in answer
    assert [(e["message"], e["extensions"]["argument"]) for e in answer["errors"]] == [
        ("first and last must not be given together", "orders.first"),
        ("last and after must not be given together", "orders.last"),
        ("first must be a whole number from 1 to 5000", "orders.nodes.lineItems.first"),
        ("last must be a whole number from 1 to 100", "again.last"),
        ("Exactly one of id, externalId must be given", "order"),
        ("before is no cursor of this list in this order", "again.before"),
    ]
    assert {e["extensions"]["code"] for e in answer["errors"]} == {"InvalidRequest"}


@pytest.mark.parametrize("by", SORTS)
@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "é",
        "WzFd",  # [1]
        "WzIsIkNSRUFURURfQVNDIiwxXQ",  # [2,"CREATED_ASC",1]
        "WzEsIkNSRUFURURfQVNDIiwiMSJd",  # [1,"CREATED_ASC","1"]
        "WzEsIkNSRUFURURfQVNDIix0cnVlXQ",  # [1,"CREATED_ASC",true]
        "WzEsIkNSRUFURURfQVNDIiwxMDAwMDAwMDAwMDAwMDAwMDAwMDAwXQ",  # a number too large
        "W1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tb",
    ],
)
async def test_what_is_no_cursor_is_refused(ask: Ask, wrong: str, by: str) -> None:
    answer = await ask(PAGE, after=wrong, by=by)
    assert [each["message"] for each in answer["errors"]] == [
        "after is no cursor of this list in this order"
    ]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_cursor_with_a_moment_outside_of_our_years_is_refused(
    ask: Ask, moment: str
) -> None:
    answer = await ask(PAGE, after=cursor("UPDATED_ASC", [moment, 1]), by="UPDATED_ASC")
    assert [each["message"] for each in answer["errors"]] == [
        "after is no cursor of this list in this order"
    ]


async def test_a_cursor_of_the_audit_is_none_of_the_events(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    await place(demo_database, keeper, payloads.order(externalId="A"))
    history = '{ order(externalId: "A") { %s(after: %s) { totalCount pageInfo { endCursor } } } }'
    found = (await ask(history % ("revisions", "null")))["data"]["order"]["revisions"]
    assert found["totalCount"] == 1
    answer = await ask(history % ("events", f'"{found["pageInfo"]["endCursor"]}"'))
    assert [(each["message"], each["extensions"]["argument"]) for each in answer["errors"]] == [
        ("after is no cursor of this list in this order", "order.events.after")
    ]


async def test_a_cursor_of_another_orders_audit_is_a_place_between(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    for name in "AB":
        await place(demo_database, keeper, payloads.order(externalId=name))
    audit = """query ($of: String!, $after: String) {
      order(externalId: $of) {
        revisions(after: $after) { nodes { id } pageInfo { endCursor } } } }"""
    earlier, later = [(await ask(audit, of=name))["data"]["order"]["revisions"] for name in "AB"]
    assert [len(each["nodes"]) for each in (earlier, later)] == [1, 1]
    answer = await ask(audit, of="B", after=earlier["pageInfo"]["endCursor"])
    assert answer["data"]["order"]["revisions"]["nodes"] == later["nodes"]
    answer = await ask(audit, of="A", after=later["pageInfo"]["endCursor"])
    assert answer["data"]["order"]["revisions"]["nodes"] == []


async def test_line_items_have_pages_too(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    lines = [payloads.item(str(number)) for number in range(5)]
    await place(demo_database, keeper, payloads.order(items=lines, externalId="PO"))
    query = """query ($after: String, $before: String, $by: LineItemSort) {
      order(externalId: "PO") {
        forth: lineItems(first: 2, after: $after, orderBy: $by) { ...page }
        back: lineItems(last: 2, before: $before, orderBy: $by) { ...page }
      } }
      fragment page on LineItemConnection {
        nodes { itemId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }"""
    for by, expected in (("POSITION_ASC", "01234"), ("POSITION_DESC", "43210")):
        order = (await ask(query, by=by))["data"]["order"]
        assert "".join(node["itemId"] for node in order["forth"]["nodes"]) == expected[:2]
        assert "".join(node["itemId"] for node in order["back"]["nodes"]) == expected[3:]
        again = await ask(
            query,
            by=by,
            after=order["forth"]["pageInfo"]["endCursor"],
            before=order["back"]["pageInfo"]["startCursor"],
        )
        order = again["data"]["order"]
        assert "".join(node["itemId"] for node in order["forth"]["nodes"]) == expected[2:4]
        assert "".join(node["itemId"] for node in order["back"]["nodes"]) == expected[1:3]


async def test_a_cursor_does_no_harm_where_only_the_total_is_asked_for(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    await seven(demo_database, keeper)
    after = (await ask(PAGE, first=1, by="UPDATED_ASC"))["data"]["orders"]["pageInfo"]["endCursor"]
    total = "query ($after: String) { orders(after: $after, orderBy: UPDATED_ASC) { totalCount } }"
    assert await ask(total, after=after) == {
        "data": {"orders": {"totalCount": 7}},
        "extensions": {"cost": {"requested": 1_000, "limit": 10**12}},
    }
    assert "data" not in await ask(total, after="x")
