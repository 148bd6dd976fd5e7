"""Filters: which orders and line items fit, as literals and as variables."""

from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.settings import Settings
from ordering_graphql.engine import Engine, make_engine
from support import payloads
from support.asking import Ask
from support.placed import in_state, place

ORDERS = "query ($f: OrderFilter) { orders(filter: $f) { totalCount nodes { externalId } } }"
IDS = "query ($f: OrderFilter) { orders(filter: $f) { nodes { id } } }"
FIBER = payloads.item(productOffering={"id": "fiber-home"})
LINES = """
query ($f: LineItemFilter) {
  order(externalId: "A") { lineItems(filter: $f) { totalCount nodes { itemId } } }
}
"""


@pytest.fixture(autouse=True)
async def _orders(demo_database: Database, keeper: CatalogKeeper) -> None:
    device = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[
            payloads.characteristic("WAN", "Base"),
            payloads.characteristic("Size", {"mm": [1, 2.50]}),
        ],
    )
    placed = await place(
        demo_database,
        keeper,
        payloads.order(
            externalId="A",
            externalSystem="cpq",
            items=[payloads.item("1"), payloads.item("2", product=device)],
            requestedCompletionDate="2026-01-01T00:00:00.500Z",
        ),
        payloads.order(
            externalId="AB",
            relatedParty=[payloads.party("Consumer")],
            requestedCompletionDate="2026-01-02T00:00:00Z",
        ),
        payloads.order(externalId="b%_"),
        payloads.order(),
    )
    await in_state(demo_database, placed[2], "in_progress")


async def found(ask: Ask, wanted: Any) -> list[str | None]:
    answer = await ask(ORDERS, f=wanted)
    assert "errors" not in answer, answer
    orders = answer["data"]["orders"]
    assert orders["totalCount"] == len(orders["nodes"])
    return [node["externalId"] for node in orders["nodes"]]


ALL = ["A", "AB", "b%_", None]


FITTING: list[tuple[Any, list[str | None]]] = [
    (None, ALL),
    ({}, ALL),
    ({"externalId": None}, ALL),
    ({"externalId": {"eq": "A"}}, ["A"]),
    ({"externalId": {"in": ["b%_", "A", "x", "a\0"]}}, ["A", "b%_"]),
    ({"externalId": {"in": []}}, []),
    ({"externalId": {"startsWith": "A"}}, ["A", "AB"]),
    ({"externalId": {"startsWith": "%"}}, []),
    ({"externalId": {"startsWith": "A", "eq": "AB"}}, ["AB"]),
    ({"externalId": {"eq": "A\0"}}, []),
    ({"not": {"externalId": {"eq": "A\0"}}}, ALL),
    ({"not": {"externalId": {"eq": "A"}}}, ["AB", "b%_", None]),
    ({"externalSystem": {"eq": "cpq"}}, ["A"]),
    ({"state": {"eq": "in_progress"}}, ["b%_"]),
    ({"state": {"in": ["in_progress", "draft"]}}, ["b%_"]),
    ({"not": {"state": {"eq": "new"}}}, ["b%_"]),
    ({"ponr": True}, []),
    ({"ponr": False}, ALL),
    ({"party": payloads.CONSUMER}, ["AB"]),
    ({"party": "nobody"}, []),
    ({"id": {"eq": "no id"}}, []),
    ({"id": {"in": [payloads.UNKNOWN_ID, "no id"]}}, []),
    ({"requestedCompletionDate": {"gt": "2026-01-01T00:00:00.500Z"}}, ["AB"]),
    ({"requestedCompletionDate": {"gte": "2026-01-01T01:00:00.500+01:00"}}, ["A", "AB"]),
    ({"requestedCompletionDate": {"lt": "2026-01-02T00:00:00Z"}}, ["A"]),
    ({"requestedCompletionDate": {"lte": "2026-01-02T00:00:00Z"}}, ["A", "AB"]),
    ({"requestedCompletionDate": {"lt": "2026-01-01T00:00:00.500001Z"}}, ["A"]),
    ({"requestedCompletionDate": {"gte": "2026-01-01T00:00:00.5009z"}}, ["AB"]),
    ({"not": {"requestedCompletionDate": {"gt": "2026-01-01T12:00:00Z"}}}, ["A", "b%_", None]),
    ({"and": []}, ALL),
    ({"or": []}, []),
    ({"or": [{"externalId": {"eq": "A"}}, {"state": {"eq": "in_progress"}}]}, ["A", "b%_"]),
    ({"and": [{"state": {"eq": "new"}}, {"or": [{"externalId": {"eq": "A"}}]}]}, ["A"]),
    ({"lineItem": {"itemId": {"eq": "2"}}}, ["A"]),
    ({"lineItem": {"offering": payloads.OFFERING}}, ALL),
    ({"lineItem": {"offering": "none"}}, []),
    ({"lineItem": {"specification": payloads.EDGE_DEVICE}}, ["A"]),
    ({"lineItem": {"characteristic": {"name": "WAN", "value": "Base"}}}, ["A"]),
    ({"lineItem": {"characteristic": {"name": "WAN", "value": "Size"}}}, []),
    ({"lineItem": {"characteristic": {"value": {"mm": [1, 2.5]}}}}, ["A"]),
    ({"lineItem": {"characteristic": {"value": "\0"}}}, []),
]


@pytest.mark.parametrize(("wanted", "expected"), FITTING)
async def test_orders_fit(ask: Ask, wanted: Any, expected: list[str | None]) -> None:
    assert await found(ask, wanted) == expected


