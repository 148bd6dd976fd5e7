"""Every example of the contract, executed: what it shows is what the application answers."""

import copy
from collections.abc import Awaitable, Callable
from typing import Any, cast

import httpx
import msgspec
import pytest

from ordering.access.roles import Role
from support.api import ORDERS, PASSWORD, Api
from support.contract import Example, drain, load_contract, step

CONTRACT = load_contract()
EXAMPLES = dict(CONTRACT.response_examples())
REQUESTS = CONTRACT.request_examples("createProductOrder")

Provoke = Callable[[Api, str], Awaitable[httpx.Response]]

JSON = {"Content-Type": "application/json"}


def small(**changes: object) -> dict[str, Any]:
    """The smallest order, with members changed."""
    return copy.deepcopy(REQUESTS["SmallOrder"]) | changes


def small_item(**changes: object) -> dict[str, Any]:
    """The smallest order, with members of its line changed; None takes a member away."""
    order = small()
    item = order["productOrderItem"][0] | changes
    order["productOrderItem"] = [{k: v for k, v in item.items() if v is not None}]
    return order


def refused(body: object, path: str = ORDERS, **headers: str) -> Provoke:
    """Place an order that is refused."""

    async def provoke(api: Api, _operation: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await api.post(path, body, headers=named)

    return provoke


def asked(path: str, **query: Any) -> Provoke:
    """GET something."""

    async def provoke(api: Api, _operation: str) -> httpx.Response:
        return await api.get(path, **query)

    return provoke


def called_as(role: Role | None, password: str = PASSWORD) -> Provoke:
    """Call the operation as somebody, or as nobody."""

    async def provoke(api: Api, operation: str) -> httpx.Response:
        one = CONTRACT.operations[operation]
        auth = None if role is None else (role.value, password)
        content = msgspec.json.encode(small()) if one.method == "post" else None
        path = one.path.replace("{id}", "PO-456")
        return await api.http.request(one.method, path, auth=auth, content=content, headers=JSON)

    return provoke


def with_defect(error: Exception) -> Provoke:
    """Call the operation while what it needs raises an error."""

    class Defective:
        """Stands in for a database and for a use case."""

        def acquire(self) -> None:
            raise error

        async def __call__(self, _body: bytes, _client: str) -> None:
            raise error

    async def provoke(api: Api, operation: str) -> httpx.Response:
        broken = cast("Any", Defective())
        # Authentication keeps its own database: only the operation itself is hit.
        api.app.state.services = msgspec.structs.replace(
            api.services, database=broken, create_order=broken
        )
        return await called_as(Role.ADMIN)(api, operation)

    return provoke


async def create_small(api: Api, _operation: str) -> httpx.Response:
    return await api.post(ORDERS, small())


async def accept_small(api: Api, _operation: str) -> httpx.Response:
    return await api.post(f"{ORDERS}?mode=async", small())


async def get_created(api: Api, operation: str) -> httpx.Response:
    created = await create_small(api, operation)
    return await api.get(created.headers["location"])


async def get_queued(api: Api, operation: str) -> httpx.Response:
    accepted = await accept_small(api, operation)
    return await api.get(accepted.headers["location"])


async def get_failed(api: Api, operation: str) -> httpx.Response:
    """Spoil the record while it is queued, since nothing wrong is accepted into the queue."""
    accepted = await accept_small(api, operation)
    spoilt = small()
    del spoilt["orderCurrency"]
    async with api.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET payload = $1", msgspec.json.encode(spoilt).decode()
        )
    assert await drain(api) == 1
    return await api.get(accepted.headers["location"])


async def list_one(api: Api, operation: str) -> httpx.Response:
    await create_small(api, operation)
    return await api.get(ORDERS)


async def list_one_of_two(api: Api, operation: str) -> httpx.Response:
    await create_small(api, operation)
    await create_small(api, operation)
    return await api.get(ORDERS, limit=1)


UNKNOWN = "00000000000000000000000000000000"
EUROS = [{"price": {"taxIncludedAmount": {"unit": "EUR", "value": 1}}}]

#: How each example comes about.
PROVOKERS: dict[str, Provoke] = {
    "AcceptedOrder": accept_small,
    "Alive": asked("/livez"),
    "AllOrders": list_one,
    "BodyMissing": refused(b""),
    "BodyNotAnObject": refused(b"[]"),
    "BodyTooLarge": refused(b" " * (16 * 1024 * 1024 + 1)),
    "ContentTypeInvalid": refused(small(), Content_Type="text/plain"),
    "CreatedOrder": create_small,
    "CredentialsInvalid": called_as(Role.ORDER_INTEGRATOR, "wrong"),
    "CredentialsMissing": called_as(None),
    "CurrencyDiffers": refused(small_item(itemPrice=EUROS)),
    "CurrencyInactive": refused(small(orderCurrency="DEM")),
    "Defect": with_defect(RuntimeError("the cause stays in the log")),
    "FailedOrder": get_failed,
    "FieldsInvalid": refused(small_item(quantity=True, action=None) | {"relatedParty": "me"}),
    "FieldsMissing": refused({}),
    "MayNotPlace": called_as(Role.ORDER_VIEWER),
    "MayNotRead": called_as(Role.CATALOG_INTEGRATOR),
    "ModeInvalid": refused(small(), f"{ORDERS}?mode=sync"),
    "NoOrders": asked(ORDERS, state="completed"),
    "OrderNotFound": asked(f"{ORDERS}/PO-456"),
    "PageInvalid": asked(ORDERS, limit=0, offset=-1),
    "PageOfOrders": list_one_of_two,
    "ProblemDefect": with_defect(RuntimeError("the cause stays in the log")),
    "QueuedOrder": get_queued,
    "Ready": asked("/readyz"),
    "ReferencesUnknown": refused(
        small_item(
            action="change",
            productOffering={"id": UNKNOWN},
            product={"id": UNKNOWN, "productSpecification": {"id": UNKNOWN}},
        )
        | {"relatedParty": [{"id": UNKNOWN, "@referredType": "Consumer"}]}
    ),
    "SoldProductInactive": refused(
        small_item(action="change", product={"id": "dsl-of-funco-external"})
    ),
    "Unavailable": with_defect(ConnectionRefusedError()),
    "Unready": with_defect(ConnectionRefusedError()),
}

