"""The protocol `graphql-transport-ws`: who is let in, what is refused, what is left behind."""

import asyncio
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, PASSWORD
from support.processes import until
from support.subscribing import Served, Socket, basic, served, talking

ORDER = "subscription ($id: ID!) { orderChanged(id: $id) { state } }"
REQUEST = "subscription ($id: ID!) { inboundRequestChanged(id: $id) { state } }"
NEVER = "0" * 32
SUBSCRIBE = {
    "id": "1",
    "type": "subscribe",
    "payload": {"query": ORDER, "variables": {"id": NEVER}},
}


async def place(site: Served) -> str:
    return (await site.call("POST", ORDERS, payloads.order())).json()["id"]


async def approve(site: Served, identity: str) -> None:
    path = f"/api/ordering/v1/productOrder/{identity}/transition"
    assert (await site.call("POST", path, {"action": "approve"})).status_code == 200


async def error_of(socket: Socket, query: str, **variables: Any) -> dict[str, Any]:
    """Subscribe to what is refused; returns the only error."""
    identity = await socket.subscribe(query, **variables)
    message = await socket.receive()
    assert (message["type"], message["id"]) == ("error", identity)
    (error,) = message["payload"]
    return error


# -- who is let in ---------------------------------------------------------------------------------


async def test_a_page_says_who_it_is_in_the_first_message(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url, role=None, begin=False) as socket:
        await socket.begin(Role.ORDER_VIEWER)
        order = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(order) == {"orderChanged": {"state": "new"}}


@pytest.mark.parametrize("authorization", ["", "Basic", "Basic " + "x" * 8, "Bearer x"])
async def test_who_is_unknown_is_not_let_in(site: Served, authorization: str) -> None:
    async with talking(site.url, role=None, begin=False) as socket:
        await socket.send(type="connection_init", payload={"Authorization": authorization})
        assert await socket.closed() == (4401, "Unauthorized")


async def test_who_may_not_read_orders_is_not_let_in(site: Served) -> None:
    async with talking(site.url, role=None, begin=False) as socket:
        authorization = basic(Role.CATALOG_INTEGRATOR)
        await socket.send(type="connection_init", payload={"Authorization": authorization})
        assert await socket.closed() == (4403, "Forbidden")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": basic(Role.ORDER_VIEWER, "wrong")},
        {"Authorization": basic(Role.CATALOG_INTEGRATOR)},
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
    ],
)
async def test_some_are_refused_before_they_say_a_word(
    site: Served, headers: dict[str, str]
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with talking(site.url, role=None, begin=False, headers=headers):
            pass
    assert refused.value.response.status_code == 403


async def test_a_page_of_ours_is_let_in(site: Served) -> None:
    async with talking(site.url, headers={"Origin": site.url}) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}


# -- violations ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "code", "reason"),
    [
        ("{", 4400, "Invalid message: Input data was truncated"),
        ("[" * 60_000, 4400, "Invalid message: "),
        ('{"type":"start"}', 4400, "Invalid message: Invalid value 'start' - at `$.type`"),
        (b"\x00", 4400, "Invalid message: Input data was truncated"),
        ('{"type":"connection_init"}', 4429, "Too many initialisation requests"),
        ('{"type":"ping","payload":5}', 4400, "Invalid message: Expected `object | null`"),
        ("x" * 70_000, 1009, ""),
    ],
)
async def test_a_violation_ends_the_connection(
    site: Served, sent: str | bytes, code: int, reason: str
) -> None:
    async with talking(site.url) as socket:
        await socket.connection.send(sent)
        found, told = await socket.closed()
        assert found == code
        assert (told or "").startswith(reason)


async def test_nothing_may_be_asked_before_the_beginning(site: Served) -> None:
    async with talking(site.url, begin=False) as socket:
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}
        await socket.send(**SUBSCRIBE)
        assert await socket.closed() == (4401, "Unauthorized")


async def test_an_id_is_used_once_at_a_time(site: Served) -> None:
    async with talking(site.url) as socket:
        await socket.send(**SUBSCRIBE)
        await socket.send(**SUBSCRIBE)
        assert await socket.closed() == (4409, "Subscriber for 1 already exists")


async def test_another_protocol_is_not_spoken(site: Served) -> None:
    async with talking(site.url, begin=False, subprotocols=None) as socket:
        assert await socket.closed() == (4406, "Subprotocol not acceptable")


