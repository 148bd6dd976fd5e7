"""Errors of this face have one shape, whoever found them."""

from typing import Any

import pytest

from ordering.domain import messages
from ordering.domain.errors import (
    ConflictError,
    NotFoundError,
    OrderingError,
    OutdatedError,
    Problem,
)
from support.api import DEPRECATED, ORDERS, PASSWORD, Api

AUTH = ("order_integrator", PASSWORD)


def error(code: int, reason: str, message: str) -> dict[str, Any]:
    return {
        "code": code,
        "reason": reason,
        "message": reason,
        "details": [{"message": message, "datapath": ""}],
    }


@pytest.mark.parametrize("path", [ORDERS, DEPRECATED])
@pytest.mark.parametrize(
    ("method", "below", "headers", "status", "expected"),
    [
        ("GET", "/a/b", {}, 404, error(60, "Resource not found", "Not Found")),
        ("PUT", "/a", {}, 405, error(61, "Method not allowed", "Method Not Allowed")),
        (
            "GET",
            "",
            {"Host": "no host"},
            400,
            error(26, "Invalid header value", "Invalid host header"),
        ),
        (
            "POST",
            "",
            {"Content-Type": "application/json", "Content-Length": "many"},
            400,
            error(26, "Invalid header value", "Invalid content-length: 'many'"),
        ),
        (
            "PATCH",
            "/a",
            {"Content-Type": "application/json", "Content-Length": "99999999999"},
            413,
            error(22, "Invalid body", "Request body is larger than 16777216 bytes"),
        ),
    ],
)
async def test_what_the_framework_refuses_is_told_like_anything_else(
    api: Api,
    path: str,
    method: str,
    below: str,
    headers: dict[str, str],
    status: int,
    expected: dict[str, Any],
) -> None:
    response = await api.http.request(method, path + below, headers=headers, auth=AUTH)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json() == expected


@pytest.mark.parametrize(
    ("raised", "status"), [(NotFoundError, 404), (ConflictError, 409), (OutdatedError, 412)]
)
async def test_the_status_of_an_error_does_not_change_its_shape(
    api: Api, monkeypatch: pytest.MonkeyPatch, raised: type[OrderingError], status: int
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise raised([Problem.of(messages.NOT_CANCELABLE_PONR)])

    monkeypatch.setattr("ordering_rest.parity.orders.list_shown", fail)
    response = await api.get(ORDERS)
    assert response.status_code == status
    assert response.json() == error(
        1,
        "Invalid payload: Order creation failed",
        "Cannot cancel the order: the point of no return has been reached",
    )


@pytest.mark.parametrize(
    "below",
    [
        "/%FF%FE",
        "/%",
        "/%ED%A0%80",
        "/\u20ac",
        "?limit=%FF",
        "?%00=%00",
        "?=&&=;",
        "?state=%ED%A0%80",
        "?relatedParty.id=%FF%ED%A0%80",
        f"?externalId={'x' * 9000}",
        f"?state={'x' * 9000}&fields=%00",
    ],
)
@pytest.mark.parametrize("path", [ORDERS, DEPRECATED])
async def test_no_url_is_a_defect(api: Api, path: str, below: str) -> None:
    response = await api.get(path + below)
    assert response.status_code in (400, 404)
    assert list(response.json()) == ["code", "reason", "message", "details"]
