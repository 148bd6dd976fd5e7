"""Ways to make the application answer what an example of the contract shows.

A way is a function of the application and of the operation whose example it is, so that one way
serves every operation that shows the example.
"""

import copy
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import httpx
import msgspec

from ordering.access.roles import Role
from ordering.inbound.operations import QueueOperations
from ordering.orders.idempotency import RequestKey
from support.api import ORDERS, PASSWORD, Api
from support.contract import drain, load_contract

__all__ = [
    "UNKNOWN",
    "Provoke",
    "asked",
    "called_as",
    "creating",
    "in_use",
    "moved",
    "path_of",
    "placed",
    "queued",
    "refused",
    "reused",
    "small",
    "small_item",
    "spoilt",
    "tagged",
    "with_defect",
]

CONTRACT = load_contract()

Provoke = Callable[[Api, str], Awaitable[httpx.Response]]

#: An id that nothing has.
UNKNOWN = "00000000000000000000000000000000"

_MOVE = "/api/ordering/v1/productOrder/{id}/transition"


def small(**changes: object) -> dict[str, Any]:
    """The smallest order, with members changed; None takes a member away."""
    order = copy.deepcopy(CONTRACT.request_examples("createProductOrder")["SmallOrder"]) | changes
    return {name: value for name, value in order.items() if value is not None}


def small_item(**changes: object) -> dict[str, Any]:
    """The smallest order, with members of its line changed; None takes a member away."""
    order = small()
    item = order["productOrderItem"][0] | changes
    order["productOrderItem"] = [{k: v for k, v in item.items() if v is not None}]
    return order


def path_of(operation: str, identity: str = UNKNOWN) -> str:
    """The path of an operation, for an order."""
    return CONTRACT.operations[operation].path.replace("{id}", identity)


async def placed(api: Api, body: Mapping[str, Any] | None = None) -> str:
    """Place an order, the smallest if none is given; returns its id."""
    created = await api.post(ORDERS, small() if body is None else body)
    assert created.status_code == 201, created.text
    return created.json()["id"]


async def queued(api: Api) -> str:
    """Have the smallest order queued; returns its id to be."""
    accepted = await api.post(f"{ORDERS}?mode=async", small())
    assert accepted.status_code == 202, accepted.text
    return accepted.json()["orderId"]


async def spoilt(api: Api) -> str:
    """Have an order fail in the queue, by spoiling its record, for nothing wrong gets there."""
    identity = await queued(api)
    payload = msgspec.json.encode(small(orderCurrency=None)).decode()
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET payload = $1", payload)
    assert await drain(api) == 1
    return identity


async def moved(api: Api, identity: str, *actions: str) -> httpx.Response:
    """Move an order on by actions; returns the answer to the last one."""
    responses = [
        await api.post(_MOVE.replace("{id}", identity), {"action": action}, Role.ORDER_FULFILMENT)
        for action in actions
    ]
    for response in responses:
        assert response.status_code == 200, response.text
    return responses[-1]


def creating(
    *actions: str, body: Mapping[str, Any] | None = None
) -> Callable[[Api], Awaitable[str]]:
    """Place an order and move it on."""

    async def create(api: Api) -> str:
        identity = await placed(api, body)
        if actions:
            await moved(api, identity, *actions)
        return identity

    return create


def refused(
    body: object,
    *,
    of: Callable[[Api], Awaitable[str]] | None = None,
    query: str = "",
    **headers: str,
) -> Provoke:
    """Send a body to the operation, about the order that `of` makes; `{id}` in it is its id."""

    async def provoke(api: Api, operation: str) -> httpx.Response:
        one = CONTRACT.operations[operation]
        identity = UNKNOWN if of is None else await of(api)
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await api.http.request(
            one.method,
            path_of(operation, identity) + query,
            auth=(Role.ADMIN.value, PASSWORD),
            content=content.replace(b"{id}", identity.encode()),
            headers={"Content-Type": "application/json"}
            | {name.replace("_", "-"): value for name, value in headers.items()},
        )

    return provoke


