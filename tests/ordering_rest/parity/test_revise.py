"""`PATCH order/productOrder/{id}` and its deprecated twin: who may, what is asked and answered.

What a revision may change is tested with the use case.
"""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import DEPRECATED, ORDERS, Api, running_api

CHANGE = {"note": [payloads.note("call later")]}
PATHS = [ORDERS, DEPRECATED]


@pytest.fixture
async def api(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Api]:
    """The application, where new orders may be revised."""
    async with running_api(
        demo_database, demo_url, servers.redis_url, edit_new_orders=True
    ) as started:
        yield started


async def place(api: Api, **members: Any) -> tuple[str, str]:
    """Place an order; returns its id and its entity tag."""
    response = await api.post(ORDERS, payloads.order(externalId="PO-1", **members))
    return response.json()["id"], response.headers["etag"]


async def versions(api: Api) -> list[str]:
    orders = await api.get(ORDERS)
    return [order["version"] for order in orders.json()]


@pytest.mark.parametrize("path", PATHS)
async def test_a_revised_order_is_answered_whole_with_its_new_tag(api: Api, path: str) -> None:
    identity, tag = await place(api)
    response = await api.patch(f"{path}/{identity}", CHANGE)
    assert response.status_code == 201
    assert "location" not in response.headers
    order = response.json()
    assert (order["id"], order["version"]) == (identity, "2")
    assert [note["text"] for note in order["note"]] == ["call later"]
    shown = await api.get(f"{path}/{identity}")
    assert shown.json() == order
    assert shown.headers["etag"] == response.headers["etag"] != tag


async def test_the_deprecated_answer_has_fewer_attributes(api: Api) -> None:
    identity, _ = await place(api)
    new = (await api.patch(f"{ORDERS}/{identity}", CHANGE)).json()
    old = (await api.patch(f"{DEPRECATED}/{identity}", CHANGE)).json()
    assert set(new) - set(old) == {"href", "orderCurrency"}
    assert set(old) - set(new) == set()


@pytest.mark.parametrize("path", PATHS)
async def test_an_order_is_revised_by_its_external_id(api: Api, path: str) -> None:
    identity, _ = await place(api)
    assert (await api.patch(f"{path}/PO-1", CHANGE)).json()["id"] == identity


@pytest.mark.parametrize("path", PATHS)
async def test_a_tag_lets_only_the_order_be_revised_that_was_read(api: Api, path: str) -> None:
    identity, tag = await place(api)
    first = await api.patch(f"{path}/{identity}", CHANGE, headers={"If-Match": tag})
    assert first.status_code == 201
    second = await api.patch(f"{path}/{identity}", CHANGE, headers={"If-Match": tag})
    assert second.status_code == 412
    now = first.headers["etag"].strip('"')
    assert second.json() == {
        "code": 26,
        "reason": "Invalid header value",
        "message": "Invalid header value",
        "details": [
            {
                "message": f"The order was changed since: its entity tag is {now}",
                "datapath": "",
            }
        ],
    }
    assert await versions(api) == ["2"]
    either = {"If-Match": f'{tag}, "{now}"'}
    assert (await api.patch(f"{path}/{identity}", CHANGE, headers=either)).status_code == 201
    assert (
        await api.patch(f"{path}/{identity}", CHANGE, headers={"If-Match": "*"})
    ).status_code == 201
    assert await versions(api) == ["4"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("headers", "body", "code", "message"),
    [
        ({"Content-Type": "text/plain"}, CHANGE, 26, "Content-Type must be application/json"),
        (
            {"If-Match": "1-1700000000000"},
            CHANGE,
            26,
            'If-Match must be * or entity tags like "1-1700000000000"',
        ),
        ({}, b"", 21, "Invalid payload: Request body missing"),
        ({}, b"[]", 22, "Expected an object"),
    ],
)
async def test_a_wrong_request_changes_nothing(
    api: Api, path: str, headers: dict[str, str], body: object, code: int, message: str
) -> None:
    identity, _ = await place(api)
    response = await api.patch(f"{path}/{identity}", body, headers=headers)
    assert response.status_code == 400
    assert response.json()["code"] == code
    assert [detail["message"] for detail in response.json()["details"]] == [message]
    assert "etag" not in response.headers
    assert await versions(api) == ["1"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("text", ["nothing", payloads.UNKNOWN_ID, "a%00b", "a%2Fb"])
async def test_an_unknown_order_is_404(api: Api, path: str, text: str) -> None:
    response = await api.patch(f"{path}/{text}", CHANGE)
    assert response.status_code == 404
    assert response.json()["code"] == 60


PLACES = {Role.ORDER_INTEGRATOR, Role.ADMIN}


@pytest.mark.parametrize("role", list(Role))
async def test_roles_decide_who_may(api: Api, role: Role) -> None:
    identity, _ = await place(api)
    for path in PATHS:
        response = await api.patch(f"{path}/{identity}", CHANGE, role)
        assert response.status_code == (201 if role in PLACES else 403)
    assert await versions(api) == (["3"] if role in PLACES else ["1"])


async def test_strangers_are_asked_who_they_are(api: Api) -> None:
    identity, _ = await place(api)
    for path in PATHS:
        response = await api.http.patch(f"{path}/{identity}", json=CHANGE)
        assert response.status_code == 401
    assert await versions(api) == ["1"]
