"""The published payloads, replayed: the answers are the published ones but for known deviations.

The files in `published/` are the examples of the Product Order Open API, as they were published.
"""

import copy
import re
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from ordering.access.roles import Role
from support.api import ORDERS, Api
from support.contract import ABSENT, Deviation, drain, explain, load_contract, step

CONTRACT = load_contract()
PUBLISHED = Path(__file__).parent / "published"

ITEM = "/productOrderItem/*"

OFFERING = "69017a0f536520103b6bddeeff7b127d"
SPECIFICATIONS = {
    "SD-WAN Service Package": "cfe5ef6a53702010cd6dddeeff7b12f6",
    "SD-WAN Controller": "216663aa53702010cd6dddeeff7b12b5",
    "SD-WAN Edge Device": "39b627aa53702010cd6dddeeff7b1202",
    "SD-WAN Security": "a6514bd3534560102f18ddeeff7b1247",
}


def published(name: str) -> Any:
    """Read a published payload."""
    return msgspec.json.decode((PUBLISHED / name).read_bytes())


def is_moment(value: object) -> bool:
    """Tell whether this is a moment as the contract shows it."""
    return CONTRACT.accepts("DateTime", value)


def is_id(value: object) -> bool:
    """Tell whether this is an id of this service."""
    return CONTRACT.accepts("Id", value)


def is_href(value: object) -> bool:
    """Tell whether this is the path of an order."""
    return CONTRACT.accepts("Href", value)


#: What the service tells about an order that neither published payload has.
OF_THE_SERVICE = [
    Deviation("/version", ABSENT, "1", "versions are told from the first one on"),
    Deviation("/ponr", ABSENT, "false", "told like in the published answers to GET"),
    Deviation(
        "/expectedCompletionDate",
        ABSENT,
        "2021-05-02T08:13:59.506Z",
        "derived from requestedCompletionDate, told like in the published answers to GET",
    ),
    Deviation(f"{ITEM}/version", ABSENT, "1", "versions are told from the first one on"),
    Deviation(f"{ITEM}/ponr", ABSENT, "false", "told like in the published answers to GET"),
]

#: How the answer to the published synchronous order differs from the published answer.
SYNC = [
    *OF_THE_SERVICE,
    Deviation("/id", "8d75939453126010a795ddeeff7b126a", is_id, "a new order has a new id"),
    Deviation(
        "/href",
        f"{ORDERS}/8d75939453126010a795ddeeff7b126a",
        is_href,
        "a new order has a new id",
    ),
    Deviation(
        "/orderCurrency",
        ABSENT,
        "USD",
        "the request says currencyCode, which no table of the source knows; both names are told",
    ),
    Deviation(
        "/channel/*/name", "Online chanel", "Online channel", "a misprint: the request has it right"
    ),
    Deviation("/note/*/author", ABSENT, "order_integrator", "derived: who placed the order"),
    Deviation("/note/*/date", ABSENT, is_moment, "derived: when the order was placed"),
    Deviation(
        "/productOrderItem/0/actionReason",
        "adding service package OLI",
        ABSENT,
        "the request sends none for this line, and none can be made up",
    ),
    Deviation(
        f"{ITEM}/product/productCharacteristic/*/valueType",
        ABSENT,
        "Choice",
        "derived from the catalog",
    ),
    Deviation(
        f"{ITEM}/product/relatedParty/*/name", ABSENT, "Joe Doe", "derived: first and last name"
    ),
]


#: How a created order differs from the published asynchronous request.
ASYNC = [
    *OF_THE_SERVICE,
    Deviation("/id", ABSENT, is_id, "given by the service"),
    Deviation("/href", ABSENT, is_href, "given by the service"),
    Deviation("/state", ABSENT, "new", "given by the service"),
    Deviation(f"{ITEM}/state", ABSENT, "new", "given by the service"),
    *(
        Deviation(f"{ITEM}/{ref}/{name}", ABSENT, came, "derived from the catalog")
        for ref in ("productOffering", "product/productSpecification")
        for name, came in (
            ("version", "v1"),
            ("internalVersion", "1"),
            ("internalId", {OFFERING, *SPECIFICATIONS.values()}.__contains__),
        )
    ),
    Deviation(f"{ITEM}/product/relatedParty/*/id", ABSENT, is_id, "given by the service"),
    Deviation(
        f"{ITEM}/product/relatedParty/*/name", ABSENT, "John Smith", "derived: first and last name"
    ),
]


