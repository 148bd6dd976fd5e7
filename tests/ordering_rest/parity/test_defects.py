"""A defect of ours, or a database that is away, tells clients nothing of the inside."""

import logging
from typing import Any

import pytest

from ordering.domain.errors import Problem, RetryableError
from ordering.domain.ids import parse_id
from ordering.telemetry import correlation_id
from support import payloads
from support.api import ORDERS, Api


async def test_a_defect_is_a_500_without_details_and_is_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("ordering_rest.parity.orders.list_shown", fail)
    with caplog.at_level(logging.ERROR):
        response = await api.get(ORDERS)
    assert response.status_code == 500
    assert response.json() == {
        "code": 1,
        "reason": "Internal error",
        "message": "Internal error",
        "details": [],
    }
    assert "secret detail" in caplog.text


async def test_a_passing_failure_is_a_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise RetryableError([Problem("Try again", "", 1)])

    monkeypatch.setattr("ordering_rest.parity.orders.list_shown", fail)
    assert (await api.get(ORDERS)).status_code == 503


async def test_orders_go_on_after_an_error(api: Api) -> None:
    await api.post(ORDERS, b"{")
    assert (await api.post(ORDERS, payloads.order())).status_code == 201


async def test_the_lines_of_a_request_are_found_under_one_id(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    async def note(*_: Any, **__: Any) -> Any:
        seen.append(correlation_id.get())
        raise RetryableError([Problem("Try again", "", 5)])

    monkeypatch.setattr("ordering_rest.parity.orders.list_shown", note)
    await api.get(ORDERS)
    await api.get(ORDERS)
    assert [parse_id(each or "") is not None for each in seen] == [True, True]
    assert seen[0] != seen[1]
