"""The deprecated paths `productorder`: the same work, fewer attributes, and a sign of their age."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import DEPRECATED, ORDERS, PASSWORD, Api, running_api
from support.counting import CountingDatabase
from support.queue import make_processor

PUBLISHED = Path(__file__).parents[2] / "contract" / "published"
DUE = "2030-05-02T08:13:59.506Z"

#: What the deprecated paths do not show, of an order that has it all.
LEFT_OUT = {
    "href",
    "orderCurrency",
    "currencyCode",
    "committedDueDate",
    "productOrderItem.committedDueDate",
    "productOrderItem.externalProductInventory",
    "productOrderItem.externalProductInventory.externalProductInventoryId",
    "productOrderItem.product.productRelationship",
    "productOrderItem.product.productRelationship.id",
    "productOrderItem.product.productRelationship.relationshipType",
    "productOrderItem.product.productSpecification.version",
    "productOrderItem.product.productSpecification.internalVersion",
    "productOrderItem.product.productSpecification.internalId",
    "productOrderItem.productOffering.version",
    "productOrderItem.productOffering.internalVersion",
    "productOrderItem.productOffering.internalId",
}


def attributes(value: object, above: str = "") -> Iterator[str]:
    """List the dotted names of all attributes."""
    if isinstance(value, dict):
        for name, member in cast("dict[str, object]", value).items():
            yield above + name
            yield from attributes(member, f"{above}{name}.")
    elif isinstance(value, list):
        for element in cast("list[object]", value):
            yield from attributes(element, above)


def published(name: str) -> Any:
    """Read a published answer; of a list the first order."""
    answer: Any = msgspec.json.decode((PUBLISHED / f"{name}.json").read_bytes())
    return cast("list[Any]", answer)[0] if isinstance(answer, list) else answer


def full_order() -> payloads.Payload:
    """Build an order with every attribute that the deprecated paths lack, and some of the rest."""
    product = payloads.product(
        payloads.EDGE_DEVICE,
        productRelationship=[{"id": payloads.INVENTORY, "relationshipType": "Requires"}],
        place={"id": payloads.SITE},
        productCharacteristic=[payloads.characteristic("Routing", "Premium")],
        relatedParty=[payloads.contact()],
    )
    line = payloads.item(
        "1",
        product=product,
        committedDueDate=DUE,
        externalProductInventory=[{"externalProductInventoryId": "X-1"}],
        itemPrice=[payloads.price()],
        version="mine",
    )
    return payloads.order(
        externalId="PO-1",
        currencyCode="USD",
        committedDueDate=DUE,
        requestedStartDate=DUE,
        note=[payloads.note()],
        channel=[payloads.channel()],
        items=[line],
        loyalty={"href": "kept", "version": "kept"},
    )


def without_left_out(order: dict[str, Any]) -> dict[str, Any]:
    """Take away from an order with one line what the deprecated paths do not show."""
    for name in sorted(LEFT_OUT):
        # What is below an attribute goes with it.
        if not any(name.startswith(f"{above}.") for above in LEFT_OUT):
            pointer = "/" + name.replace(".", "/").replace("productOrderItem", "productOrderItem/0")
            order = payloads.removed(order, pointer)
    return order


async def test_all_but_what_is_left_out_is_shown(api: Api) -> None:
    new = (await api.post(ORDERS, full_order())).json()
    expected = without_left_out(new)
    assert set(attributes(new)) - set(attributes(expected)) == LEFT_OUT
    old = await api.get(f"{DEPRECATED}/{new['id']}")
    assert (old.status_code, old.json()) == (200, expected)
    assert (await api.get(f"{DEPRECATED}/PO-1")).json() == expected
    assert (await api.get(DEPRECATED)).json() == [expected]


async def test_a_created_order_is_answered_with_fewer_attributes(api: Api) -> None:
    response = await api.post(DEPRECATED, full_order())
    assert response.status_code == 201
    old = response.json()
    assert response.headers["location"] == f"{DEPRECATED}/{old['id']}"
    new = await api.get(f"{ORDERS}/{old['id']}")
    assert response.headers["etag"] == new.headers["etag"]
    assert old == without_left_out(new.json())
    assert (await api.get(response.headers["location"])).json() == old


@pytest.mark.parametrize(
    ("new_name", "old_name"),
    [
        ("get-order-productOrder-response", "get-productorder-response"),
        ("get-order-productOrder-by-id-response", "get-productorder-by-id-response"),
    ],
)
async def test_published_answers_differ_in_the_same_attributes(
    api: Api, new_name: str, old_name: str
) -> None:
    new, old = published(new_name), published(old_name)
    # The example has two currencies, against the rule about them.
    body = msgspec.json.encode(new).replace(b"INR", b"USD")
    identity = (await api.post(ORDERS, body)).json()["id"]
    shown = set(attributes((await api.get(f"{ORDERS}/{identity}")).json()))
    shown_old = set(attributes((await api.get(f"{DEPRECATED}/{identity}")).json()))
    assert set(attributes(new)) <= shown
    assert set(attributes(old)) <= shown_old
    assert shown - shown_old == set(attributes(new)) - set(attributes(old))
    assert shown_old - shown == set()


async def test_fields_cannot_bring_back_what_is_left_out(api: Api) -> None:
    identity = (await api.post(ORDERS, full_order())).json()["id"]
    fields = "state,orderCurrency,productOrderItem.version,productOrderItem.productOffering.version"
    picked = await api.get(f"{DEPRECATED}/{identity}", fields=fields)
    assert picked.json() == {
        "id": identity,
        "state": "new",
        "productOrderItem": [{"version": "1"}],
    }
    none = await api.get(DEPRECATED, fields="none")
    assert none.json() == [{"id": identity}]


async def test_what_is_left_out_is_not_read(api: Api) -> None:
    await api.post(ORDERS, full_order())
    counting = CountingDatabase(api.database)
    services = api.services
    api.app.state.services = msgspec.structs.replace(services, database=counting)
    try:
        assert (await api.get(DEPRECATED)).status_code == 200
    finally:
        api.app.state.services = services
    (statement,) = counting.statements
    assert "order_characteristic_value" in statement
    assert "order_line_related_item" not in statement


async def test_a_mode_is_ignored(api: Api) -> None:
    for mode in ("async", "nonsense"):
        response = await api.post(f"{DEPRECATED}?mode={mode}", full_order())
        assert response.status_code == 201
    assert await api.count("inbound_request") == 0
    assert await api.count("customer_order") == 2


async def test_lists_are_paged_and_filtered_on_their_own_path(api: Api) -> None:
    for number in range(3):
        await api.post(ORDERS, payloads.order(externalId=f"PO-{number}"))
    page = await api.get(f"{DEPRECATED}?state=new&limit=1&offset=1")
    assert page.status_code == 206
    assert [order["externalId"] for order in page.json()] == ["PO-1"]
    assert page.headers["content-range"] == "items 2-2"
    assert page.headers["x-total-count"] == "3"
    assert page.headers["link"] == ", ".join(
        [
            *(
                f'<{DEPRECATED}?state=new&offset={offset}&limit=1>; rel="{rel}"'
                for rel, offset in (("first", 0), ("last", 2), ("next", 2), ("previous", 0))
            ),
            f'<{ORDERS}>; rel="successor-version"',
        ]
    )
    assert len(page.headers.get_list("link")) == 1
    assert (await api.get(DEPRECATED, externalId="PO-2")).json()[0]["externalId"] == "PO-2"
    assert (await api.get(DEPRECATED, externalId="PO-9")).status_code == 404


async def test_a_queued_order_is_told_as_on_the_present_path(api: Api) -> None:
    identity = (await api.post(f"{ORDERS}?mode=async", full_order())).json()["orderId"]
    old = await api.get(f"{DEPRECATED}/{identity}")
    assert (old.status_code, old.json()["code"]) == (200, 102)
    assert old.json() == (await api.get(f"{ORDERS}/{identity}")).json()
    assert "etag" not in old.headers
    await make_processor(api.database, api.services.keeper).drain_batch()
    assert (await api.get(f"{DEPRECATED}/{identity}")).json()["state"] == "new"


# -- the sign of their age -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "below", "role", "status"),
    [
        ("GET", "", Role.ORDER_VIEWER, 404),
        ("GET", "?limit=0", Role.ORDER_VIEWER, 400),
        ("GET", "/nothing", Role.ORDER_VIEWER, 404),
        ("GET", "/a/b", Role.ORDER_VIEWER, 404),
        ("GET", "", None, 401),
        ("POST", "", Role.ORDER_VIEWER, 403),
        ("POST", "", Role.ORDER_INTEGRATOR, 400),
        ("PATCH", "/nothing", Role.ORDER_VIEWER, 403),
        ("DELETE", "", None, 405),
        ("PUT", "/nothing", None, 405),
        ("OPTIONS", "", None, 204),
    ],
)
async def test_every_answer_is_marked(
    api: Api, method: str, below: str, role: Role | None, status: int
) -> None:
    auth = (role.value, PASSWORD) if role else None
    response = await api.http.request(method, DEPRECATED + below, auth=auth)
    assert response.status_code == status
    assert response.headers["deprecation"] == "@1663804800"
    path = ORDERS + below.partition("?")[0]
    assert response.headers["link"] == f'<{path}>; rel="successor-version"'


async def test_a_defect_is_marked_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("ordering_rest.parity.orders.list_shown", fail)
    response = await api.get(DEPRECATED)
    assert (response.status_code, response.headers["deprecation"]) == (500, "@1663804800")


async def test_the_successor_of_an_order_is_named_as_a_url(api: Api) -> None:
    response = await api.get(f"{DEPRECATED}/a%20b%3E%22%E2%82%AC")
    assert response.headers["link"] == (f'<{ORDERS}/a%20b%3E%22%E2%82%AC>; rel="successor-version"')
    response = await api.get(f"{DEPRECATED}/{'x' * 5000}")
    assert response.headers["link"] == f'<{ORDERS}>; rel="successor-version"'


@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}/x", f"{DEPRECATED}s", "/livez"])
async def test_nothing_else_is_marked(api: Api, path: str) -> None:
    response = await api.get(path)
    assert "deprecation" not in response.headers
    assert "successor-version" not in response.headers.get("link", "")


# -- the currency ----------------------------------------------------------------------------------


def priced(*units: str, **members: Any) -> payloads.Payload:
    """Build an order with a line for each price unit, and no currency unless it is given."""
    items = [
        payloads.item(str(number), itemPrice=[payloads.price(unit=unit)])
        for number, unit in enumerate(units)
    ]
    defaults: payloads.Payload = {"orderCurrency": payloads.ABSENT}
    return payloads.order(items=items or [payloads.item()], **(defaults | members))


@pytest.mark.parametrize(
    ("order", "currency"),
    [
        (priced(), "USD"),
        (priced("EUR"), "EUR"),
        (priced("EUR", "EUR"), "EUR"),
        (priced(orderCurrency=""), "USD"),
        (priced("EUR", orderCurrency=None), "EUR"),
        (priced(orderCurrency="EUR"), "EUR"),
        (priced("EUR", currencyCode="EUR"), "EUR"),
    ],
)
async def test_the_currency_is_that_of_the_prices(
    api: Api, order: payloads.Payload, currency: str
) -> None:
    response = await api.post(DEPRECATED, order)
    assert response.status_code == 201, response.text
    new = (await api.get(f"{ORDERS}/{response.json()['id']}")).json()
    assert new.get("orderCurrency", new.get("currencyCode")) == currency


async def test_an_order_without_prices_gets_the_currency_of_the_settings(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with running_api(
        demo_database, demo_url, servers.redis_url, default_order_currency="EUR"
    ) as api:
        (plain, dollars) = [
            (await api.post(DEPRECATED, order)).json()["id"] for order in (priced(), priced("USD"))
        ]
        shown = (await api.get(ORDERS, fields="orderCurrency")).json()
    assert {order["id"]: order["orderCurrency"] for order in shown} == {
        plain: "EUR",
        dollars: "USD",
    }


UNIT = "/productOrderItem/1/itemPrice/0/price/taxIncludedAmount/unit"
DIFFERS = "One or more line items has a different currency code than the order currency"


@pytest.mark.parametrize(
    ("order", "details"),
    [
        (priced("EUR", "USD"), [(DIFFERS, UNIT)]),
        (priced("USD", "EUR", orderCurrency="USD"), [(DIFFERS, UNIT)]),
        (priced("XXX"), [("Inactive Currency Code: XXX", "/orderCurrency")]),
        (priced(orderCurrency="XXX"), [("Inactive Currency Code: XXX", "/orderCurrency")]),
        (
            priced(orderCurrency="USD", currencyCode="EUR"),
            [("orderCurrency and currencyCode must be equal", "/currencyCode")],
        ),
        (priced(orderCurrency=5), [("Expected a string, got a whole number", "/orderCurrency")]),
    ],
)
async def test_a_currency_that_cannot_be_is_refused(
    api: Api, order: payloads.Payload, details: list[tuple[str, str]]
) -> None:
    response = await api.post(DEPRECATED, order)
    assert response.status_code == 400
    assert [
        (detail["message"], detail["datapath"]) for detail in response.json()["details"]
    ] == details
    assert await api.count("customer_order") == 0


async def test_the_present_path_still_wants_a_currency(api: Api) -> None:
    response = await api.post(ORDERS, priced("EUR"))
    assert response.status_code == 400
    assert [detail["message"] for detail in response.json()["details"]] == [
        "Invalid payload: orderCurrency is required"
    ]