async def test_synchronous_order_is_answered_as_published(api: Api) -> None:
    request = published("post-order-productOrder-sync-request.json")
    response = await api.post(ORDERS, request)
    assert response.status_code == 201, response.text
    CONTRACT.check("createProductOrder", response)
    explain(published("post-order-productOrder-sync-response.json"), response.json(), SYNC)
    order = response.json()
    assert order["href"] == response.headers["location"] == f"{ORDERS}/{order['id']}"
    assert (await api.get(order["href"])).json() == order
    assert (await api.get(f"{ORDERS}/PO-456")).json() == order


async def test_asynchronous_order_is_answered_as_published_and_becomes_what_was_sent(
    api: Api,
) -> None:
    request = published("post-order-productOrder-async-request.json")
    accepted = await api.post(f"{ORDERS}?mode=async", request)
    assert accepted.status_code == 202, accepted.text
    CONTRACT.check("createProductOrder", accepted)
    answer = published("post-order-productOrder-async-response.json")
    explain(answer, accepted.json(), [Deviation("/orderId", answer["orderId"], is_id, "new")])
    assert accepted.headers["location"] == f"{ORDERS}/{accepted.json()['orderId']}"

    assert await drain(api) == 1
    found = await api.get(accepted.headers["location"])
    CONTRACT.check("getProductOrder", found)
    explain(request, found.json(), ASYNC)
    for item in found.json()["productOrderItem"]:
        specification = item["product"]["productSpecification"]
        assert specification["internalId"] == SPECIFICATIONS[specification["name"]]
        assert item["productOffering"]["internalId"] == OFFERING
    assert (await api.get(f"{ORDERS}/PO-4ddd56")).json() == found.json()


def test_published_requests_are_examples_of_the_contract() -> None:
    examples = CONTRACT.request_examples("createProductOrder")
    for mode in ("sync", "async"):
        request = published(f"post-order-productOrder-{mode}-request.json")
        assert examples[f"Published{mode.capitalize()}"] == request


# -- unknown attributes ----------------------------------------------------------------------------

#: What the service says differently from the example that has an unknown attribute everywhere.
EXTENDED = [
    Deviation("/id", ABSENT, is_id, "given by the service"),
    Deviation("/href", ABSENT, is_href, "given by the service"),
    Deviation("/state", ABSENT, "new", "given by the service"),
    Deviation("/version", ABSENT, "1", "given by the service"),
    Deviation("/ponr", ABSENT, "false", "given by the service"),
    Deviation("/expectedCompletionDate", ABSENT, "2026-03-16T00:00:00.000Z", "derived"),
    Deviation("/orderDate", "2026-03-02T09:15:00+01:00", "2026-03-02T08:15:00.000Z", "UTC"),
    *(
        Deviation(f"/{name}", f"{day}T00:00:00Z", f"{day}T00:00:00.000Z", "milliseconds")
        for name, day in (
            ("requestedStartDate", "2026-03-09"),
            ("requestedCompletionDate", "2026-03-16"),
            ("committedDueDate", "2026-03-20"),
            ("productOrderItem/0/committedDueDate", "2026-03-18"),
        )
    ),
    Deviation(f"{ITEM}/state", ABSENT, "new", "given by the service"),
    Deviation(f"{ITEM}/version", ABSENT, "1", "given by the service"),
    Deviation(f"{ITEM}/ponr", ABSENT, "false", "given by the service"),
    Deviation(f"{ITEM}/itemPrice/*/price/dutyFreeAmount/value", "33.50", 33.5, "sent as a string"),
    Deviation(
        f"{ITEM}/product/productCharacteristic/*/valueType", ABSENT, "Yes/No", "from the catalog"
    ),
    Deviation(f"{ITEM}/product/relatedParty/*/name", ABSENT, "Ada Byron", "derived"),
    Deviation("/productOrderItem/1/@type", ABSENT, "ProductOrderItem", "always told"),
    Deviation("/productOrderItem/1/product/@type", ABSENT, "Product", "always told"),
    Deviation(
        "/productOrderItem/1/product/productSpecification/@type",
        ABSENT,
        "ProductSpecificationRef",
        "always told",
    ),
    *(
        Deviation(f"/productOrderItem/1/{ref}/{name}", ABSENT, came, "from the catalog")
        for ref, title in (
            ("productOffering", "Fiber Home"),
            ("product/productSpecification", "Home Gateway"),
        )
        for name, came in (("name", title), ("version", "v1"))
    ),
    *(
        Deviation(f"{ITEM}/{ref}/{name}", ABSENT, came, "from the catalog")
        for ref in ("productOffering", "product/productSpecification")
        for name, came in (("internalVersion", "1"), ("internalId", is_id))
    ),
]

