"""The published payloads of cancellations, revisions and of the deprecated paths, replayed.

Of the orders that the published answers to GET and PATCH show, no request was published: it is made
of the answer, by taking away what the service tells. The answers must then be the published ones
but for known deviations.
"""

import copy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support.api import DEPRECATED, ORDERS, Api
from support.contract import ABSENT, Deviation, explain, load_contract
from support.provoke import moved, placed

CONTRACT = load_contract()
PUBLISHED = Path(__file__).parent / "published"

ITEM = "/productOrderItem/*"
CANCEL = "/api/sn_ind_tmt_orm/cancelproductorder"

PATHS = {"order-productOrder": ORDERS, "productorder": DEPRECATED}
OPERATIONS = {"order-productOrder": "ProductOrder", "productorder": "DeprecatedProductOrder"}

#: What the service tells of an order and of its lines.
TOLD = ("id", "href", "state", "version", "ponr", "expectedCompletionDate")
TOLD_OF_LINES = ("state", "version", "ponr")


def published(name: str) -> Any:
    """Read a published payload."""
    return msgspec.json.decode((PUBLISHED / f"{name}.json").read_bytes())


def is_id(value: object) -> bool:
    """Tell whether this is an id of this service."""
    return CONTRACT.accepts("Id", value)


def is_href(value: object) -> bool:
    """Tell whether this is the path of an order."""
    return CONTRACT.accepts("Href", value)


def is_moment(value: object) -> bool:
    """Tell whether this is a moment as the contract shows it."""
    return CONTRACT.accepts("DateTime", value)


def without_other_currencies(order: dict[str, Any]) -> dict[str, Any]:
    """Take away the prices of nothing in INR: the source forbids two currencies in an order."""
    order = copy.deepcopy(order)
    for line in order["productOrderItem"]:
        line["itemPrice"] = [
            each
            for each in line["itemPrice"]
            if each["price"]["taxIncludedAmount"] != {"unit": "INR", "value": 0}
        ]
    return order


def request_of(order: dict[str, Any]) -> dict[str, Any]:
    """Make the request of an order that is shown."""
    order = {name: value for name, value in order.items() if name not in TOLD}
    for line in order["productOrderItem"]:
        for name in TOLD_OF_LINES:
            del line[name]
    return order


