"""`POST order/productOrder`: created, queued, refused."""

from typing import Any
from uuid import UUID

import pytest

from ordering.access.roles import Role
from ordering_rest.parity import orders
from support import payloads
from support.api import ORDERS, PASSWORD, Api
from support.queue import make_processor, record, states


def error(code: int, reason: str, *details: tuple[str, str]) -> dict[str, Any]:
    return {
        "code": code,
        "reason": reason,
        "message": reason,
        "details": [{"message": message, "datapath": pointer} for message, pointer in details],
    }


async def test_a_created_order_is_answered_whole_and_found_where_it_says(api: Api) -> None:
    response = await api.post(ORDERS, payloads.order(externalId="PO-1"))
    assert response.status_code == 201
    order = response.json()
    assert response.headers["location"] == order["href"] == f"{ORDERS}/{order['id']}"
    assert response.headers["content-type"] == "application/json"
    assert (order["state"], order["version"], order["ponr"]) == ("new", "1", "false")
    assert [item["state"] for item in order["productOrderItem"]] == ["new"]
    assert (await api.get(order["href"])).json() == order
    assert (await api.get(f"{ORDERS}/PO-1")).json() == order


async def test_a_queued_order_is_answered_with_its_id_to_be(api: Api) -> None:
    response = await api.post(f"{ORDERS}?mode=async", payloads.order(externalId="PO-1"))
    assert response.status_code == 202
    assert list(response.json()) == ["orderId"]
    path = f"{ORDERS}/{response.json()['orderId']}"
    assert response.headers["location"] == path
    assert response.headers["retry-after"] == "1"
    queued = await api.get(path)
    assert queued.status_code == 200
    assert queued.headers["retry-after"] == "1"
    assert queued.json() == error(
        102,
        "Request in queue",
        ("This Order is still in the inbound queue table waiting to be processed.", ""),
    )
    await make_processor(api.database, api.services.keeper).drain_batch()
    created = (await api.get(path)).json()
    assert created["id"] == response.json()["orderId"]
    assert created["externalId"] == "PO-1"


async def test_a_failed_request_answers_its_problems(api: Api) -> None:
    response = await api.post(f"{ORDERS}?mode=async", payloads.order())
    identity = response.json()["orderId"]
    async with api.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET payload = replace(payload, 'relatedParty', 'relatedPart')"
        )
    await make_processor(api.database, api.services.keeper).drain_batch()
    assert (await record(api.database, UUID(identity)))["state"] == "error"
    answer = await api.get(f"{ORDERS}/{identity}")
    assert answer.status_code == 200
    assert answer.json() == error(
        23, "Missing body field", ("Invalid payload: relatedParty is missing", "/relatedParty")
    )


async def test_an_order_created_between_the_two_looks_is_found(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    response = await api.post(f"{ORDERS}?mode=async", payloads.order())
    find_request = orders.find_request

    async def drain_first(*args: Any) -> Any:
        await make_processor(api.database, api.services.keeper).drain_batch()
        return await find_request(*args)

    monkeypatch.setattr(orders, "find_request", drain_first)
    answer = await api.get(f"{ORDERS}/{response.json()['orderId']}")
    assert answer.json()["state"] == "new"


async def test_fifty_problems_are_all_told_and_nothing_is_written(api: Api) -> None:
    items = [payloads.item(str(number), action="explode") for number in range(50)]
    for path in (ORDERS, f"{ORDERS}?mode=async"):
        response = await api.post(path, payloads.order(items=items))
        assert response.status_code == 400
        body = response.json()
        assert (body["code"], body["reason"]) == (24, "Invalid body field")
        assert [detail["datapath"] for detail in body["details"]] == [
            f"/productOrderItem/{number}/action" for number in range(50)
        ]
    assert await api.count("customer_order") == 0
    assert await states(api.database) == {}


async def test_more_than_five_hundred_problems_are_counted(api: Api) -> None:
    items = [payloads.item(str(number), action="explode") for number in range(600)]
    details = (await api.post(ORDERS, payloads.order(items=items))).json()["details"]
    assert len(details) == 501
    assert details[-1] == {"message": "and 100 more problems", "datapath": ""}


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", 21, "Invalid payload: Request body missing"),
        (b" \n", 21, "Invalid payload: Request body missing"),
        (b"null", 21, "Invalid payload: Request body missing"),
        (b"[]", 22, "Expected an object"),
        (b"{", 22, "Input data was truncated"),
        (b'"\xff"', 22, "The body is not UTF-8: invalid start byte"),
        (b"[" * 200_000, 22, "The JSON is nested deeper than 64 levels"),
    ],
)
async def test_what_is_no_order_is_refused(api: Api, body: bytes, code: int, message: str) -> None:
    response = await api.post(ORDERS, body)
    assert response.status_code == 400
    assert response.json()["code"] == code
    assert [detail["message"] for detail in response.json()["details"]] == [message]
    assert await api.count("customer_order") == 0


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_only_json_is_taken(api: Api, content_type: str) -> None:
    response = await api.post(ORDERS, payloads.order(), headers={"Content-Type": content_type})
    assert response.status_code == 400
    assert response.json() == error(
        26, "Invalid header value", ("Content-Type must be application/json", "")
    )


