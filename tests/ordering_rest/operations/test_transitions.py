"""The endpoint of transitions: what it answers, whom it lets in, how it refuses."""

from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering.domain.actions import Action
from support import payloads
from support.api import ORDERS, PASSWORD, Api
from support.installed import installed
from support.placed import snapshot

MOVES = {Role.ORDER_FULFILMENT, Role.ADMIN}
ANYWHERE = "/api/ordering/v1/productOrder/{}/transition"


async def place(api: Api, *items: payloads.Payload, **members: Any) -> str:
    response = await api.post(ORDERS, payloads.order(items=items or None, **members))
    assert response.status_code == 201, response.text
    return response.json()["id"]


async def move(
    api: Api,
    identity: str,
    body: object,
    role: Role = Role.ORDER_FULFILMENT,
    **headers: str,
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.post(ANYWHERE.format(identity), body, role, named)


def problem(title: str, status: int, *errors: tuple[str, str], **members: Any) -> dict[str, Any]:
    """Build problem details: title, then detail and pointer of each problem."""
    told = [{"detail": detail, "pointer": pointer} for detail, pointer in errors]
    return {"title": title, "status": status, "errors": told, **members}


async def test_a_transition_is_answered_with_what_moved(api: Api) -> None:
    identity = await place(api, payloads.item("1"), payloads.item("2"))
    response = await move(api, identity, {"action": "approve"})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json() == {
        "id": identity,
        "href": f"{ORDERS}/{identity}",
        "state": "acknowledged",
        "version": 1,
        "ponr": False,
        "lineItems": [
            {"id": "1", "state": "acknowledged", "ponr": False},
            {"id": "2", "state": "acknowledged", "ponr": False},
        ],
        "allowedActions": ["start"],
    }
    response = await move(api, identity, {"action": "start", "lineItemIds": ["2"]})
    assert response.json() == {
        "id": identity,
        "href": f"{ORDERS}/{identity}",
        "state": "in_progress",
        "version": 1,
        "ponr": False,
        "lineItems": [{"id": "2", "state": "in_progress", "ponr": False}],
        "allowedActions": ["hold", "await_information", "set_ponr"],
    }


async def test_the_point_of_no_return_is_shown(api: Api) -> None:
    identity = await place(api, payloads.item("1"))
    for action in ("approve", "start"):
        await move(api, identity, {"action": action})
    answer = (await move(api, identity, {"action": "set_ponr"})).json()
    assert (answer["ponr"], answer["lineItems"]) == (
        True,
        [{"id": "1", "state": "in_progress", "ponr": True}],
    )
    shown = (await api.get(f"{ORDERS}/{identity}")).json()
    assert (shown["ponr"], shown["productOrderItem"][0]["ponr"]) == ("true", "true")


async def test_a_completed_order_shows_the_product_that_it_brought_about(api: Api) -> None:
    identity = await place(api)
    for action in ("approve", "start", "complete"):
        await move(api, identity, {"action": action})
    shown = (await api.get(f"{ORDERS}/{identity}")).json()
    product = shown["productOrderItem"][0]["product"]["id"]
    assert (shown["state"], (await installed(api.database, product))["status"]) == (
        "completed",
        "active",
    )
    again = payloads.order(items=[payloads.change_item(inventory=product)])
    assert (await api.post(ORDERS, again)).status_code == 201


async def test_an_order_may_be_named_by_its_external_id(api: Api) -> None:
    identity = await place(api, externalId="PO-1")
    assert (await move(api, "PO-1", {"action": "approve"})).json()["id"] == identity


async def test_what_the_state_does_not_allow_is_told_with_what_it_does(api: Api) -> None:
    identity = await place(api)
    before = await snapshot(api.database)
    response = await move(api, identity, {"action": "start"})
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    text = "The order in state New does not allow start"
    assert response.json() == problem(
        text, 409, (text, "/action"), allowedActions=["approve", "reject"]
    )
    assert await snapshot(api.database) == before


async def test_where_nothing_is_allowed_that_is_said_too(api: Api) -> None:
    identity = await place(api)
    for action in ("approve", "start", "complete"):
        await move(api, identity, {"action": action})
    assert (await move(api, identity, {"action": "hold"})).json()["allowedActions"] == []


async def test_wrong_bodies_are_told(api: Api) -> None:
    identity = await place(api)
    before = await snapshot(api.database)
    response = await move(api, identity, {"action": "explode", "lineItemIds": []})
    assert response.status_code == 400
    texts = (
        f"action is none of {', '.join(Action)}",
        "lineItemIds must be absent, or name line items",
    )
    assert response.json() == problem(
        "; ".join(texts), 400, (texts[0], "/action"), (texts[1], "/lineItemIds")
    )
    response = await move(api, identity, {"action": "start", "lineItemIds": ["7"]})
    text = "The order has no line item 7"
    assert response.json() == problem(text, 400, (text, "/lineItemIds/0"))
    response = await move(api, identity, b"")
    text = "Invalid payload: Request body missing"
    assert response.json() == problem(text, 400, (text, ""))
    assert await snapshot(api.database) == before


async def test_only_json_is_taken(api: Api) -> None:
    identity = await place(api)
    response = await move(api, identity, {"action": "approve"}, Content_Type="text/plain")
    text = "Content-Type must be application/json"
    assert response.status_code == 400
    assert response.json() == problem(text, 400, (text, ""))


async def test_an_order_that_is_not_there_or_still_queued_is_not_found(api: Api) -> None:
    response = await api.post(f"{ORDERS}?mode=async", payloads.order(externalId="PO-1"))
    text = "No order has this id or externalId"
    for identity in ("nothing", "PO-1", response.json()["orderId"]):
        response = await move(api, identity, {"action": "approve"})
        assert response.status_code == 404
        assert response.json() == problem(text, 404, (text, ""))


async def test_a_tag_answers_for_the_order_as_it_was_read(api: Api) -> None:
    identity = await place(api)
    read = (await api.get(f"{ORDERS}/{identity}")).headers["etag"]
    response = await move(api, identity, {"action": "approve"}, If_Match=read)
    now = response.headers["etag"]
    assert response.status_code == 200
    assert now == (await api.get(f"{ORDERS}/{identity}")).headers["etag"] != read
    before = await snapshot(api.database)
    for outdated in (read, f"W/{now}", '"*"'):
        response = await move(api, identity, {"action": "start"}, If_Match=outdated)
        text = f"The order was changed since: its entity tag is {now[1:-1]}"
        assert response.status_code == 412
        assert response.json() == problem(text, 412, (text, ""))
    response = await move(api, identity, {"action": "start"}, If_Match="now")
    text = 'If-Match must be * or entity tags like "1-1700000000000"'
    assert response.status_code == 400
    assert response.json() == problem(text, 400, (text, ""))
    assert await snapshot(api.database) == before
    assert (await move(api, identity, {"action": "start"}, If_Match="*")).status_code == 200


@pytest.mark.parametrize("role", list(Role))
async def test_only_fulfilment_moves_orders(api: Api, role: Role) -> None:
    identity = await place(api)
    before = await snapshot(api.database)
    response = await move(api, identity, {"action": "approve"}, role)
    if role in MOVES:
        assert response.status_code == 200
        return
    text = "This needs one of the roles: admin, order_fulfilment"
    assert response.status_code == 403
    assert response.json() == problem(text, 403, (text, ""))
    assert await snapshot(api.database) == before


async def test_strangers_are_asked_who_they_are(api: Api) -> None:
    for auth in (None, ("order_fulfilment", "wrong"), ("nobody", PASSWORD)):
        response = await api.http.request("POST", ANYWHERE.format("x"), auth=auth)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Basic ")