#: Examples whose way depends on the operation that shows them.
SPECIAL: dict[tuple[str, str], Provoke] = {("getProductOrder", "CreatedOrder"): get_created}


def test_every_response_example_is_executed() -> None:
    assert {example.name for example in EXAMPLES} == set(PROVOKERS)
    assert set(SPECIAL) <= {(example.operation, example.name) for example in EXAMPLES}


@pytest.mark.parametrize("example", EXAMPLES, ids="-".join)
async def test_response_example_is_what_is_answered(api: Api, example: Example) -> None:
    provoke = SPECIAL.get((example.operation, example.name), PROVOKERS[example.name])
    response = await provoke(api, example.operation)
    assert response.status_code == int(example.status), response.text
    CONTRACT.check(example.operation, response)
    assert _with_id_of(EXAMPLES[example], response) == EXAMPLES[example]


def _with_id_of(example: object, response: httpx.Response) -> object:
    """The response under the example's id, since ids are new each time."""
    shown, answered = _identity(example), _identity(response.json())
    return msgspec.json.decode(response.text.replace(answered, shown)) if shown else response.json()


def _identity(body: Any) -> str:
    first = step(body, "0") if isinstance(body, list) else body
    return first.get("id") or first.get("orderId") or ""


@pytest.mark.parametrize("name", REQUESTS)
async def test_request_example_is_created_and_its_link_leads_to_it(api: Api, name: str) -> None:
    created = await api.post(ORDERS, REQUESTS[name])
    assert created.status_code == 201, created.text
    CONTRACT.check("createProductOrder", created)
    found = await _follow(api, "createProductOrder", created, "GetCreated")
    assert found.json() == created.json()
    assert (await api.get(created.headers["location"])).json() == created.json()


@pytest.mark.parametrize("name", REQUESTS)
async def test_request_example_is_queued_and_its_link_leads_to_it(api: Api, name: str) -> None:
    accepted = await api.post(f"{ORDERS}?mode=async", REQUESTS[name])
    assert accepted.status_code == 202, accepted.text
    CONTRACT.check("createProductOrder", accepted)
    queued = await _follow(api, "createProductOrder", accepted, "GetAccepted")
    assert queued.json()["code"] == 102
    assert queued.headers["retry-after"] == "1"
    assert await drain(api) == 1
    found = await _follow(api, "createProductOrder", accepted, "GetAccepted")
    assert found.json()["id"] == accepted.json()["orderId"]
    assert "retry-after" not in found.headers


async def test_parameter_examples_are_answered_and_the_link_of_the_list_is_followed(
    api: Api,
) -> None:
    await api.post(ORDERS, small())
    parameters = CONTRACT.document["components"]["parameters"].values()
    query = {one["name"]: one["example"] for one in parameters if "example" in one}
    assert query == {"limit": 20, "offset": 0, "state": "new"}
    listed = await api.get(ORDERS, **query)
    assert listed.status_code == 200, listed.text
    CONTRACT.check("listProductOrders", listed)
    found = await _follow(api, "listProductOrders", listed, "GetFirst")
    assert found.json() == listed.json()[0]


async def _follow(api: Api, operation: str, response: httpx.Response, link: str) -> httpx.Response:
    """Follow a link of a response by its runtime expression, and check what is found."""
    at = f"{CONTRACT.operations[operation].at}/responses/{response.status_code}/links/{link}"
    described = CONTRACT.follow(at)[1]
    target = CONTRACT.operations[described["operationId"]]
    value: Any = response.json()
    for part in described["parameters"]["id"].removeprefix("$response.body#/").split("/"):
        value = step(value, part)
    found = await api.get(target.path.replace("{id}", value))
    assert found.status_code == 200, found.text
    CONTRACT.check(target.identity, found)
    return found


async def test_pages_name_their_neighbours(api: Api) -> None:
    for _ in range(5):
        await api.post(ORDERS, small())
    page = await api.get(ORDERS, limit=2, offset=2, state="new")
    assert page.status_code == 206
    CONTRACT.check("listProductOrders", page)
    assert page.headers["content-range"] == "items 3-4"
    assert page.headers["x-total-count"] == "5"
    assert {rel: link["url"] for rel, link in page.links.items()} == {
        "first": f"{ORDERS}?state=new&offset=0&limit=2",
        "last": f"{ORDERS}?state=new&offset=4&limit=2",
        "next": f"{ORDERS}?state=new&offset=4&limit=2",
        "previous": f"{ORDERS}?state=new&offset=0&limit=2",
    }
    behind = await api.get(ORDERS, offset=5)
    assert behind.status_code == 404
    CONTRACT.check("listProductOrders", behind)


async def test_more_problems_than_are_shown_are_counted(api: Api) -> None:
    response = await api.post(ORDERS, small(productOrderItem=[{"id": ""}] * 400))
    assert response.status_code == 400
    CONTRACT.check("createProductOrder", response)
    details = response.json()["details"]
    assert len(details) == 501
    assert details[-1] == {"message": "and 700 more problems", "datapath": ""}
