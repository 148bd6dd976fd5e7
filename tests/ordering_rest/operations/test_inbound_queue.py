"""The endpoints of the whole queue: redrive, cancel, pause, resume, figures; and who may."""

from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering.domain.ids import show_id
from ordering_rest.operations.inbound import QUEUE_PATH as QUEUE
from ordering_rest.operations.inbound_view import REQUESTS_PATH as REQUESTS
from support import payloads
from support.api import PASSWORD, Api
from support.placed import snapshot
from support.queue import record, states
from support.queued import queued

OPERATOR = Role.INBOUND_QUEUE_ADMIN
OPERATORS = {Role.INBOUND_QUEUE_ADMIN, Role.ADMIN}
READERS = OPERATORS | {Role.ORDER_INTEGRATOR, Role.ORDER_VIEWER}

#: Each changing request, on a queue with one record in error (PO-1) and one that is new (PO-2).
CHANGES: dict[str, object] = {
    f"{REQUESTS}/PO-1/createOrder": {},
    f"{REQUESTS}/PO-2/createOrder": {},
    f"{REQUESTS}/redrive": {"filter": {"externalId": "PO-1"}},
    f"{REQUESTS}/cancel": {"filter": {"externalId": "PO-2"}},
    f"{QUEUE}/pause": {},
    f"{QUEUE}/resume": {},
}

READS = [REQUESTS, f"{REQUESTS}/PO-1", QUEUE]


async def post(api: Api, path: str, body: object = b"", role: Role = OPERATOR) -> httpx.Response:
    return await api.post(path, body, role)


def problems(response: httpx.Response) -> list[tuple[str, str]]:
    assert response.headers["content-type"] == "application/problem+json"
    return [(each["pointer"], each["detail"]) for each in response.json()["errors"]]


# -- bulk ------------------------------------------------------------------------------------------
async def test_a_redrive_answers_how_many(api: Api) -> None:
    for external_id in ("PO-1", "PO-1", "PO-2"):
        await queued(api.database, "error", external_id=external_id)
    response = await post(api, f"{REQUESTS}/redrive", {"filter": {"externalId": "PO-1"}})
    assert (response.status_code, response.json()) == (200, {"redriven": 2})
    assert await states(api.database) == {"new": 2, "error": 1}


async def test_a_cancellation_answers_how_many_and_tells_who(api: Api) -> None:
    identity = await queued(api.database, age="2 d")
    await queued(api.database, "pending", age="2 d")
    await queued(api.database)
    response = await post(api, f"{REQUESTS}/cancel", {"filter": {"olderThan": "P1D"}})
    assert (response.status_code, response.json()) == (200, {"canceled": 2})
    assert await states(api.database) == {"new": 1, "error": 2}
    found = await record(api.database, identity)
    assert found["error_message"] == "canceled by an operator"


@pytest.mark.parametrize("operation", ["redrive", "cancel"])
async def test_a_bulk_operation_must_say_what_is_meant(api: Api, operation: str) -> None:
    await queued(api.database)
    await queued(api.database, "error")
    before = await snapshot(api.database)
    path = f"{REQUESTS}/{operation}"
    cases: list[tuple[object, list[str]]] = [
        (b"", [""]),
        (b"{", [""]),
        ({}, ["/filter"]),
        ({"filter": {}}, ["/filter"]),
        ({"filter": {"state": "completed", "older": "P1D"}}, ["/filter/older", "/filter/state"]),
        ({"filter": {"id": "1", "status": "x"}}, ["/filter/id", "/filter/status"]),
    ]
    for body, pointers in cases:
        response = await post(api, path, body)
        assert response.status_code == 400
        assert [pointer for pointer, _ in problems(response)] == pointers
    response = await api.post(path, {"filter": {}}, OPERATOR, {"Content-Type": "text/plain"})
    assert problems(response) == [("", "Content-Type must be application/json")]
    assert await snapshot(api.database) == before


# -- the queue -------------------------------------------------------------------------------------
NOTHING = {"new": 0, "in_progress": 0, "pending": 0, "completed": 0, "error": 0}