async def test_who_does_not_begin_is_sent_away(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with (
        served(demo_database, demo_url, servers.redis_url, graphql_init_timeout_s=1) as site,
        talking(site.url, begin=False) as socket,
    ):
        assert await socket.closed() == (4408, "Connection initialisation timeout")


# -- operations ------------------------------------------------------------------------------------


async def test_a_ping_is_answered_with_what_it_carries(site: Served) -> None:
    async with talking(site.url) as socket:
        await socket.send(type="ping", payload={"a": 1})
        assert await socket.receive() == {"type": "pong", "payload": {"a": 1}}
        await socket.send(type="pong")
        await socket.send(type="ping")
        assert await socket.receive() == {"type": "pong"}


async def test_a_query_has_one_answer(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        query = await socket.subscribe("query ($id: ID!) { order(id: $id) { id } }", id=identity)
        assert await socket.next(query) == {"order": {"id": identity}}
        assert await socket.receive() == {"id": query, "type": "complete"}


async def test_what_is_wrong_is_told_and_the_connection_goes_on(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        error = await error_of(socket, "subscription { nothing }")
        assert error["extensions"] == {"code": "InvalidDocument"}
        error = await error_of(socket, ORDER, id="PO-1")
        assert error == {
            "message": "id must be 32 lower-case hexadecimal digits",
            "extensions": {"code": "InvalidRequest", "argument": "orderChanged.id"},
        }
        error = await error_of(socket, ORDER)
        assert error["message"].startswith("Variable '$id' has invalid value")
        nothing = "subscription ($id: ID!) { orderChanged(id: $id) @skip(if: true) { id } }"
        assert "must not use `@skip`" in (await error_of(socket, nothing, id=identity))["message"]
        order = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(order) == {"orderChanged": {"state": "new"}}
    assert site.hub.subscribers == 0


async def test_a_document_may_cost_too_much(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    lines = "subscription ($id: ID!) { orderChanged(id: $id) { lineItems { nodes { id } } } }"
    async with (
        served(demo_database, demo_url, servers.redis_url, graphql_max_cost=5) as site,
        talking(site.url) as socket,
    ):
        error = await error_of(socket, lines, id=NEVER)
        assert error["extensions"] == {"code": "CostExceeded"}


async def test_there_may_be_so_many_and_no_more(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    limits = {"graphql_max_operations": 2, "graphql_max_subscriptions": 3}
    async with (
        served(demo_database, demo_url, servers.redis_url, **limits) as site,
        talking(site.url) as one,
        talking(site.url) as other,
    ):
        held = [await one.subscribe(ORDER, id=NEVER) for _ in range(2)]
        error = await error_of(one, ORDER, id=NEVER)
        assert error == {
            "message": "There are 2 operations already, as many as may be",
            "extensions": {"code": "TooManyOperations"},
        }
        await other.subscribe(ORDER, id=NEVER)
        error = await error_of(other, ORDER, id=NEVER)
        assert error["message"] == "There are 3 operations already, as many as may be"
        await one.send(id=held[0], type="complete")
        await one.send(type="ping")
        assert await one.receive() == {"type": "pong"}
        await other.subscribe(ORDER, id=NEVER)
        await other.send(type="ping")
        assert await other.receive() == {"type": "pong"}


# -- clients that change ---------------------------------------------------------------------------


async def test_who_is_no_client_any_more_gets_no_answer(
    site: Served, demo_database: Database
) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        order = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(order) == {"orderChanged": {"state": "new"}}
        role = Role.ORDER_VIEWER
        await save_client(demo_database, role.value, PASSWORD, [role], active=False)
        await approve(site, identity)
        assert await socket.closed() == (4401, "Unauthorized")
    assert site.hub.subscribers == 0


async def test_who_lost_a_role_gets_no_answer(site: Served, demo_database: Database) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        order = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(order) == {"orderChanged": {"state": "new"}}
        other = [Role.CATALOG_INTEGRATOR]
        await save_client(demo_database, Role.ORDER_VIEWER.value, PASSWORD, other)
        await approve(site, identity)
        assert await socket.closed() == (4403, "Forbidden")


async def test_the_queue_is_not_for_everybody(site: Served) -> None:
    async with talking(site.url, Role.ORDER_FULFILMENT) as socket:
        error = await error_of(socket, REQUEST, id=NEVER)
        assert error["extensions"] == {"code": "AccessDenied", "argument": "inboundRequestChanged"}


# -- what is left behind ---------------------------------------------------------------------------


async def test_who_unsubscribes_is_told_no_more_and_the_watch_ends(site: Served) -> None:
    identity, other = await place(site), await place(site)
    async with talking(site.url) as socket:
        left = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(left) == {"orderChanged": {"state": "new"}}
        await until(site.watches)
        await socket.send(id=left, type="complete")

        async def released() -> bool:
            return await site.watches() == 0

        await until(released)
        assert site.hub.subscribers == 0
        await approve(site, identity)
        kept = await socket.subscribe(ORDER, id=other)
        assert await socket.next(kept) == {"orderChanged": {"state": "new"}}


async def test_nothing_is_left_of_those_who_went(site: Served) -> None:
    identity = await place(site)
    before = asyncio.all_tasks()
    async with talking(site.url) as polite, talking(site.url) as rude:
        for socket in (polite, rude):
            order = await socket.subscribe(ORDER, id=identity)
            assert await socket.next(order) == {"orderChanged": {"state": "new"}}
        assert site.hub.subscribers == 2
        await until(site.watches)
        rude.connection.transport.abort()

    async def nothing() -> bool:
        return (
            site.hub.subscribers == 0
            and await site.watches() == 0
            and asyncio.all_tasks() <= before | {asyncio.current_task()}
        )

    await until(nothing)