async def in_progress(api: Api, face: str, shown: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Place the order that is shown, and start it; returns its id, and what is to be shown."""
    expected = without_other_currencies(shown)
    created = await api.post(PATHS[face], request_of(copy.deepcopy(expected)))
    assert created.status_code == 201, created.text
    await moved(api, created.json()["id"], "approve", "start")
    return created.json()["id"], expected


#: How an order in progress differs from every published answer that shows one.
SHOWN = [
    Deviation("/id", "8d75939453126010a795ddeeff7b126a", is_id, "a new order has a new id"),
]

#: How it differs where the path shows where the order is found.
WITH_HREF = [
    Deviation(
        "/href", f"{ORDERS}/8d75939453126010a795ddeeff7b126a", is_href, "a new order has a new id"
    ),
]


#: What the answers to POST and PATCH do not tell, though those to GET do.
TOLD_LATE = [
    Deviation("/ponr", ABSENT, "false", "told like in the published answers to GET"),
]

#: How the order of the published deprecated request differs from the published answers.
DEPRECATED_ORDER = [
    *TOLD_LATE,
    Deviation("/id", "6be0a925c3a220103e2e73ce3640ddfe", is_id, "a new order has a new id"),
    Deviation(
        "/expectedCompletionDate",
        ABSENT,
        "2021-05-02T08:13:59.506Z",
        "derived from requestedCompletionDate, told like in the published answers to GET",
    ),
    Deviation("/note/*/author", ABSENT, "order_integrator", "derived: who placed the order"),
    Deviation("/note/*/date", ABSENT, is_moment, "derived: when the order was placed"),
    Deviation(f"{ITEM}/version", ABSENT, "1", "told like in the published answers to GET"),
    Deviation(f"{ITEM}/ponr", ABSENT, "false", "told like in the published answers to GET"),
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


@pytest.mark.parametrize("face", PATHS)
async def test_order_is_shown_as_published(api: Api, face: str) -> None:
    shown = published(f"get-{face}-by-id-response")
    identity, expected = await in_progress(api, face, shown)
    found = await api.get(f"{PATHS[face]}/{identity}")
    CONTRACT.check(f"get{OPERATIONS[face]}", found)
    explain(expected, found.json(), [*SHOWN, *(WITH_HREF if "href" in shown else [])])


@pytest.mark.parametrize("face", PATHS)
async def test_orders_are_listed_as_published(api: Api, face: str) -> None:
    (shown,) = published(f"get-{face}-response")
    _, expected = await in_progress(api, face, shown)
    listed = await api.get(PATHS[face])
    assert listed.status_code == 200
    CONTRACT.check(f"list{OPERATIONS[face]}s", listed)
    (found,) = listed.json()
    explain(expected, found, [*SHOWN, *(WITH_HREF if "href" in shown else [])])


async def test_order_is_revised_as_published(api: Api) -> None:
    shown = published("patch-order-productOrder-by-id-response")
    before = copy.deepcopy(shown)
    before["channel"] = [{"id": "2"}]
    identity, expected = await in_progress(api, "order-productOrder", before)
    expected["channel"] = shown["channel"]
    request = published("patch-order-productOrder-by-id-request")
    revised = await api.patch(f"{ORDERS}/{identity}", request)
    assert revised.status_code == 201, revised.text
    CONTRACT.check("reviseProductOrder", revised)
    told = Deviation("/version", ABSENT, "2", "told like in the published answers to GET")
    explain(expected, revised.json(), [*SHOWN, *WITH_HREF, *TOLD_LATE, told])


async def test_order_is_revised_as_published_on_the_deprecated_path(api: Api) -> None:
    before = published("post-productorder-request")
    created = await api.post(DEPRECATED, before)
    await moved(api, created.json()["id"], "approve", "start")
    request = published("patch-productorder-by-id-request")
    revised = await api.patch(f"{DEPRECATED}/{created.json()['id']}", request)
    assert revised.status_code == 201, revised.text
    CONTRACT.check("reviseDeprecatedProductOrder", revised)
    deviations = [
        *DEPRECATED_ORDER,
        Deviation("/version", ABSENT, "2", "told like in the published answers to GET"),
        Deviation(
            f"{ITEM}/actionReason",
            "adding service package OLI",
            ABSENT,
            "the published request sends none, and none can be made up",
        ),
        Deviation(
            f"{ITEM}/state",
            "new",
            "in_progress",
            "lines are in progress, as the order is told to be",
        ),
    ]
    explain(published("patch-productorder-by-id-response"), revised.json(), deviations)


async def test_order_is_created_as_published_on_the_deprecated_path(api: Api) -> None:
    created = await api.post(DEPRECATED, published("post-productorder-request"))
    assert created.status_code == 201, created.text
    CONTRACT.check("createDeprecatedProductOrder", created)
    deviations = [
        *DEPRECATED_ORDER,
        Deviation("/version", ABSENT, "1", "told like in the published answers to GET"),
        Deviation(
            "/channel/*/name", "Online chanel", "Online channel", "a misprint: the request is right"
        ),
    ]
    explain(published("post-productorder-response"), created.json(), deviations)


async def test_order_is_canceled_as_published(api: Api) -> None:
    identity = await placed(api)
    await moved(api, identity, "approve", "start")
    request = published("post-cancelproductorder-request")
    published_id = request["productOrder"]["id"]
    request["productOrder"]["id"] = identity
    canceled = await api.post(CANCEL, request)
    assert canceled.status_code == 200, canceled.text
    CONTRACT.check("cancelProductOrder", canceled)
    answer = published("post-cancelproductorder-response")
    explain(
        answer,
        canceled.json(),
        [
            Deviation(at, published_id, identity, "an order of ours")
            for at in ("/id", "/productOrder/id")
        ],
    )


def test_published_requests_are_examples_of_the_contract() -> None:
    for operation in ("reviseProductOrder", "reviseDeprecatedProductOrder"):
        example = CONTRACT.request_examples(operation)["PublishedRevision"]
        assert example == published("patch-order-productOrder-by-id-request")
        assert example == published("patch-productorder-by-id-request")
    examples = CONTRACT.request_examples("createDeprecatedProductOrder")
    assert examples["PublishedDeprecated"] == published("post-productorder-request")