async def test_the_same_orders_fit_when_they_are_taken_for_many(
    ask: Ask, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_graphql.plan.finding.MOST_FOUND", -1)
    monkeypatch.setattr(engine, "documents", make_engine(Settings()).documents)
    answered = [await found(ask, wanted) for wanted, _ in FITTING]
    assert answered == [expected for _, expected in FITTING]


async def test_an_offering_is_known_by_both_of_its_ids(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (placed,) = await place(demo_database, keeper, payloads.order(items=[FIBER]))
    identity = placed.line_items[0].product_offering_id
    assert identity is not None
    for text in (show_id(identity), "fiber-home"):
        orders = (await ask(IDS, f={"lineItem": {"offering": text}}))["data"]["orders"]
        assert orders["nodes"] == [{"id": show_id(placed.id)}]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, ["1", "2"]),
        ({"itemId": {"startsWith": "2"}}, ["2"]),
        ({"state": {"eq": "new"}, "action": {"eq": "add"}}, ["1", "2"]),
        ({"not": {"characteristic": {"name": "WAN"}}}, ["1"]),
        ({"or": [{"itemId": {"eq": "1"}}, {"specification": "none"}]}, ["1"]),
    ],
)
async def test_line_items_fit(ask: Ask, wanted: Any, expected: list[str]) -> None:
    lines = (await ask(LINES, f=wanted))["data"]["order"]["lineItems"]
    assert lines == {
        "totalCount": len(expected),
        "nodes": [{"itemId": each} for each in expected],
    }


async def test_literals_and_variables_mix(ask: Ask) -> None:
    query = """
    query ($id: String, $ids: [String!], $or: [OrderFilter!], $v: JSON) {
      one: orders(filter: {externalId: {eq: $id}}) { nodes { externalId } }
      two: orders(filter: {externalId: {in: $ids}, or: $or}) { nodes { externalId } }
      three: orders(filter: {or: [{externalId: {in: ["A", "AB"]}}, {state: {eq: in_progress}}]}) {
        nodes { externalId } }
      four: orders(filter: {lineItem: {characteristic: {value: {mm: [1, $v]}}}}) {
        nodes { externalId } }
    }"""
    more: dict[str, Any] = {"or": [{"externalId": {"eq": "A"}}]}
    answer = await ask(query, id="AB", ids=["A", "AB"], v=2.5, **more)
    shown = {
        name: [node["externalId"] for node in orders["nodes"]]
        for name, orders in answer["data"].items()
    }
    assert shown == {"one": ["AB"], "two": ["A"], "three": ["A", "AB", "b%_"], "four": ["A"]}


async def test_left_out_variables_leave_conditions_out(ask: Ask) -> None:
    fits = '{externalId: {eq: $id, startsWith: "A"}, party: $party}'
    query = f"query ($id: String, $party: String) {{ orders(filter: {fits}) {{ totalCount }} }}"
    assert (await ask(query))["data"]["orders"]["totalCount"] == 2
    assert (await ask(query, id=None, party=None))["data"]["orders"]["totalCount"] == 2
    assert (await ask(query, id="A"))["data"]["orders"]["totalCount"] == 1


WITHOUT_CONDITIONS: list[tuple[Any, list[str]]] = [
    ({"externalId": {}}, ["externalId"]),
    ({"externalId": {"eq": None, "in": None}, "ponr": True}, ["externalId"]),
    ({"lineItem": {}}, ["lineItem"]),
    ({"lineItem": {"characteristic": {"value": None}}}, ["lineItem.characteristic"]),
    ({"not": {"state": None}}, ["not"]),
    ({"or": [{"ponr": True}, {}, {"state": {}}]}, ["or.1", "or.2.state"]),
    ({"and": {"party": None}}, ["and.0"]),
]


@pytest.mark.parametrize(("wanted", "at"), WITHOUT_CONDITIONS)
async def test_an_object_without_conditions_is_refused(
    ask: Ask, wanted: Any, at: list[str]
) -> None:
    answer = await ask(ORDERS, f=wanted)
    assert "data" not in answer
    told = "This needs a condition, and its members are all null or left out"
    assert answer["errors"] == [
        {
            "message": told,
            "extensions": {"code": "InvalidRequest", "argument": f"orders.filter.{each}"},
        }
        for each in at
    ]


async def test_a_forgotten_variable_does_not_answer_everything(ask: Ask) -> None:
    query = "query ($id: String) { orders(filter: {externalId: {eq: $id}}) { totalCount } }"
    forgotten: list[dict[str, Any]] = [{}, {"id": None}]
    for sent in forgotten:
        (error,) = (await ask(query, **sent))["errors"]
        assert error["extensions"]["argument"] == "orders.filter.externalId"


def nested(levels: int) -> Any:
    return {"not": nested(levels - 1)} if levels else {"externalId": {"eq": "A"}}


async def test_a_filter_that_is_too_large_is_refused(ask: Ask) -> None:
    assert await found(ask, nested(6)) == ["A"]
    for wanted in (nested(7), nested(100), {"or": [{"ponr": True}] * 51}):
        (error,) = (await ask(ORDERS, f=wanted))["errors"]
        assert error["message"] == "A filter has at most 8 levels and 50 conditions"
        assert error["extensions"] == {"code": "InvalidRequest", "argument": "orders.filter"}


@pytest.mark.parametrize(
    "moment", ["2026-01-01", "2026-01-01T00:00:00", "9999-12-31T23:59:59-14:00", 5]
)
async def test_what_is_no_moment_is_refused(ask: Ask, moment: object) -> None:
    (error,) = (await ask(ORDERS, f={"createdAt": {"lt": moment}}))["errors"]
    assert error["extensions"] == {"code": "InvalidDocument"}
    assert "Expected a date and time" in error["message"]
