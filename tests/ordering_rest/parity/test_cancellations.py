"""The endpoint `cancelproductorder`: the published example, every refusal, and who may ask."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ordering.access.roles import Role
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, PASSWORD, Api, running_api
from support.installed import events
from support.placed import snapshot
from support.queue import make_processor

CANCEL = "/api/sn_ind_tmt_orm/cancelproductorder"
PUBLISHED = Path(__file__).parents[2] / "contract" / "published"


def published(name: str, identity: str) -> Any:
    """Read a published payload, about an order of ours."""
    payload = json.loads((PUBLISHED / f"{name}.json").read_text(encoding="utf-8"))
    payload["productOrder"]["id"] = identity
    return payload


def asking(identity: str, **members: Any) -> payloads.Payload:
    return {"productOrder": {"id": identity}, **members}


def error(code: int, reason: str, *details: tuple[str, str]) -> dict[str, Any]:
    """Build an error body: message and datapath of each problem."""
    told = [{"message": message, "datapath": datapath} for message, datapath in details]
    return {"code": code, "reason": reason, "message": reason, "details": told}


async def place(api: Api, state: str, **members: Any) -> str:
    """Place an order and bring it to a state."""
    response = await api.post(ORDERS, payloads.order(**members))
    assert response.status_code == 201, response.text
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = $1", state)
        await connection.execute("UPDATE order_line_item SET state = $1", state)
    return response.json()["id"]


async def test_the_published_request_has_the_published_answer(api: Api) -> None:
    identity = await place(api, "in_progress")
    response = await api.post(CANCEL, published("post-cancelproductorder-request", identity))
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    expected = published("post-cancelproductorder-response", identity)
    assert response.json() == expected | {"id": identity}
    shown = await api.get(f"{ORDERS}/{identity}")
    assert shown.headers["etag"] == response.headers["etag"]
    order = shown.json()
    assert (order["state"], order["version"]) == ("assessing_cancellation", "2")
    (line,) = order["productOrderItem"]
    assert (line["state"], line["version"]) == ("assessing_cancellation", "2")
    assert await events(api.database) == [
        "cancelProductOrderCreateEvent",
        "productOrderStateChangeEvent",
    ]


async def test_the_answer_is_the_request_with_what_we_add(api: Api) -> None:
    identity = await place(api, "in_progress", externalId="PO-1")
    sent = {
        "productOrder": {"id": "PO-1", "name": "mine", "@referredType": "ProductOrder"},
        "requestedCancellationDate": "2126-04-30T14:56:21.931+02:00",
        "channel": {"via": [Decimal("1.50"), None]},
        "state": "acknowledged",
    }
    response = await api.post(CANCEL, payloads.to_json(sent))
    assert response.json() == sent | {
        "id": identity,
        "href": f"{ORDERS}/{identity}",
        "state": "done",
        "requestedCancellationDate": "2126-04-30T12:56:21.931Z",
    }
    assert b'"via":[1.50,null]' in response.content


async def test_a_canceled_order_went_all_the_way(api: Api) -> None:
    identity = await place(api, "in_progress")
    await api.post(CANCEL, asking(identity))
    path = f"/api/ordering/v1/productOrder/{identity}/transition"
    for action in ("approve_cancellation", "finish_cancellation"):
        response = await api.post(path, {"action": action}, Role.ORDER_FULFILMENT)
        assert response.status_code == 200
    shown = (await api.get(f"{ORDERS}/{identity}")).json()
    assert (shown["state"], shown["productOrderItem"][0]["state"]) == ("canceled", "canceled")
    assert await events(api.database) == [
        "cancelProductOrderCreateEvent",
        "productOrderStateChangeEvent",
        "productOrderStateChangeEvent",
        "cancelProductOrderStateChangeEvent",
        "productOrderStateChangeEvent",
        "cancelProductOrderStateChangeEvent",
    ]


_FIELD = "Missing body field"
_STATE = "Invalid payload: Order creation failed"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", error(21, "Missing body", ("Invalid payload: Request body missing", ""))),
        (b"null", error(21, "Missing body", ("Invalid payload: Request body missing", ""))),
        (
            b"{}",
            error(
                23,
                _FIELD,
                ("Invalid payload. Mandatory field missing: productOrder.", "/productOrder"),
            ),
        ),
        (
            b'{"productOrder": {}}',
            error(
                23,
                _FIELD,
                ("Invalid payload. Mandatory field missing: productOrder.id.", "/productOrder/id"),
            ),
        ),
        (
            b'{"productOrder": {"id": "unknown"}}',
            error(24, "Invalid body field", ("Invalid order ID", "/productOrder/id")),
        ),
    ],
)
async def test_a_request_that_names_no_order_is_refused(
    body: bytes, expected: object, api: Api
) -> None:
    await place(api, "in_progress")
    before = await snapshot(api.database)
    response = await api.post(CANCEL, body)
    assert response.status_code == 400
    assert response.json() == expected
    assert await snapshot(api.database) == before


@pytest.mark.parametrize(
    ("state", "label"),
    [
        ("new", "New"),
        ("draft", "Draft"),
        ("acknowledged", "Acknowledged"),
        ("assessing_cancellation", "Assessing cancellation"),
        ("canceled", "Canceled"),
        ("completed", "Completed"),
        ("rejected", "Rejected"),
    ],
)
async def test_a_state_that_forbids_it_is_told(state: str, label: str, api: Api) -> None:
    identity = await place(api, state)
    before = await snapshot(api.database)
    response = await api.post(CANCEL, asking(identity))
    assert response.status_code == 400
    text = f"Cannot cancel the order in state: {label}"
    assert response.json() == error(1, _STATE, (text, "/productOrder/id"))
    assert await snapshot(api.database) == before


async def test_past_the_point_of_no_return_it_is_told(api: Api) -> None:
    identity = await place(api, "in_progress")
    path = f"/api/ordering/v1/productOrder/{identity}/transition"
    await api.post(path, {"action": "set_ponr"}, Role.ORDER_FULFILMENT)
    before = await snapshot(api.database)
    response = await api.post(CANCEL, asking(identity))
    assert response.status_code == 400
    text = "Cannot cancel the order: the point of no return has been reached"
    assert response.json() == error(1, _STATE, (text, "/productOrder/id"))
    assert await snapshot(api.database) == before


async def test_a_request_may_be_for_an_order_as_the_client_knows_it(api: Api) -> None:
    identity = await place(api, "in_progress")
    tag = (await api.get(f"{ORDERS}/{identity}")).headers["etag"]
    before = await snapshot(api.database)
    response = await api.post(CANCEL, asking(identity), headers={"If-Match": '"1-1"'})
    text = f"The order was changed since: its entity tag is {tag[1:-1]}"
    assert response.status_code == 412
    assert response.json() == error(26, "Invalid header value", (text, ""))
    response = await api.post(CANCEL, asking(identity), headers={"If-Match": "now"})
    text = 'If-Match must be * or entity tags like "1-1700000000000"'
    assert response.status_code == 400
    assert response.json() == error(26, "Invalid header value", (text, ""))
    assert await snapshot(api.database) == before
    response = await api.post(CANCEL, asking(identity), headers={"If-Match": tag})
    assert response.status_code == 200
    assert response.headers["etag"] != tag


async def test_no_face_shows_where_an_order_was_before(api: Api) -> None:
    identity = await place(api, "in_progress")
    await api.post(CANCEL, asking(identity))
    shown = await api.get(f"{ORDERS}/{identity}")
    assert shown.json()["state"] == "assessing_cancellation"
    assert "before" not in shown.text.lower()


async def test_a_queued_order_is_yet_to_be_created(api: Api, keeper: CatalogKeeper) -> None:
    queued = await api.post(f"{ORDERS}?mode=async", payloads.order(externalId="PO-1"))
    for identity in (queued.json()["orderId"], "PO-1"):
        response = await api.post(CANCEL, asking(identity))
        assert response.status_code == 400
        text = "This order is yet to be created in customer order table"
        assert response.json() == error(24, "Invalid body field", (text, ""))
    await make_processor(api.database, keeper).drain_batch()
    response = await api.post(CANCEL, asking("PO-1"))
    text = "Cannot cancel the order in state: New"
    assert response.json() == error(1, _STATE, (text, "/productOrder/id"))


async def test_a_new_order_is_canceled_where_the_setting_says_so(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with running_api(demo_database, demo_url, servers.redis_url, edit_new_orders=True) as api:
        identity = await place(api, "new")
        assert (await api.post(CANCEL, asking(identity))).json()["state"] == "done"
        assert (await api.get(f"{ORDERS}/{identity}")).json()["state"] == "canceled"


async def test_only_json_is_taken(api: Api) -> None:
    response = await api.post(CANCEL, b"{}", headers={"Content-Type": "text/plain"})
    assert response.status_code == 400
    text = "Content-Type must be application/json"
    assert response.json() == error(26, "Invalid header value", (text, ""))


@pytest.mark.parametrize("role", list(Role))
async def test_only_who_places_orders_may_ask(role: Role, api: Api) -> None:
    identity = await place(api, "in_progress")
    before = await snapshot(api.database)
    response = await api.post(CANCEL, asking(identity), role)
    if role in {Role.ORDER_INTEGRATOR, Role.ADMIN}:
        assert response.status_code == 200
        return
    assert response.status_code == 403
    text = "This needs one of the roles: admin, order_integrator"
    assert response.json() == error(50, "Access denied", (text, ""))
    assert await snapshot(api.database) == before


async def test_strangers_are_asked_who_they_are(api: Api) -> None:
    for auth in (None, ("order_integrator", "wrong"), ("nobody", PASSWORD)):
        response = await api.http.request("POST", CANCEL, auth=auth)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Basic ")