#: What an operation with a key is asked, and about which order; to create is the usual one.
_UNDER_A_KEY: dict[str, tuple[dict[str, Any], Callable[[Api], Awaitable[str]]]] = {
    "cancelInboundRequests": ({"filter": {"id": "{id}"}}, queued),
    "createOrderOfInboundRequest": ({}, queued),
    "pauseInboundQueue": ({}, queued),
    "redriveInboundRequests": ({"filter": {"id": "{id}"}}, spoilt),
    "resumeInboundQueue": ({}, queued),
    "cancelProductOrder": ({"productOrder": {"id": "{id}"}}, creating("approve", "start")),
    "moveProductOrder": ({"action": "approve"}, placed),
}
_KEY = "4f1c2f0e-order-17"


async def reused(api: Api, operation: str) -> httpx.Response:
    """Send another body under a key that was used."""
    body, of = _UNDER_A_KEY.get(operation, (small(), placed))
    identity = await of(api)

    async def it(_api: Api) -> str:
        return identity

    content = msgspec.json.encode(body)
    first = await refused(content, of=it, Idempotency_Key=_KEY)(api, operation)
    assert first.status_code < 300, first.text
    return await refused(content + b" ", of=it, Idempotency_Key=_KEY)(api, operation)


async def in_use(api: Api, operation: str) -> httpx.Response:
    """Send a request under a key whose first request is under way."""
    body, _ = _UNDER_A_KEY.get(operation, (small(), placed))
    key = RequestKey(
        client=Role.ADMIN.value, path=path_of(operation), key=_KEY, request_hash=b"another"
    )
    with api.services.request_keys.held(key):
        return await refused(body, Idempotency_Key=_KEY)(api, operation)


def tagged(body: object) -> Provoke:
    """Change an order that somebody else has changed since it was read."""

    async def provoke(api: Api, operation: str) -> httpx.Response:
        identity = await placed(api)
        before = (await api.get(f"{ORDERS}/{identity}")).headers["etag"]
        await moved(api, identity, "approve", "start")

        async def it(_api: Api) -> str:
            return identity

        return await refused(body, of=it, If_Match=before)(api, operation)

    return provoke


def asked(
    path: str | None = None, *, of: Callable[[Api], Awaitable[object]] | None = None, **query: Any
) -> Provoke:
    """GET something: the path, or the operation's, after `of` has prepared what is there."""

    async def provoke(api: Api, operation: str) -> httpx.Response:
        identity = UNKNOWN if of is None else str(await of(api))
        return await api.get(path or path_of(operation, identity), **query)

    return provoke


def called_as(role: Role | None, password: str = PASSWORD) -> Provoke:
    """Call the operation as somebody, or as nobody."""

    async def provoke(api: Api, operation: str) -> httpx.Response:
        one = CONTRACT.operations[operation]
        auth = None if role is None else (role.value, password)
        has_body = "requestBody" in CONTRACT.follow(one.at)[1]
        content = next(iter(CONTRACT.request_examples(operation).values())) if has_body else None
        return await api.http.request(one.method, path_of(operation), auth=auth, json=content)

    return provoke


def with_defect(error: Exception) -> Provoke:
    """Call the operation while what it needs raises an error."""

    class Defective:
        """Stands in for a database and for a use case."""

        def acquire(self) -> None:
            raise error

        transaction = acquire

        async def __call__(self, *_arguments: object, **_named: object) -> None:
            raise error

    async def provoke(api: Api, operation: str) -> httpx.Response:
        broken = cast("Any", Defective())
        # Authentication keeps its own database: only the operation itself is hit.
        api.app.state.services = msgspec.structs.replace(
            api.services,
            database=broken,
            create_order=broken,
            revise_order=broken,
            cancel_order=broken,
            progress_order=broken,
            queue=QueueOperations(broken, lambda: None, api.services.settings),
        )
        return await called_as(Role.ADMIN)(api, operation)

    return provoke
