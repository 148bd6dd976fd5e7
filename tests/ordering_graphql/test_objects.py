"""What objects show: every field of an order, its lines and their surroundings."""

from typing import Any

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.timestamps import show_timestamp
from support import payloads
from support.asking import Ask
from support.placed import place

HEADER = """
query ($id: ID) { order(id: $id) {
  __typename id externalId externalSystem state version ponr orderCurrency currencyCode orderDate
  requestedStartDate requestedCompletionDate expectedCompletionDate committedDueDate
  cancellationReason requestedCancellationDate createdBy createdAt updatedAt extras
  channels { channelId name extras }
  notes { noteId author date text extras }
  relatedParties { partyId name referredType typeName extras }
  priceTotals { priceType recurringChargePeriod taxIncludedAmount dutyFreeAmount lineItemCount }
  lineItemCount lineItemCounts { state count }
  revisions { totalCount nodes { __typename version operation changeTypes changes changedBy } }
  events { nodes { eventType delivered } }
} }
"""
LINE = """
query ($id: ID) { order(id: $id) { lineItems { nodes {
  itemId position action actionReason state version ponr quantity committedDueDate extras
  product { productId isBundle extras }
  offering { offeringId name version internalVersion internalId typeName extras }
  specification { specificationId name version internalVersion internalId typeName extras }
  place { placeId typeName extras }
  characteristics { name valueType value previousValue extras }
  prices { name description priceType recurringChargePeriod extras
    price { taxRate extras taxIncludedAmount { unit value extras } dutyFreeAmount { unit value } } }
  contacts { contactId name firstName lastName email phone referredType extras }
  relatedItems { relatedId relationshipType extras }
  relationships { itemId relationshipType extras }
  externalInventories { externalProductInventoryId extras }
  workNotes { text }
} } } }
"""
TREE = """
query ($id: ID) { order(id: $id) {
  rootLineItems { itemId children { itemId children { itemId parent { itemId parent { itemId } }
    order { externalId lineItemCount } } } }
  lineItems { nodes { itemId requires { itemId } requiredBy { itemId requires { itemId } } } }
} }
"""


MOMENT = "2026-01-02T03:04:05.060Z"
ODD = 'quote " \\ ü 🐍 \u2028 \u0001'
HEADER_SHOWN: Any = {
    "__typename": "Order",
    "externalId": ODD,
    "externalSystem": "cpq",
    "state": "new",
    "version": 1,
    "ponr": False,
    "orderCurrency": "USD",
    "currencyCode": "USD",
    "orderDate": MOMENT,
    "requestedStartDate": "0001-01-01T00:00:00.000Z",
    "requestedCompletionDate": "9999-12-31T23:59:59.999Z",
    "expectedCompletionDate": "9999-12-31T23:59:59.999Z",
    "committedDueDate": "2026-01-02T01:04:05.000Z",
    "cancellationReason": None,
    "requestedCancellationDate": None,
    "createdBy": "cpq",
    "extras": {"strange": {"deep": [None, 1.5]}},
    "channels": [{"channelId": "2", "name": "Online channel", "extras": {"more": 1}}],
    "notes": [
        {
            "noteId": "n1",
            "author": "me",
            "date": MOMENT,
            "text": "call",
            "extras": {"weight": 1.5},
        }
    ],
    "relatedParties": [
        {
            "partyId": payloads.ACCOUNT,
            "name": "Funco Intl",
            "referredType": "Customer",
            "typeName": "RelatedParty",
            "extras": None,
        }
    ],
    "priceTotals": [
        {
            "priceType": "recurring",
            "recurringChargePeriod": "month",
            "taxIncludedAmount": "44.9850",
            "dutyFreeAmount": None,
            "lineItemCount": 2,
        }
    ],
    "lineItemCount": 3,
    "lineItemCounts": [{"state": "new", "count": 3}],
    "revisions": {
        "totalCount": 1,
        "nodes": [
            {
                "__typename": "OrderRevision",
                "version": 1,
                "operation": "create",
                "changeTypes": list[str](),
                "changes": None,
                "changedBy": "cpq",
            }
        ],
    },
    "events": {"nodes": [{"eventType": "productOrderCreateEvent", "delivered": False}]},
}
_REFERENCE = {"version": "v1", "internalVersion": "1", "extras": None}
LINE_SHOWN: Any = {
    "itemId": "1",
    "position": 0,
    "action": "change",
    "actionReason": "why",
    "state": "new",
    "version": 1,
    "ponr": False,
    "quantity": "100000000000000000",
    "committedDueDate": None,
    "extras": {"colour": "red"},
    "product": {
        "productId": payloads.EDGE_INVENTORY,
        "isBundle": True,
        "extras": {"weight": 1},
    },
    "offering": _REFERENCE
    | {
        "offeringId": payloads.OFFERING,
        "name": "Premium SD-WAN Offering",
        "internalId": payloads.OFFERING,
        "typeName": None,
    },
    "specification": _REFERENCE
    | {
        "specificationId": payloads.EDGE_DEVICE,
        "name": "SD-WAN Edge Device",
        "internalId": payloads.EDGE_DEVICE,
        "typeName": "ProductSpecificationRef",
    },
    "place": None,
    "characteristics": [
        {
            "name": "Tenancy",
            "valueType": None,
            "value": [1],
            "previousValue": None,
            "extras": {"odd": True},
        }
    ],
    "prices": [
        {
            "name": None,
            "description": None,
            "priceType": "recurring",
            "recurringChargePeriod": None,
            "extras": None,
            "price": {
                "taxRate": "19.5",
                "extras": None,
                "taxIncludedAmount": {
                    "unit": "USD",
                    "value": "100000000000000000",
                    "extras": {"y": 0},
                },
                "dutyFreeAmount": None,
            },
        }
    ],
    "contacts": None,
    "relatedItems": [
        {
            "relatedId": payloads.INVENTORY,
            "relationshipType": "Requires",
            "extras": {"x": 1},
        }
    ],
    "relationships": [{"itemId": "2", "relationshipType": "HasChild", "extras": None}],
    "externalInventories": [{"externalProductInventoryId": "E1", "extras": None}],
    "workNotes": None,
}