async def test_the_queue_is_counted(api: Api) -> None:
    empty = {"states": NOTHING, "total": 0, "paused": False, "windowOpen": True}
    assert (await api.get(QUEUE, OPERATOR)).json() == empty
    await queued(api.database, age="1 h")
    await queued(api.database, "error")
    shown = (await api.get(QUEUE, OPERATOR)).json()
    age = shown.pop("oldestNewAgeMs")
    assert shown == empty | {"states": NOTHING | {"new": 1, "error": 1}, "total": 2}
    assert 3_600_000 <= age < 3_700_000


async def test_a_pause_tells_who_and_since_when_and_accepting_goes_on(api: Api) -> None:
    paused = await post(api, f"{QUEUE}/pause")
    shown = paused.json()
    assert paused.status_code == 200
    assert (shown["paused"], shown["pausedBy"]) == (True, "inbound_queue_admin")
    told = (await api.get(QUEUE, Role.ORDER_VIEWER)).json()
    assert shown.keys() - told.keys() == {"pausedBy"}
    assert (await api.get(QUEUE, OPERATOR)).json() == shown
    assert (await post(api, f"{QUEUE}/pause", role=Role.ADMIN)).json() == shown
    orders = "/api/sn_ind_tmt_orm/order/productOrder?mode=async"
    assert (await api.post(orders, payloads.order())).status_code == 202
    resumed = await post(api, f"{QUEUE}/resume")
    assert resumed.status_code == 200
    assert resumed.json().keys() == {"states", "total", "oldestNewAgeMs", "paused", "windowOpen"}
    assert resumed.json()["paused"] is False


# -- roles -----------------------------------------------------------------------------------------
@pytest.fixture
async def filled(api: Api) -> Api:
    await queued(api.database, "error", external_id="PO-1")
    await queued(api.database, external_id="PO-2")
    return api


@pytest.mark.parametrize("path", list(CHANGES))
@pytest.mark.parametrize("role", list(Role))
async def test_only_operators_change_anything(filled: Api, role: Role, path: str) -> None:
    before = await snapshot(filled.database)
    response = await post(filled, path, CHANGES[path], role)
    if role in OPERATORS:
        assert response.status_code in (200, 202)
        assert await snapshot(filled.database) != before
        return
    assert response.status_code == 403
    text = "This needs one of the roles: admin, inbound_queue_admin"
    assert response.json() == {
        "title": text,
        "status": 403,
        "errors": [{"detail": text, "pointer": ""}],
    }
    assert await snapshot(filled.database) == before


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("role", list(Role))
async def test_only_some_read_the_queue(filled: Api, role: Role, path: str) -> None:
    response = await filled.get(path, role)
    if role in READERS:
        assert response.status_code == 200
        return
    assert response.status_code == 403
    text = "This needs one of the roles: admin, inbound_queue_admin, order_integrator, order_viewer"
    assert response.json()["errors"] == [{"detail": text, "pointer": ""}]
    assert "PO-1" not in response.text


@pytest.mark.parametrize("role", sorted(READERS))
async def test_only_operators_see_payloads_flows_and_inner_reasons(api: Api, role: Role) -> None:
    identity = await queued(
        api.database,
        "error",
        error='[{"message": "told", "pointer": "", "code": 1}]',
        error_message="InnerError",
        requested_flow="secret flow",
        response_payload='"secret answer"',
        attempt_history='[{"attempt": 1, "at": "2026-01-01T00:00:00Z", "error": "InnerError"}]',
    )
    operator = role in OPERATORS
    for path in (f"{REQUESTS}/{show_id(identity)}", REQUESTS):
        text = (await api.get(path, role)).text
        assert '"told"' in text
        for secret in ("secret flow", "secret answer", "InnerError"):
            assert (secret in text) is operator
        response = await api.get(path, role, payload="true")
        assert response.status_code == (200 if operator else 403)
        assert ("productOrderItem" in response.text) is operator


@pytest.mark.parametrize("path", [*READS, *CHANGES])
async def test_strangers_are_asked_who_they_are(filled: Api, path: str) -> None:
    before = await snapshot(filled.database)
    method = "GET" if path in READS else "POST"
    for auth in (None, ("inbound_queue_admin", "wrong"), ("nobody", PASSWORD)):
        response: Any = await filled.http.request(method, path, auth=auth, json=CHANGES.get(path))
        assert response.status_code == 401
        assert "PO-1" not in response.text
    assert await snapshot(filled.database) == before
