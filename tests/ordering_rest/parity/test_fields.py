"""`fields`: which attributes of an order are answered, and what is read for them."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from support import payloads
from support.api import ORDERS, Api
from support.counting import CountingDatabase

CHARACTERISTIC = payloads.characteristic("Routing", "Premium", valueType="Choice")


def full_order() -> payloads.Payload:
    """Build an order with something in every branch."""
    product = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[CHARACTERISTIC],
        relatedParty=[payloads.contact(id="c-1")],
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires"}],
        place={"id": payloads.SITE, "@type": "Place"},
        serialNumber={"value": 1},
    )
    return payloads.order(
        externalId="PO-1",
        note=[payloads.note("call first", author="Joe")],
        items=[payloads.item("1"), payloads.item("2", product=product, quantity=2)],
        loyalty={"level": "gold", "points": 7},
    )


async def place(api: Api) -> dict[str, Any]:
    return (await api.post(ORDERS, full_order())).json()


def item_of(order: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"id": order["id"], "href": order["href"], **members}


async def get(api: Api, order: dict[str, Any], *fields: str) -> Any:
    query = urlencode([("fields", each) for each in fields])
    response = await api.get(f"{order['href']}?{query}")
    assert response.status_code == 200
    listed = await api.get(f"{ORDERS}?{query}")
    assert listed.json() == [response.json()]
    return response.json()


PLACE = {"id": payloads.SITE, "@type": "Place"}
LINE_1, LINE_2 = {"id": "1"}, {"id": "2"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (["none"], {}),
        (["id"], {}),
        (["href,nothing,@nothing"], {}),
        (["productOrderItem.nothing"], {}),
        (["state"], {"state": "new"}),
        ([" state , version ,state"], {"state": "new", "version": "1"}),
        (["state", "version"], {"state": "new", "version": "1"}),
        (["none", "state"], {"state": "new"}),
        (["@type"], {"@type": "ProductOrder"}),
        (["loyalty.level"], {"loyalty": {"level": "gold"}}),
        (["note.author"], {"note": [{"author": "Joe"}]}),
        (["productOrderItem.id"], {"productOrderItem": [LINE_1, LINE_2]}),
        (
            ["productOrderItem.product.place.id"],
            {"productOrderItem": [{}, {"product": {"place": {"id": payloads.SITE}}}]},
        ),
        (
            ["productOrderItem.product.place.id", "productOrderItem.product.place"],
            {"productOrderItem": [{}, {"product": {"place": PLACE}}]},
        ),
        (
            ["productOrderItem.id,productOrderItem.product.productCharacteristic"],
            {
                "productOrderItem": [
                    LINE_1,
                    {**LINE_2, "product": {"productCharacteristic": [CHARACTERISTIC]}},
                ]
            },
        ),
        (
            ["productOrderItem.product.relatedParty.id"],
            {"productOrderItem": [{}, {"product": {"relatedParty": [{"id": "c-1"}]}}]},
        ),
        (
            ["productOrderItem.product.productRelationship.relationshipType"],
            {
                "productOrderItem": [
                    {},
                    {"product": {"productRelationship": [{"relationshipType": "Requires"}]}},
                ]
            },
        ),
        (
            ["productOrderItem.product.serialNumber"],
            {"productOrderItem": [{}, {"product": {"serialNumber": {"value": 1}}}]},
        ),
        (
            ["PRODUCTORDERITEM.id,product.place,productOrderItem.product.place.nothing"],
            {},
        ),
    ],
    ids=str,
)
async def test_only_what_is_asked_for_is_answered(
    api: Api, fields: list[str], expected: dict[str, Any]
) -> None:
    order = await place(api)
    assert await get(api, order, *fields) == item_of(order, **expected)


@pytest.mark.parametrize("fields", [[], [""], [","], ["", " , "]], ids=str)
async def test_everything_is_answered_if_nothing_is_asked_for(api: Api, fields: list[str]) -> None:
    order = await place(api)
    assert await get(api, order, *fields) == order


async def test_a_whole_branch_is_answered_as_without_fields(api: Api) -> None:
    order = await place(api)
    assert await get(api, order, "productOrderItem") == item_of(
        order, productOrderItem=order["productOrderItem"]
    )


async def test_each_line_of_many_orders_is_picked(api: Api) -> None:
    orders = [await place(api) for _ in range(3)]
    page = await api.get(ORDERS, fields="productOrderItem.quantity", limit=2)
    assert page.status_code == 206
    assert page.json() == [
        item_of(order, productOrderItem=[{"quantity": 1}, {"quantity": 2}]) for order in orders[:2]
    ]


async def test_numbers_keep_their_digits(api: Api) -> None:
    price = payloads.price("20.50", unit="USD")
    body = payloads.order(items=[payloads.item(itemPrice=[price])], rate="x")
    sent = payloads.to_json(body).replace(b'"x"', b"0.10000000000000000000001")
    order = (await api.post(ORDERS, sent)).json()
    fields = "rate,productOrderItem.itemPrice.price.taxIncludedAmount.value"
    text = (await api.get(order["href"], fields=fields)).text
    assert '"rate":0.10000000000000000000001' in text
    assert '"value":20.50' in text.replace(" ", "")


async def test_errors_have_all_their_members(api: Api) -> None:
    queued = (await api.post(f"{ORDERS}?mode=async", full_order())).json()["orderId"]
    answers = [
        await api.get(f"{ORDERS}/{queued}", fields="id"),
        await api.get(f"{ORDERS}/nothing", fields="id"),
        await api.get(ORDERS, fields="id", limit="0"),
        await api.get(ORDERS, fields="id"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 400, 404]
    for answer in answers:
        assert list(answer.json()) == ["code", "reason", "message", "details"]


LINES, CHARACTERISTICS, CONTACTS, RELATED = (
    "order_line_item",
    "order_characteristic_value",
    "order_line_item_contact",
    "order_line_related_item",
)
PRODUCT = "productOrderItem.product"


@pytest.mark.parametrize(
    ("fields", "tables"),
    [
        ("", {LINES, CHARACTERISTICS, CONTACTS, RELATED}),
        ("none", set[str]()),
        ("id,state", set[str]()),
        ("note,relatedParty,channel", set[str]()),
        ("productOrderItem.id", {LINES}),
        (f"{PRODUCT}.place", {LINES}),
        (f"{PRODUCT}.productCharacteristic.name", {LINES, CHARACTERISTICS}),
        (f"{PRODUCT}.relatedParty", {LINES, CONTACTS}),
        (f"{PRODUCT}.productRelationship", {LINES, RELATED}),
        (PRODUCT, {LINES, CHARACTERISTICS, CONTACTS, RELATED}),
        ("productOrderItem", {LINES, CHARACTERISTICS, CONTACTS, RELATED}),
    ],
)
async def test_only_what_is_answered_is_read(api: Api, fields: str, tables: set[str]) -> None:
    order = await place(api)
    for path in (order["href"], ORDERS):
        counting = CountingDatabase(api.database)
        services = api.services
        api.app.state.services = msgspec.structs.replace(services, database=counting)
        try:
            await api.get(path, fields=fields)
        finally:
            api.app.state.services = services
        every = (LINES, CHARACTERISTICS, CONTACTS, RELATED, "work_note")
        read = {table for table in every for text in counting.statements if f"{table} " in text}
        assert read == tables, path


async def test_eight_thousand_characters_of_fields_are_read(api: Api) -> None:
    order = await place(api)
    names = ",".join(["state", *(f"a{number}.b.c" for number in range(900))])[:8000]
    page = await api.get(ORDERS, fields=names)
    assert page.json() == [item_of(order, state="new")]
    assert page.headers["x-total-count"] == "1"
    assert "link" not in page.headers


async def test_links_keep_every_parameter(api: Api) -> None:
    for _ in range(3):
        await place(api)
    query = "fields=id&limit=1&state=new&fields=state&unknown=1&offset=1"
    link = (await api.get(f"{ORDERS}?{query}")).headers["link"]
    kept = "fields=id&state=new&fields=state&unknown=1"
    assert link == ", ".join(
        f'<{ORDERS}?{kept}&offset={offset}&limit=1>; rel="{rel}"'
        for rel, offset in (("first", 0), ("last", 2), ("next", 2), ("previous", 0))
    )
