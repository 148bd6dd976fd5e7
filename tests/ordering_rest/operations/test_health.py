"""Alive, ready, and the shape of errors outside of the parity face."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import msgspec
import pytest

from ordering.db.engine import Database
from ordering.domain.errors import NotFoundError, Problem, UnauthenticatedError
from ordering_rest.operations import health, problem
from support.api import Api


async def test_the_service_is_alive_and_ready(api: Api) -> None:
    assert (await api.http.get("/livez")).json() == {"status": "alive"}
    ready = await api.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "catalogRevision": "1"}


async def test_without_a_database_it_is_alive_but_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Database) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(Database, "acquire", away)
    response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unready", "reason": "ConnectionRefusedError"}
    assert (await api.http.get("/livez")).status_code == 200


async def test_with_every_connection_in_use_it_is_soon_not_ready(api: Api) -> None:
    database = api.services.database
    async with AsyncExitStack() as held:
        for _ in range(api.services.settings.database_pool_size):
            await held.enter_async_context(database.acquire())
        async with asyncio.timeout(2):
            response = await api.http.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "unready", "reason": "TimeoutError"}
    assert (await api.http.get("/readyz")).status_code == 200


async def test_with_a_silent_database_it_is_soon_not_ready(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = asyncio.Event()

    @asynccontextmanager
    async def silent(_: Database) -> AsyncGenerator[Any]:
        try:
            await over.wait()
            yield None
        finally:
            # As asyncpg does, which waits for the server to confirm a cancelled statement.
            await over.wait()

    monkeypatch.setattr(Database, "acquire", silent)
    try:
        async with asyncio.timeout(2):
            response = await api.http.get("/readyz")
    finally:
        over.set()
    assert response.status_code == 503


async def test_a_defect_is_problem_details_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: object) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(health, "services_of", broken)
    with caplog.at_level(logging.ERROR):
        response = await api.http.get("/readyz")
    assert response.status_code == 500
    assert response.json() == {"title": "Internal error", "status": 500}
    assert "secret detail" in caplog.text


def test_our_errors_as_problem_details() -> None:
    request: Any = None
    error = NotFoundError([Problem("No such thing", "/x", 60)])
    response = problem.on_ordering_error(request, error)
    assert response.status_code == 404
    assert msgspec.json.decode(response.body) == {
        "title": "No such thing",
        "status": 404,
        "errors": [{"detail": "No such thing", "pointer": "/x"}],
    }
    asked = problem.on_ordering_error(request, UnauthenticatedError([Problem("Who?", "", 40)]))
    assert asked.headers["WWW-Authenticate"].startswith("Basic ")