#: Objects of an order, and the unknown attribute that the example has in each.
LEVELS = {
    "": "campaign",
    "/channel/0": "counter",
    "/note/0": "language",
    "/relatedParty/0": "loyalty",
    "/productOrderItem/0": "warehouse",
    "/productOrderItem/0/productOffering": "brand",
    "/productOrderItem/0/productOrderItemRelationship/0": "sequence",
    "/productOrderItem/0/externalProductInventory/0": "owner",
    "/productOrderItem/0/itemPrice/0": "priceListVersion",
    "/productOrderItem/0/itemPrice/0/price": "tariff",
    "/productOrderItem/0/itemPrice/0/price/dutyFreeAmount": "rounded",
    "/productOrderItem/0/itemPrice/0/price/taxIncludedAmount": "rounded",
    "/productOrderItem/0/product": "serialNumber",
    "/productOrderItem/0/product/productCharacteristic/0": "unitOfMeasure",
    "/productOrderItem/0/product/productSpecification": "family",
    "/productOrderItem/0/product/place": "floor",
    "/productOrderItem/0/product/relatedParty/0": "preferredTime",
    "/productOrderItem/0/product/productRelationship/0": "strict",
}

#: What an unknown attribute may be; numbers come back with the digits that they were sent with.
ANYTHING = (
    b'{"":[null,true,-1,0.10,1e2,12345678901234567890,"\\u00e9 \\"~/"],"deep":{"deeper":[{}]}}'
)


def _extended() -> Any:
    return copy.deepcopy(CONTRACT.request_examples("createProductOrder")["ExtendedOrder"])


def _at(value: Any, at: str) -> Any:
    for part in at.split("/")[1:]:
        value = step(value, part)
    return value


def test_the_example_has_an_unknown_attribute_at_each_level() -> None:
    levels = {
        at
        for at in _objects(_extended(), "")
        if not any(
            re.match(f"{re.escape(level)}/{name}(/|$)", at) for level, name in LEVELS.items()
        )
    }
    assert levels - set(LEVELS) == {
        "/productOrderItem/0/product/productCharacteristic/1",
        "/productOrderItem/1",
        "/productOrderItem/1/product",
        "/productOrderItem/1/product/productSpecification",
        "/productOrderItem/1/productOffering",
    }


def _objects(value: object, at: str) -> list[str]:
    if isinstance(value, dict):
        named = cast("dict[str, object]", value).items()
        return [at, *(each for name, one in named for each in _objects(one, f"{at}/{name}"))]
    if isinstance(value, list):
        numbered = enumerate(cast("list[object]", value))
        return [each for index, one in numbered for each in _objects(one, f"{at}/{index}")]
    return []


@pytest.mark.parametrize("mode", ["", "?mode=async"])
async def test_unknown_attributes_come_back_where_they_were(api: Api, mode: str) -> None:
    response = await api.post(f"{ORDERS}{mode}", _extended())
    if mode:
        assert await drain(api) == 1
    found = await api.get(response.headers["location"], Role.ORDER_VIEWER)
    CONTRACT.check("getProductOrder", found)
    explain(_extended(), found.json(), EXTENDED)


async def test_unknown_attributes_of_any_kind_come_back_at_every_level(api: Api) -> None:
    order = _extended()
    for at in LEVELS:
        _at(order, at)["x-any"] = msgspec.Raw(ANYTHING)
    created = await api.post(ORDERS, msgspec.json.encode(order))
    assert created.status_code == 201, created.text
    found = await api.get(created.headers["location"])
    for response in (created, found):
        order = msgspec.json.decode(response.content, type=dict[str, Any])
        for at in LEVELS:
            assert _at(order, at)["x-any"] == msgspec.json.decode(ANYTHING), at
    # jsonb keeps the digits of a number, and forgets how it was written.
    assert found.text.count("0.10,") + found.text.count("0.10, ") >= len(LEVELS)
    assert created.text.count("12345678901234567890") == len(LEVELS)
    assert found.text.count("12345678901234567890") == len(LEVELS)
