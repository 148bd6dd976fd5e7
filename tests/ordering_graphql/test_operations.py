"""The documents of graphql/operations: what each answers and costs, and that none is untested."""

from typing import Any

import msgspec
import pytest

from ordering.access.roles import Permission
from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.timestamps import show_timestamp
from ordering.settings import Settings
from ordering_graphql.engine import Question, make_engine
from ordering_graphql.trusted import document_id
from support import payloads
from support.fulfilment import act, revise
from support.placed import place
from support.queue import make_processor, put
from support.sources import ROOT

FOLDER = ROOT / "graphql/operations"

#: What each costs with its usual pages, by the name of its file.
COSTS = {
    "failed-requests": 5_550,
    "order-detail": 14_442,
    "order-history": 26,
    "order-list": 240,
    "order-search": 5_010,
    "refetch-node": 2,
    "track-request": 2,
}
ENGINE = make_engine(Settings(graphql_documents=str(FOLDER), graphql_only_documents=True))


async def ask(database: Database, name: str, **variables: Any) -> Any:
    """Ask by the id of a document, as portals do where only those are allowed."""
    identity = document_id((FOLDER / f"{name}.graphql").read_text(encoding="utf-8"))
    question = Question(None, variables, document_id=identity)
    answer = msgspec.json.decode((await ENGINE.answer(question, database, tuple(Permission))).body)
    assert "errors" not in answer, answer
    assert answer["extensions"] == {"cost": {"requested": COSTS[name], "limit": 100_000}}
    return answer["data"]


@pytest.fixture
async def order(demo_database: Database, keeper: CatalogKeeper) -> Order:
    """An order with a tree of three line items."""
    items = [
        payloads.item("1", quantity="2.50", itemPrice=[payloads.price("1.10")]),
        payloads.item(
            "2",
            product=payloads.product(
                payloads.EDGE_DEVICE,
                productCharacteristic=[payloads.characteristic("no such", 1)],
            ),
            productOrderItemRelationship=[payloads.related("1")],
        ),
        payloads.item("3", productOrderItemRelationship=[payloads.related("2")]),
    ]
    placed = await place(
        demo_database,
        keeper,
        payloads.order(items=items, externalId="PO-1", note=[payloads.note(author="Ann")]),
    )
    return placed[0]


def test_every_document_has_its_cost() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(COSTS)


async def test_orders_are_listed_page_by_page(
    demo_database: Database, keeper: CatalogKeeper, order: Order
) -> None:
    (newer,) = await place(demo_database, keeper, payloads.order(relatedParty=[], items=[]))
    page = (await ask(demo_database, "order-list", filter={"state": {"eq": "new"}}))["orders"]
    assert [node["id"] for node in page["nodes"]] == [show_id(newer.id), show_id(order.id)]
    assert page["nodes"][1] == {
        "id": show_id(order.id),
        "externalId": "PO-1",
        "state": "new",
        "createdAt": show_timestamp(order.created_at),
        "requestedCompletionDate": None,
        "relatedParties": [{"name": "Funco Intl", "referredType": "Customer"}],
        "lineItemCounts": [{"state": "new", "count": 3}],
    }
    after = page["pageInfo"]["endCursor"]
    following = (await ask(demo_database, "order-list", after=after))["orders"]
    assert following == {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}


async def test_orders_are_searched_by_their_external_id(
    demo_database: Database, order: Order
) -> None:
    found = {
        "id": show_id(order.id),
        "externalId": "PO-1",
        "externalSystem": None,
        "state": "new",
    }
    assert await ask(demo_database, "order-search", text="PO") == {
        "orders": {"totalCount": 1, "nodes": [found]}
    }
    assert (await ask(demo_database, "order-search", text="po"))["orders"]["totalCount"] == 0