async def test_a_charset_may_be_named(api: Api) -> None:
    response = await api.post(
        ORDERS, payloads.order(), headers={"Content-Type": "Application/JSON; charset=utf-8"}
    )
    assert response.status_code == 201


@pytest.mark.parametrize("mode", ["sync", "ASYNC", ""])
async def test_an_unknown_mode_is_refused(api: Api, mode: str) -> None:
    response = await api.post(f"{ORDERS}?mode={mode}", payloads.order())
    assert response.status_code == 400
    assert response.json() == error(
        28, "Invalid query-string parameter value", ("mode must be async, or absent", "")
    )


async def test_a_body_over_the_limit_is_refused_unread(api: Api) -> None:
    response = await api.post(ORDERS, b"x" * 50_000_000)
    assert response.status_code == 413
    assert response.json() == error(
        22, "Invalid body", ("Request body is larger than 16777216 bytes", "")
    )


async def test_a_wrong_order_is_told_by_a_pointer(api: Api) -> None:
    body = payloads.changed(payloads.order(), "/productOrderItem/0/quantity", "many")
    response = await api.post(ORDERS, body)
    assert response.json() == error(
        24,
        "Invalid body field",
        ('Expected a number, or a string like "20.50"', "/productOrderItem/0/quantity"),
    )


PLACES = {Role.ORDER_INTEGRATOR, Role.ADMIN}
READS = {Role.ORDER_INTEGRATOR, Role.ORDER_VIEWER, Role.ORDER_FULFILMENT, Role.ADMIN}


@pytest.mark.parametrize("role", list(Role))
async def test_roles_decide_who_may(api: Api, role: Role) -> None:
    placed = (await api.post(ORDERS, payloads.order())).json()["id"]
    for path, status in ((ORDERS, 201), (f"{ORDERS}?mode=async", 202)):
        response = await api.post(path, payloads.order(), role)
        assert response.status_code == (status if role in PLACES else 403)
    for path in (f"{ORDERS}/{placed}", ORDERS):
        response = await api.get(path, role)
        assert response.status_code == (200 if role in READS else 403)
    response = await api.post("/graphql", {"query": "{ __typename }"}, role)
    assert response.status_code == (200 if role in {*READS, Role.INBOUND_QUEUE_ADMIN} else 403)
    assert await api.count("customer_order") == (2 if role in PLACES else 1)
    assert await api.count("inbound_request") == (1 if role in PLACES else 0)


async def test_a_lacking_role_is_told_which_would_do(api: Api) -> None:
    response = await api.post(ORDERS, b"never read", Role.ORDER_VIEWER)
    assert response.status_code == 403
    assert response.json() == error(
        50, "Access denied", ("This needs one of the roles: admin, order_integrator", "")
    )


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", [ORDERS, f"{ORDERS}/x", "/graphql"])
async def test_strangers_are_asked_who_they_are(api: Api, method: str, path: str) -> None:
    if (method, path) in {("POST", f"{ORDERS}/x"), ("GET", "/graphql")}:
        return
    for auth in (None, ("order_integrator", "wrong"), ("nobody", PASSWORD)):
        response = await api.http.request(method, path, auth=auth)
        assert response.status_code == 401
        assert response.headers["www-authenticate"].startswith("Basic ")
