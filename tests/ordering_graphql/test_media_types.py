"""The two media types of GraphQL over HTTP: which is chosen, and what its status says."""

from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering_graphql.engine import AnswerTooLargeError, StatementTimeoutError
from support.api import PASSWORD, Api

JSON = "application/json"
STRICT = "application/graphql-response+json"
TYPENAME = "{ __typename }"


async def ask(
    api: Api,
    accept: str | None,
    query: str | None = TYPENAME,
    role: Role = Role.ORDER_VIEWER,
    **members: Any,
) -> httpx.Response:
    sent = {} if query is None else {"query": query}
    headers = {} if accept is None else {"Accept": accept}
    request = api.http.build_request("POST", "/graphql", json=sent | members, headers=headers)
    if accept is None:
        del request.headers["Accept"]
    return await api.http.send(request, auth=(role.value, PASSWORD))


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (STRICT, STRICT),
        (f"{STRICT}; charset=utf-8, {JSON}; charset=utf-8", STRICT),
        (f"{STRICT}, {JSON};q=0.9", STRICT),
        (f"{STRICT};q=0.5, {JSON}", JSON),
        (f"{JSON};q=0.5, */*;q=0.1, {STRICT};q=0.8", STRICT),
        ("text/html", JSON),
        (f"{STRICT};q=inf", JSON),
    ],
)
async def test_the_media_type_is_the_preferred_one(
    api: Api, accept: str | None, chosen: str
) -> None:
    response = await ask(api, accept)
    assert (response.status_code, response.headers["content-type"]) == (200, chosen)
    assert response.json()["data"] == {"__typename": "Query"}


N = "query ($n: Int!) { orders(first: $n) { nodes { id } } }"
ALL_LINES = "{ orders(first: 100) { nodes { lineItems(first: 5000) { nodes { id } } } } }"
WRONG: list[tuple[str | None, dict[str, Any], int, int, str]] = [
    (TYPENAME, {}, 200, 200, ""),
    ("{", {}, 200, 400, "InvalidDocument"),
    ("{ nothing }", {}, 200, 400, "InvalidDocument"),
    (N, {"variables": {"n": "x"}}, 200, 400, "InvalidDocument"),
    (N, {"variables": {"n": 0}}, 200, 400, "InvalidRequest"),
    (TYPENAME, {"operationName": "x"}, 200, 400, "InvalidDocument"),
    (ALL_LINES, {}, 200, 400, "CostExceeded"),
    (None, {"documentId": "x"}, 200, 400, "InvalidDocument"),
    (None, {}, 400, 400, "InvalidRequest"),
    (TYPENAME, {"variables": "x" * 70_000}, 413, 413, "TooLarge"),
]


@pytest.mark.parametrize(("query", "members", "lenient", "strict", "code"), WRONG)
async def test_the_status_is_that_of_the_media_type(
    api: Api, query: str | None, members: dict[str, Any], lenient: int, strict: int, code: str
) -> None:
    for accept, status in ((JSON, lenient), (STRICT, strict)):
        response = await ask(api, accept, query, **members)
        assert (response.status_code, response.headers["content-type"]) == (status, accept)
        body = response.json()
        assert ("data" in body, "errors" in body) == (not code, bool(code))
        assert [each["extensions"]["code"] for each in body.get("errors", ())] == [code] * bool(
            code
        )


async def test_fields_that_are_not_for_everybody_are_403(api: Api) -> None:
    query = "{ inboundRequests { totalCount } }"
    response = await ask(api, STRICT, query, Role.ORDER_FULFILMENT)
    assert response.status_code == 403
    assert (await ask(api, JSON, query, Role.ORDER_FULFILMENT)).status_code == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ZeroDivisionError(), 500),
        (StatementTimeoutError("too long"), 504),
        (AnswerTooLargeError("too large"), 400),
        (ConnectionResetError(), 503),
    ],
)
async def test_what_goes_wrong_on_the_way_has_a_status(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("ordering_graphql.engine.Engine.run", fail)
    response = await ask(api, STRICT, '{ order(id: "x") { id } }')
    assert (response.status_code, response.headers["content-type"]) == (status, STRICT)
    assert "data" not in response.json()


async def test_an_answer_of_nothing_is_an_answer(api: Api) -> None:
    response = await ask(api, STRICT, '{ order(id: "x") { id } }')
    assert response.status_code == 200
    assert response.json()["data"] == {"order": None}


async def test_the_url_is_answered_in_the_preferred_type_too(api: Api) -> None:
    viewer = (Role.ORDER_VIEWER.value, PASSWORD)
    headers = {"Accept": STRICT}
    for query, status in ((TYPENAME, 200), ("{", 400)):
        response = await api.http.get(
            "/graphql", params={"query": query}, headers=headers, auth=viewer
        )
        assert (response.status_code, response.headers["content-type"]) == (status, STRICT)
