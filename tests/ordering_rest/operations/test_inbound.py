"""The endpoints of the inbound queue: pages of requests, single ones, and orders on demand."""

from typing import Any, cast
from uuid import UUID

import pytest

from ordering.access.roles import Role
from ordering.catalog.snapshot import CatalogKeeper
from ordering.domain.ids import new_id, show_id
from ordering_rest.cursors import show_cursor
from support import payloads
from support.api import ORDERS, Api
from support.contract import load_contract
from support.placed import snapshot
from support.queue import make_processor, put
from support.queued import queued

REQUESTS = "/api/ordering/v1/inboundRequest"
OPERATOR = Role.INBOUND_QUEUE_ADMIN
MOMENTS = ("createdAt", "updatedAt", "endedAt", "at", "leaseExpiresAt", "claimedAt", "dueAt")


def problem(title: str, status: int, *details: str, **members: Any) -> dict[str, Any]:
    """Build problem details about query parameters, which have no pointers."""
    errors = [{"detail": detail, "pointer": ""} for detail in details or (title,)]
    return {"title": title, "status": status, "errors": errors, **members}


def timeless(value: Any) -> Any:
    """Replace the moments, having held them against the contract's form."""
    if isinstance(value, list):
        return [timeless(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    shown = cast("dict[str, Any]", value)
    for name in shown.keys() & set(MOMENTS):
        assert load_contract().accepts("DateTime", shown[name])
    return {name: "a moment" if name in MOMENTS else timeless(shown[name]) for name in shown}


async def listed(api: Api, **query: Any) -> list[str]:
    response = await api.get(REQUESTS, OPERATOR, **query)
    assert response.status_code == 200, response.text
    return [each["id"] for each in response.json()["items"]]


# -- one request -----------------------------------------------------------------------------------
async def test_a_queued_order_can_be_followed_to_its_end(api: Api, keeper: CatalogKeeper) -> None:
    body = payloads.order(externalId="PO-1", externalSystem="CPQ")
    identity = (await api.post(f"{ORDERS}?mode=async", body)).json()["orderId"]
    queued_now = {
        "id": identity,
        "href": f"{REQUESTS}/{identity}",
        "number": 1,
        "resource": "productOrder",
        "referenceTable": "customer_order",
        "state": "new",
        "statusCode": 202,
        "externalId": "PO-1",
        "externalSystem": "CPQ",
        "account": {"id": payloads.ACCOUNT.replace("-", "")},
        "initiatedBy": "order_integrator",
        "priority": 0,
        "runInBackground": True,
        "attempts": 0,
        "createdAt": "a moment",
        "updatedAt": "a moment",
        "payloadBytes": len(payloads.to_json(body)),
    }
    for path in (identity, "PO-1"):
        response = await api.get(f"{REQUESTS}/{path}")
        assert response.status_code == 200
        assert timeless(response.json()) == queued_now
    await make_processor(api.database, keeper).drain_batch()
    done = (await api.get(f"{REQUESTS}/{identity}", OPERATOR)).json()
    assert timeless(done) == queued_now | {
        "state": "completed",
        "status": "success",
        "statusCode": 201,
        "order": {"id": identity, "href": f"{ORDERS}/{identity}"},
        "attempts": 1,
        "systemId": "tester",
        "claimedAt": "a moment",
        "endedAt": "a moment",
    }
    assert (await api.get(done["order"]["href"])).status_code == 200


async def test_a_failed_one_tells_its_problems(api: Api, keeper: CatalogKeeper) -> None:
    (identity,) = await put(api.database, payloads.removed(payloads.order(), "/relatedParty"))
    await make_processor(api.database, keeper).drain_batch()
    text = "Invalid payload: relatedParty is missing"
    shown = timeless((await api.get(f"{REQUESTS}/{show_id(identity)}", OPERATOR)).json())
    told = {name: shown[name] for name in ("state", "status", "statusCode", "errorMessage")}
    assert told == {
        "state": "error",
        "status": "failure",
        "statusCode": 400,
        "errorMessage": text,
    }
    assert (shown["problemCount"], "order" in shown) == (1, False)
    assert shown["problems"] == [{"message": text, "pointer": "/relatedParty", "code": 23}]
    assert shown["attemptHistory"] == [
        {"attempt": 1, "at": "a moment", "systemId": "tester", "error": text}
    ]


async def test_who_may_only_read_is_told_what_happened_but_not_by_whom(
    api: Api, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(api.database, payloads.removed(payloads.order(), "/relatedParty"))
    await make_processor(api.database, keeper).drain_batch()
    only = {"filter": {"id": show_id(identity)}}
    for operation in ("redrive", "cancel"):
        await api.post(f"{REQUESTS}/{operation}", only, OPERATOR)
    path = f"{REQUESTS}/{show_id(identity)}"
    shown = timeless((await api.get(path, Role.ORDER_VIEWER)).json())
    text = "canceled by an operator"
    assert "systemId" not in shown
    assert shown["errorMessage"] == text
    assert shown["problems"] == [{"message": text, "pointer": "", "code": 1}]
    assert shown["attemptHistory"] == [
        {"attempt": 1, "at": "a moment"},
        {"attempt": 1, "at": "a moment", "event": "redriven"},
        {"attempt": 0, "at": "a moment", "event": "canceled"},
    ]
    told = timeless((await api.get(path, OPERATOR)).json())["attemptHistory"]
    assert [each.get("by") for each in told] == [None, "inbound_queue_admin", "inbound_queue_admin"]


async def test_every_field_has_a_name(api: Api) -> None:
    predecessor = new_id()
    identity = await queued(
        api.database,
        "in_progress",
        contact_id=UUID(payloads.CONTACT),
        consumer_id=UUID(payloads.CONSUMER),
        execute_after=predecessor,
        requested_flow="flow",
        request_configuration="configuration",
        source_table="quote",
        source_record_ids='["1"]',
        domain="global",
        job_id="job",
        inventory_ids='["2"]',
        response_payload='{"a": 1}',
    )
    shown = (await api.get(f"{REQUESTS}/{show_id(identity)}", OPERATOR)).json()
    expected = {
        "contact": {"id": payloads.CONTACT.replace("-", "")},
        "consumer": {"id": payloads.CONSUMER.replace("-", "")},
        "executeAfter": {"id": show_id(predecessor)},
        "requestedFlow": "flow",
        "requestConfiguration": "configuration",
        "sourceTable": "quote",
        "sourceRecordIds": ["1"],
        "domain": "global",
        "jobId": "job",
        "inventoryIds": ["2"],
        "responsePayload": {"a": 1},
    }
    assert {name: shown[name] for name in expected} == expected
    assert load_contract().accepts("DateTime", shown["leaseExpiresAt"])


async def test_what_is_not_there_is_not_found(api: Api) -> None:
    for text in ("PO-1", show_id(new_id())):
        response = await api.get(f"{REQUESTS}/{text}")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
        title = "No request of the inbound queue has this id or externalId"
        assert response.json() == problem(title, 404)


async def test_the_payload_comes_as_it_was_sent_where_it_is_asked_for(api: Api) -> None:
    (identity,) = await put(api.database, b'{"a" :\n 1.0}')
    path = f"{REQUESTS}/{show_id(identity)}"
    assert (await api.get(path, OPERATOR, payload="true")).json()["payload"] == '{"a" :\n 1.0}'
    page = (await api.get(REQUESTS, OPERATOR, payload="true")).json()
    assert [each["payload"] for each in page["items"]] == ['{"a" :\n 1.0}']
    for response in (
        await api.get(path, OPERATOR),
        await api.get(path, OPERATOR, payload="false"),
        await api.get(REQUESTS, OPERATOR),
    ):
        assert '"payload"' not in response.text
    response = await api.get(path, OPERATOR, payload="yes")
    assert response.status_code == 400
    assert response.json() == problem("payload is none of false, true", 400)


# -- pages -----------------------------------------------------------------------------------------
async def test_pages_are_linked_and_keep_what_was_asked(api: Api) -> None:
    ids = [await queued(api.database, external_id="a b&c") for _ in range(5)]
    await queued(api.database, external_id="PO-2")
    for sort, expected in (("oldest", ids), ("newest", ids[::-1])):
        path: str | None = f"{REQUESTS}?externalId=a+b%26c&limit=2&sort={sort}"
        pages: list[list[str]] = []
        while path is not None:
            response = await api.get(path, OPERATOR)
            body = response.json()
            path = body.get("next")
            link = None if path is None else f'<{path}>; rel="next"'
            assert response.headers.get("link") == link
            pages.append([each["id"] for each in body["items"]])
        shown = [show_id(each) for each in expected]
        assert pages == [shown[:2], shown[2:4], shown[4:]]


async def test_a_link_that_is_too_long_for_a_header_is_in_the_body_alone(api: Api) -> None:
    external_id = "x" * 5000
    for _ in range(2):
        await queued(api.database, external_id=external_id)
    response = await api.get(REQUESTS, OPERATOR, limit=1, externalId=external_id)
    assert "link" not in response.headers
    assert (await api.get(response.json()["next"], OPERATOR)).json().keys() == {"items"}


async def test_the_newest_come_first_and_twenty_of_them(api: Api) -> None:
    ids = await put(api.database, *[payloads.order()] * 21)
    assert await listed(api) == [show_id(each) for each in ids[:0:-1]]
    assert len(await listed(api, limit=100)) == 21


async def test_an_empty_page_is_a_page(api: Api) -> None:
    response = await api.get(REQUESTS, OPERATOR, state="error")
    assert (response.status_code, response.json()) == (200, {"items": []})


async def test_the_query_filters(api: Api) -> None:
    new = show_id(await queued(api.database, external_id="PO-1"))
    account = UUID(payloads.ACCOUNT)
    old = show_id(await queued(api.database, "completed", age="2 h", account_id=account))
    cases: list[tuple[dict[str, str], list[str]]] = [
        ({"state": "new"}, [new]),
        ({"status": "success"}, [old]),
        ({"externalId": "PO-1"}, [new]),
        ({"account": payloads.ACCOUNT.replace("-", "")}, [old]),
        ({"olderThan": "PT1H"}, [old]),
        ({"youngerThan": "3600"}, [new]),
        ({"id": new}, [new]),
        ({"state": "new", "olderThan": "PT1H"}, []),
        ({"sort": "oldest"}, [new, old]),
    ]
    for query, expected in cases:
        assert await listed(api, **query) == expected


async def test_everything_that_is_wrong_with_a_query_is_told(api: Api) -> None:
    query = {
        "state": "News",
        "olderThan": "long",
        "limit": "101",
        "sort": "up",
        "payload": "1",
        "cursor": "x",
    }
    response = await api.get(REQUESTS, OPERATOR, **query)
    texts = (
        "state is none of new, in_progress, pending, completed, error",
        "olderThan must be a duration like P1DT12H, or seconds; at most 100 years",
        "sort is none of newest, oldest",
        "payload is none of false, true",
        "limit must be a whole number from 1 to 100",
        "cursor is none that this list gave",
    )
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == problem("; ".join(texts[:3]), 400, *texts)
    assert (await api.get(REQUESTS, OPERATOR, cursor=show_cursor(1))).status_code == 200


async def test_a_parameter_that_would_be_passed_over_is_refused(api: Api) -> None:
    response = await api.get(f"{REQUESTS}?state=new&state=error&stat=error", OPERATOR)
    known = "id, state, status, olderThan, youngerThan, externalId, account"
    texts = (
        f"stat is none of the parameters {known}, sort, limit, cursor, payload",
        "state is there more than once",
    )
    assert response.status_code == 400
    assert response.json() == problem("; ".join(texts), 400, *texts)


# -- an order on demand ----------------------------------------------------------------------------
async def test_an_order_on_demand_is_answered_with_the_request(
    api: Api, keeper: CatalogKeeper
) -> None:
    identity = show_id(await queued(api.database, "error", external_id="PO-1", attempts=5))
    response = await api.post(f"{REQUESTS}/PO-1/createOrder", b"", OPERATOR)
    assert response.status_code == 202
    assert response.headers["location"] == f"{REQUESTS}/{identity}"
    shown = response.json()
    assert (shown["id"], shown["state"], shown["priority"], shown["attempts"]) == (
        identity,
        "new",
        32767,
        0,
    )
    assert timeless(shown["attemptHistory"]) == [
        {"attempt": 5, "at": "a moment", "event": "redriven", "by": "inbound_queue_admin"}
    ]
    await make_processor(api.database, keeper).drain_batch()
    assert (await api.get(f"{ORDERS}/{identity}")).json()["id"] == identity


@pytest.mark.parametrize("state", ["pending", "in_progress", "completed"])
async def test_a_state_that_allows_no_order_on_demand_is_told(api: Api, state: str) -> None:
    identity = show_id(await queued(api.database, state))
    before = await snapshot(api.database)
    response = await api.post(f"{REQUESTS}/{identity}/createOrder", b"", OPERATOR)
    assert response.status_code == 409
    title = f"A request in state {state} cannot be made an order on demand"
    assert response.json() == problem(title, 409, allowedActions=[])
    assert await snapshot(api.database) == before


async def test_an_order_on_demand_of_nothing_is_not_found(api: Api) -> None:
    response = await api.post(f"{REQUESTS}/PO-1/createOrder", b"", OPERATOR)
    assert response.status_code == 404