async def test_a_header_shows_all_that_was_sent(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    sent = payloads.order(
        externalId=ODD,
        externalSystem="cpq",
        currencyCode="USD",
        orderDate=MOMENT,
        requestedStartDate="0001-01-01T00:00:00Z",
        requestedCompletionDate="9999-12-31T23:59:59.999Z",
        committedDueDate="2026-01-02T03:04:05+02:00",
        channel=[payloads.channel(more=1)],
        note=[payloads.note("call", id="n1", author="me", date=MOMENT, weight=1.50)],
        strange={"deep": [None, 1.50]},
        items=[
            payloads.item("1", quantity="2.50", itemPrice=[payloads.price("9.99")]),
            payloads.item("2", itemPrice=[payloads.price(20), payloads.price("0.01")]),
            payloads.item("3", action="delete", itemPrice=[payloads.price(1)]),
        ],
    )
    (order,) = await place(demo_database, keeper, sent)
    shown = (await ask(HEADER, id=show_id(order.id)))["data"]["order"]
    created = show_timestamp(order.created_at)
    moments = {"id": show_id(order.id), "createdAt": created, "updatedAt": created}
    assert shown == HEADER_SHOWN | moments


async def test_a_line_shows_all_that_was_sent(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    product = payloads.product(
        payloads.EDGE_DEVICE,
        id=payloads.EDGE_INVENTORY,
        isBundle=True,
        productCharacteristic=[payloads.characteristic("Tenancy", [1], odd=True)],
        relatedParty=[payloads.contact(id="c1")],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires", "x": 1}],
        weight=1,
    )
    price = {
        "priceType": "recurring",
        "price": {"taxIncludedAmount": {"unit": "USD", "value": 1e17, "y": 0}, "taxRate": 19.5},
    }
    line = payloads.item(
        "1",
        action="change",
        actionReason="why",
        quantity=100000000000000000.5,
        product=product,
        itemPrice=[price],
        externalProductInventory=[{"externalProductInventoryId": "E1"}],
        productOrderItemRelationship=[payloads.related("2", "HasChild")],
        colour="red",
    )
    (order,) = await place(demo_database, keeper, payloads.order(items=[line, payloads.item("2")]))
    shown = (await ask(LINE, id=show_id(order.id)))["data"]["order"]["lineItems"]["nodes"]
    first, second = shown
    assert first | {"contacts": None, "workNotes": None} == LINE_SHOWN
    assert [contact["contactId"] for contact in first["contacts"]] == ["c1"]
    assert second["characteristics"] == second["prices"] == second["contacts"] == []


async def test_the_tree_is_walked_in_every_direction(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    lines = [
        payloads.item("1"),
        payloads.item("2", productOrderItemRelationship=[payloads.related("1", "HasParent")]),
        payloads.item(
            "3",
            productOrderItemRelationship=[
                payloads.related("2", "HasParent"),
                payloads.related("1", "Requires"),
                payloads.related("4", "Requires"),
            ],
        ),
        payloads.item("4"),
    ]
    (order, other) = await place(
        demo_database,
        keeper,
        payloads.order(items=lines, externalId="A"),
        payloads.order(items=lines, externalId="B"),
    )
    shown = (await ask(TREE, id=show_id(order.id)))["data"]["order"]
    assert order.id != other.id
    assert shown["rootLineItems"] == [
        {
            "itemId": "1",
            "children": [
                {
                    "itemId": "2",
                    "children": [
                        {
                            "itemId": "3",
                            "parent": {"itemId": "2", "parent": {"itemId": "1"}},
                            "order": {"externalId": "A", "lineItemCount": 4},
                        }
                    ],
                }
            ],
        },
        {"itemId": "4", "children": []},
    ]
    required = [{"itemId": "1"}, {"itemId": "4"}]
    by_three = [{"itemId": "3", "requires": required}]
    assert shown["lineItems"]["nodes"] == [
        {"itemId": "1", "requires": [], "requiredBy": by_three},
        {"itemId": "2", "requires": [], "requiredBy": []},
        {"itemId": "3", "requires": required, "requiredBy": []},
        {"itemId": "4", "requires": [], "requiredBy": by_three},
    ]


async def test_characteristics_are_picked_by_their_names(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    product = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[payloads.characteristic(name, 1) for name in ("a", "b", "c")],
    )
    await place(
        demo_database,
        keeper,
        payloads.order(items=[payloads.item("1", product=product)], externalId="A"),
    )
    query = """query ($names: [String!]) { order(externalId: "A") { lineItems { nodes {
      some: characteristics(names: $names) { name } none: characteristics(names: []) { name }
      one: characteristics(names: "b") { name } } } } }"""
    answer = await ask(query, names=["c", "a", "x\0"])
    assert answer["data"]["order"]["lineItems"]["nodes"] == [
        {"some": [{"name": "a"}, {"name": "c"}], "none": [], "one": [{"name": "b"}]}
    ]


async def test_every_node_is_found_by_the_id_that_it_shows(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (order,) = await place(demo_database, keeper, payloads.order())
    ids = """query ($id: ID) { order(id: $id) { id lineItems { nodes { id } }
      revisions { nodes { id } } events { nodes { id } } } }"""
    shown = (await ask(ids, id=show_id(order.id)))["data"]["order"]
    node = """query ($id: ID!) { node(id: $id) { __typename id
      ... on Order { version } ... on LineItem { itemId requiredBy { id } order { id } }
      ... on OrderRevision { operation } ... on OrderEvent { eventType } } }"""
    found = {
        kind: (await ask(node, id=identity))["data"]["node"]
        for kind, identity in (
            ("Order", shown["id"]),
            ("LineItem", shown["lineItems"]["nodes"][0]["id"]),
            ("OrderRevision", shown["revisions"]["nodes"][0]["id"]),
            ("OrderEvent", shown["events"]["nodes"][0]["id"]),
        )
    }
    assert {kind: each["__typename"] for kind, each in found.items()} == {k: k for k in found}
    assert len({each["id"] for each in found.values()}) == len(found)
    assert found["Order"]["version"] == 1
    assert found["LineItem"]["itemId"] == "100"
    assert found["LineItem"]["order"] == {"id": shown["id"]}
    assert found["OrderRevision"]["operation"] == "create"
    for unknown in ("", "LineItem:", "LineItem:x", "OrderEvent:99999999999999999999", "X:1", "\0"):
        assert (await ask(node, id=unknown))["data"] == {"node": None}
    for kind in ("revisions", "events"):
        name, _, number = shown[kind]["nodes"][0]["id"].partition(":")
        assert (await ask(node, id=f"{name}:0{number}"))["data"] == {"node": None}


async def test_fragments_aliases_and_directives_are_put_together(
    ask: Ask, demo_database: Database, keeper: CatalogKeeper
) -> None:
    await place(demo_database, keeper, payloads.order(externalId="A"))
    query = """
    query ($yes: Boolean!, $no: Boolean = false) {
      a: order(externalId: "A") { ...one ...two ... on Node { __typename } }
      a: order(externalId: "A") { lineItems { nodes { action } } }
      b: order(externalId: "A") @include(if: $no) { id }
      c: order(externalId: "A") @skip(if: $no) { state @skip(if: $yes) ponr @include(if: $yes) }
      d: order(externalId: "A") { id @skip(if: $yes) }
    }
    fragment one on Order { v: version lineItems { nodes { itemId } } ... @skip(if: true) { id } }
    fragment two on Order { lineItems { totalCount nodes { itemId } } ...one }
    """
    assert (await ask(query, yes=True))["data"] == {
        "a": {
            "v": 1,
            "lineItems": {"nodes": [{"itemId": "100", "action": "add"}], "totalCount": 1},
            "__typename": "Order",
        },
        "c": {"ponr": False},
        "d": {},
    }
    other = (await ask(query, yes=False, no=True))["data"]
    assert list(other) == ["a", "b", "d"]