async def test_an_order_is_shown_as_a_tree(demo_database: Database, order: Order) -> None:
    shown = (await ask(demo_database, "order-detail", id=show_id(order.id)))["order"]
    (root,) = shown.pop("rootLineItems")
    (child,) = root.pop("children")
    (grandchild,) = child.pop("children")
    (note,) = shown.pop("notes")
    assert shown == {
        "id": show_id(order.id),
        "externalId": "PO-1",
        "state": "new",
        "version": 1,
        "ponr": False,
        "requestedCompletionDate": None,
        "committedDueDate": None,
        "priceTotals": [
            {
                "priceType": "recurring",
                "recurringChargePeriod": "month",
                "taxIncludedAmount": "2.7500",
                "dutyFreeAmount": None,
            }
        ],
    }
    assert (note["author"], note["text"]) == ("Ann", "ring twice")
    assert (root["itemId"], root["quantity"], root["offering"]) == (
        "1",
        "2.50",
        {"name": "Premium SD-WAN Offering"},
    )
    assert child == {
        "id": f"LineItem:{show_id(order.line_items[1].id)}",
        "itemId": "2",
        "action": "add",
        "state": "new",
        "quantity": "1",
        "offering": root["offering"],
        "characteristics": [{"name": "no such", "value": 1, "previousValue": None}],
        "workNotes": [{"text": order.line_items[1].work_notes[0]}],
    }
    assert (grandchild["itemId"], grandchild["characteristics"]) == ("3", [])


async def test_a_request_is_tracked_until_its_order_exists(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, payloads.order())
    waiting = {
        "id": f"InboundRequest:{show_id(identity)}",
        "state": "new",
        "status": None,
        "errorMessage": None,
        "order": None,
    }
    tracked = await ask(demo_database, "track-request", orderId=show_id(identity))
    assert tracked == {"inboundRequest": waiting}
    await make_processor(demo_database, keeper).drain_batch()
    tracked = await ask(demo_database, "track-request", orderId=show_id(identity))
    assert tracked == {
        "inboundRequest": waiting
        | {
            "state": "completed",
            "status": "success",
            "order": {"id": show_id(identity), "state": "new", "version": 1},
        }
    }


async def test_operators_see_what_failed(demo_database: Database, keeper: CatalogKeeper) -> None:
    bad = payloads.removed(payloads.order(), "/relatedParty")
    _, identity = await put(demo_database, payloads.order(), bad)
    await make_processor(demo_database, keeper).drain_batch()
    page = (await ask(demo_database, "failed-requests"))["inboundRequests"]
    (node,) = page["nodes"]
    assert page["totalCount"] == 1
    assert node["orderId"] == show_id(identity)
    (problem,) = node["problems"]
    assert problem["pointer"] == "/relatedParty"
    assert node["attemptHistory"] == [{"attempt": 1, "event": None}]


async def test_the_audit_tells_who_changed_what(
    demo_database: Database, finder: ReferenceFinder, order: Order
) -> None:
    for action in ("approve", "start"):
        await act(demo_database, order, action)
    await revise(demo_database, finder, order, payloads.item("1", quantity=7))
    shown = (await ask(demo_database, "order-history", id=show_id(order.id)))["order"]
    nodes = shown["revisions"]["nodes"]
    assert [(n["version"], n["operation"], n["changedBy"]) for n in nodes] == [
        (1, "create", "cpq"),
        (1, "approve", "fulfilment"),
        (1, "start", "fulfilment"),
        (2, "update", "portal"),
    ]
    assert nodes[3]["changeTypes"] == ["quantity"]
    (line,) = nodes[3]["changes"]["lineItems"]
    assert line["fields"]["quantity"] == {"before": 2.5, "after": 7}
    assert shown["events"]["nodes"][0]["eventType"] == "productOrderCreateEvent"
    assert {event["delivered"] for event in shown["events"]["nodes"]} == {False}


async def test_a_node_is_fetched_again(demo_database: Database, order: Order) -> None:
    line = order.line_items[0]
    assert await ask(demo_database, "refetch-node", id=show_id(order.id)) == {
        "node": {"__typename": "Order", "id": show_id(order.id), "state": "new", "version": 1}
    }
    assert await ask(demo_database, "refetch-node", id=f"LineItem:{show_id(line.id)}") == {
        "node": {
            "__typename": "LineItem",
            "id": f"LineItem:{show_id(line.id)}",
            "itemId": "1",
            "state": "new",
            "version": 1,
            "order": {"id": show_id(order.id)},
        }
    }
