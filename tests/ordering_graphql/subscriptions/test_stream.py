"""Answers as server-sent events."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, PASSWORD
from support.processes import until
from support.subscribing import Served, events, served

ORDER = "subscription ($id: ID!) { orderChanged(id: $id) { state } }"


async def place(site: Served) -> str:
    return (await site.call("POST", ORDERS, payloads.order())).json()["id"]


async def approve(site: Served, identity: str) -> None:
    path = f"/api/ordering/v1/productOrder/{identity}/transition"
    assert (await site.call("POST", path, {"action": "approve"})).status_code == 200


async def every(site: Served, query: str, **variables: Any) -> list[tuple[str, Any]]:
    """Read a stream to its end."""
    async with events(site.url, query, **variables) as stream:
        return [event async for event in stream]


async def test_the_state_comes_first_then_each_change(site: Served) -> None:
    identity = await place(site)
    async with events(site.url, ORDER, id=identity) as stream:
        name, told = await anext(stream)
        assert (name, told["data"]) == ("next", {"orderChanged": {"state": "new"}})
        await approve(site, identity)
        name, told = await anext(stream)
        assert (name, told["data"]) == ("next", {"orderChanged": {"state": "acknowledged"}})
        assert site.hub.subscribers == 1

    async def left() -> bool:
        return site.hub.subscribers == 0 and await site.watches() == 0

    await until(left)


async def test_a_query_has_one_answer(site: Served) -> None:
    identity = await place(site)
    query = "query ($id: ID!) { order(id: $id) { state } }"
    (name, told), last = await every(site, query, id=identity)
    assert (name, told["data"]) == ("next", {"order": {"state": "new"}})
    assert last == ("complete", None)


async def test_what_is_wrong_is_told_in_the_stream(site: Served) -> None:
    for query in ("{ nothing }", "subscription { nothing }"):
        (name, told), last = await every(site, query)
        assert (name, last) == ("next", ("complete", None))
        assert told["errors"][0]["extensions"] == {"code": "InvalidDocument"}
    (_, told), last = await every(site, ORDER, id="PO-1")
    assert told == {
        "errors": [
            {
                "message": "id must be 32 lower-case hexadecimal digits",
                "extensions": {"code": "InvalidRequest", "argument": "orderChanged.id"},
            }
        ]
    }
    assert last == ("complete", None)


async def test_a_subscription_needs_a_stream(site: Served) -> None:
    answer = await site.call("POST", "/graphql", {"query": ORDER, "variables": {"id": "0" * 32}})
    (error,) = answer.json()["errors"]
    assert error["message"] == (
        "Only queries are answered here; subscriptions are over text/event-stream"
        " or graphql-transport-ws"
    )


async def test_a_stream_is_for_clients_only(site: Served) -> None:
    async with httpx.AsyncClient(base_url=site.url) as http:
        answer = await http.get("/graphql", headers={"Accept": "text/event-stream"})
    assert answer.status_code == 401


async def test_the_members_may_be_in_the_url(site: Served) -> None:
    members = {"query": "{ __typename }"}
    viewer = (Role.ORDER_VIEWER.value, PASSWORD)
    async with httpx.AsyncClient(base_url=site.url, auth=viewer) as http:
        answer = await http.get("/graphql", params=members, headers={"Accept": "text/event-stream"})
    assert answer.text.endswith("event: complete\ndata:\n\n")
    assert 'event: next\ndata: {"data":{"__typename":"Query"}' in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_who_is_no_client_any_more_gets_no_answer(
    site: Served, demo_database: Database
) -> None:
    identity = await place(site)
    async with events(site.url, ORDER, id=identity) as stream:
        await anext(stream)
        role = Role.ORDER_VIEWER
        await save_client(demo_database, role.value, PASSWORD, [role], active=False)
        await approve(site, identity)
        rest = [event async for event in stream]
    (name, told), last = rest
    assert (name, last) == ("next", ("complete", None))
    assert told["errors"][0]["extensions"] == {"code": "Unauthenticated"}


async def test_a_stream_ends_with_the_process(site: Served) -> None:
    identity = await place(site)
    async with events(site.url, ORDER, id=identity) as stream:
        await anext(stream)
        site.server.should_exit = True
        assert [event async for event in stream] == []


async def test_a_silent_stream_says_that_it_lives(
    site: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering_graphql.subscriptions.stream._SILENCE_S", 0.05)
    identity = await place(site)
    body = {"query": ORDER, "variables": {"id": identity}}
    viewer = (Role.ORDER_VIEWER.value, PASSWORD)
    headers = {"Accept": "text/event-stream"}
    async with (
        httpx.AsyncClient(base_url=site.url, auth=viewer, timeout=20) as http,
        http.stream("POST", "/graphql", json=body, headers=headers) as response,
    ):
        lines = response.aiter_lines()
        assert await anext(lines) == "event: next"
        assert "new" in await anext(lines)
        assert [await anext(lines) for _ in range(5)] == ["", ":", "", ":", ""]
        await approve(site, identity)
        told = [line async for line in aiter_until(lines, "event: next")]
        assert set(told) <= {":", ""}
        assert "acknowledged" in await anext(lines)


async def aiter_until(lines: AsyncIterator[str], last: str) -> AsyncIterator[str]:
    """Pass lines on until one is as said, which is taken too."""
    async for line in lines:
        if line == last:
            return
        yield line


async def test_streams_count_among_the_subscriptions_of_the_process(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with served(
        demo_database, demo_url, servers.redis_url, graphql_max_subscriptions=1
    ) as site:
        identity = await place(site)
        async with events(site.url, ORDER, id=identity) as stream:
            await anext(stream)
            (name, told), last = await every(site, ORDER, id=identity)
            assert (name, last) == ("next", ("complete", None))
            assert told == {
                "errors": [
                    {
                        "message": "There are 1 operations already, as many as may be",
                        "extensions": {"code": "TooManyOperations"},
                    }
                ]
            }
            (name, told), _ = await every(site, "{ __typename }")
            assert (name, told["data"]) == ("next", {"__typename": "Query"})
            assert site.hub.subscribers == 1

        async def left() -> bool:
            return site.hub.subscribers == 0

        await until(left)
        async with events(site.url, ORDER, id=identity) as stream:
            _, told = await anext(stream)
            assert told["data"] == {"orderChanged": {"state": "new"}}
