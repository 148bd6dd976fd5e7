"""Odd orders and requests for the tests of the GraphQL face, and what to ask for about them."""

from decimal import Decimal
from typing import Any

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.timestamps import now
from ordering.inbound.filters import RequestFilter
from ordering.inbound.operations import QueueOperations
from ordering.settings import Settings
from support import payloads
from support.fulfilment import act, revise
from support.generated import full_order
from support.graphql_documents import Pool
from support.graphql_oracle import cursor
from support.graphql_world import World
from support.placed import in_state, place
from support.queue import make_processor, put, take
from support.queued import queued

__all__ = ["make_orders", "make_pool"]

#: Every kind of JSON.
VALUES: list[Any] = [
    "Base",
    "",
    'quote " and \\ back',
    "日本 \U0001f600",
    "\\u0000",
    True,
    False,
    0,
    -1,
    10**30,
    Decimal("2.50"),
    Decimal("1E-30"),
    [],
    {},
    [1, [Decimal("2.5"), None]],
    {"deep": {"er": [True, "x"]}, "a": None},
    "WAN",
]


def _valued() -> payloads.Payload:
    """Build a product with characteristics of every kind."""
    return payloads.product(
        payloads.EDGE_DEVICE,
        isBundle=True,
        place={"id": payloads.SITE, "@type": "Site", "floor": 3},
        productCharacteristic=[
            *(payloads.characteristic("WAN", value) for value in VALUES),
            payloads.characteristic("Size", 1, previousValue={"was": 0}, valueType="Number"),
            {"name": 'na"me\\', "odd": [1]},
            {"value": "nameless"},
        ],
        relatedParty=[payloads.contact(), payloads.contact(id="c\n1", phone="\t\x7f", email="")],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "ReliesOn", "x": 1}],
    )


def _prices() -> list[payloads.Payload]:
    """Build charges with all sorts of amounts, and without."""
    amounts = ["0", "-0.00", "1.10", "99999999999999999999999999999999.0001", "1E+20", "1E-20"]
    prices = [payloads.price(amount) for amount in amounts]
    prices += [
        {"priceType": "nonRecurring", "price": {"dutyFreeAmount": {"unit": "USD"}, "tax": [1]}},
        {"name": "nothing else"},
        {
            "price": {
                "dutyFreeAmount": {"value": 7},
                "taxRate": Decimal("19.00"),
                "taxIncludedAmount": {},
            }
        },
    ]
    return prices


def _tree() -> list[payloads.Payload]:
    """Build lines below each other, which require each other in a chain."""
    tree = [payloads.item("0")]
    tree += [
        payloads.item(
            str(n),
            productOrderItemRelationship=[
                payloads.related(str(n - 1 if n < 6 else 2)),
                payloads.related(str(n - 1), "Requires"),
                payloads.related("0", "Requires"),
                payloads.related("no such", "Requires"),
                {"relationshipType": "Requires"},
            ],
        )
        for n in range(1, 9)
    ]
    return tree


def _odd() -> list[payloads.Payload]:
    prices = _prices()
    return [
        # It is the rules, which this order does not pass, that know how long a currency is.
        full_order()[0] | {"orderCurrency": "USD", "currencyCode": "USD"},
        payloads.order(
            externalId="A",
            externalSystem="cpq",
            items=[
                payloads.item("1", quantity=Decimal("2.50"), itemPrice=prices, product=_valued()),
                payloads.item("2", quantity=0, itemPrice=prices[:4], own={"b": [1.0]}),
                payloads.item("Ü\"'", "delete", itemPrice=prices[:1], actionReason="\\"),
                payloads.item("4", itemPrice=[], quantity=Decimal("1E-10"), productOffering={}),
            ],
            note=[payloads.note("\u2028 \\ \" '"), payloads.note("b", date="0001-01-01T00:00:00Z")],
            channel=[payloads.channel(), {"name": "no id", "more": {"a": None}}],
        ),
        payloads.order(externalId="AB", items=_tree(), relatedParty=[payloads.party("Consumer")]),
        payloads.order(externalId="A", items=[], relatedParty=[], orderCurrency=None),
        payloads.order(
            externalId='%_\\"\U0001f600',
            orderDate="0001-01-01T00:00:00.001Z",
            requestedStartDate="9999-12-31T23:59:59.999Z",
            requestedCompletionDate="2026-01-01T00:00:00.500Z",
            committedDueDate="2026-01-01T00:00:00.5009+14:00",
            relatedParty=[
                payloads.party(),
                payloads.party("CustomerContact", name="N", own=1),
                {"id": "x", "type": "alias"},
            ],
            unknown={"é": [1, 2.50, None]},
        ),
        payloads.order(requestedCompletionDate="2026-01-01T00:00:00.501Z"),
    ]


async def make_orders(database: Database, keeper: CatalogKeeper) -> None:
    """Place orders of every odd kind, change some, and queue requests in every state."""
    finder = ReferenceFinder(database, keeper)
    placed = await place(database, keeper, *_odd())
    await in_state(database, placed[4], "on_hold")
    worked, canceled = await place(
        database,
        keeper,
        payloads.order(items=[payloads.item("1"), payloads.item("2")]),
        payloads.order(items=[payloads.item("1"), payloads.item("2")]),
    )
    await act(database, worked, "approve")
    await act(database, worked, "start")
    dearer = payloads.item("1", quantity=7, itemPrice=[payloads.price("1.5")])
    for line in (dearer, payloads.item("2", quantity=3), dearer | {"quantity": 8}):
        await revise(database, finder, worked, line)
    await in_state(database, canceled, "canceled")
    async with database.acquire() as connection:
        await connection.execute(
            "UPDATE customer_order SET cancellation_reason = $2, requested_cancellation_date = $3"
            " WHERE id = $1",
            canceled.id,
            'twice\n"',
            now(),
        )
    await _queue(database, keeper)


async def _queue(database: Database, keeper: CatalogKeeper) -> None:
    settings = Settings()
    operations = QueueOperations(database, lambda: None, settings)
    wrong = payloads.removed(payloads.order(externalId="bad"), "/relatedParty")
    odd = payloads.product(
        payloads.EDGE_DEVICE, productCharacteristic=[payloads.characteristic("no such", 1)]
    )
    noted = payloads.order(externalId="noted", items=[payloads.item("1", product=odd)])
    await put(database, payloads.order(externalId="A"), wrong, noted, b"{", {"a": 1})
    await make_processor(database, keeper).drain_batch()
    await operations.redrive(RequestFilter(external_id="bad"), "operator")
    await make_processor(database, keeper).drain_batch()
    new = await queued(database, external_id="A", priority=3)
    await queued(database, "pending", execute_after=new, inventory_ids='["a"]')
    await queued(database, "pending", external_system="cpq", due_at=now())
    await queued(database, "error", error_message='reason "x"')
    for state in ("completed", "error"):
        await queued(database, state, "1 day")
    await queued(database, external_id="gone")
    await operations.cancel(RequestFilter(external_id="gone"), "operator")
    await take(database, batch=1)


def make_pool(world: World) -> Pool:
    """Collect what arguments are given: what there is, and what there is not."""
    orders = [show_id(order.id) for order in world.orders]
    requests = [show_id(row["id"]) for row in world.requests]
    lines = list(world.lines.values())
    odd = ["", "x", "a\0b", payloads.UNKNOWN_ID, "%", "日本"]
    nodes = [
        *orders,
        *(f"LineItem:{show_id(line.id)}" for line in lines),
        *(f"InboundRequest:{each}" for each in requests),
        *(f"OrderRevision:{row['id']}" for row in world.revisions),
        *(f"OrderEvent:{row['id']}" for row in world.events),
    ]
    strange = [
        "",
        "x",
        "LineItem:",
        "LineItem:x",
        "OrderEvent:-1",
        "OrderEvent:99999999999999999999",
    ]
    external = [order.external_id for order in world.orders if order.external_id]
    dates = [
        "2026-01-01T00:00:00.500Z",
        "2026-01-01T00:00:00.500999Z",
        "2026-01-01T00:00:00.501+00:00",
        "2025-12-31T10:00:00.5-14:00",
        "0001-01-01T00:00:00.001Z",
        "9999-12-31T23:59:59.999z",
        world.orders[0].created_at.isoformat(),
    ]
    values: dict[str, list[Any]] = {
        "node": [*nodes, *strange],
        "orderId": [*orders, *odd],
        "requestId": [*requests, *odd],
        "externalId": [*external, *odd, "bad", "noted"],
        "externalSystem": ["cpq", "c", *odd],
        "party": [payloads.ACCOUNT, payloads.CONSUMER, payloads.ACCOUNT.upper(), *odd]
        + [party["external_id"] for party in world.parties if party["external_id"]],
        "itemId": ["1", "2", "Ü\"'", *odd],
        "action": ["add", "delete", "a", *odd],
        "offering": [payloads.OFFERING, "none", *odd]
        + [show_id(line.product_offering_id) for line in lines if line.product_offering_id],
        "specification": [payloads.EDGE_DEVICE, payloads.SPECIFICATION, *odd],
        "names": ["WAN", "Size", 'na"me\\', *odd],
        "value": [
            *(float(each) if isinstance(each, Decimal) else each for each in VALUES[:-3]),
            {"deep": {"er": [True, "x"]}, "a": None},
            [1.0, [2.5, None]],
            "a\0",
            {"a": ["\0"]},
            1e300,
        ],
        "createdAt": dates,
    }
    for name in ("orderDate", "requestedCompletionDate", "committedDueDate"):
        values[name] = dates
    return Pool(values, _cursors(world))


def _cursors(world: World) -> dict[str, list[str]]:
    created = [cursor("CREATED_ASC", [order.number]) for order in world.orders]
    found = {"CREATED_ASC": [*created, cursor("CREATED_ASC", [4_000_000_000])]}
    found["CREATED_DESC"] = [cursor("CREATED_DESC", [order.number]) for order in world.orders]
    for name in ("UPDATED_ASC", "UPDATED_DESC"):
        found[name] = [cursor(name, [each.updated_at, each.number]) for each in world.orders]
    for name in ("NUMBER_ASC", "NUMBER_DESC"):
        found[name] = [cursor(name, [row["number"]]) for row in world.requests]
    for name in ("POSITION_ASC", "POSITION_DESC"):
        found[name] = [cursor(name, [n, payloads.UNKNOWN_ID]) for n in range(4)]
        found[name] += [
            cursor(name, [each.position, str(each.id)]) for each in world.lines.values()
        ]
    found["id"] = [cursor("revisions", [row["id"]]) for row in world.revisions]
    found["id"] += [cursor("events", [row["id"]]) for row in world.events]
    return found
