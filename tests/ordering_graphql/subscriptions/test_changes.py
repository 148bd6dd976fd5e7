"""Whoever follows an order, or a request of the queue, is told its state and each change."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ordering.access.clients import Client
from ordering.access.roles import Role
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.ids import new_id, show_id
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import Question
from support import payloads
from support.api import ORDERS
from support.processes import until
from support.queue import make_processor, put, take
from support.subscribing import Served, basic, served, talking

ORDER = "subscription ($id: ID!) { orderChanged(id: $id) { id state version } }"
REQUEST = """
subscription ($id: ID!) {
  inboundRequestChanged(id: $id) { orderId state problemCount order { state } }
}
"""
CANCEL = "/api/sn_ind_tmt_orm/cancelproductorder"
TRANSITION = "/api/ordering/v1/productOrder/{}/transition"


async def place(site: Served) -> str:
    return (await site.call("POST", ORDERS, payloads.order())).json()["id"]


async def move(site: Served, identity: str, action: str) -> None:
    moved = await site.call("POST", TRANSITION.format(identity), {"action": action})
    assert moved.status_code == 200, moved.text


def is_(identity: str, state: str, version: int = 1) -> dict[str, Any]:
    return {"orderChanged": {"id": identity, "state": state, "version": version}}


async def test_the_state_comes_first_then_each_change(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        order = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(order) == is_(identity, "new")
        await move(site, identity, "approve")
        assert await socket.next(order) == is_(identity, "acknowledged")
        await move(site, identity, "start")
        assert await socket.next(order) == is_(identity, "in_progress")
        (
            await site.call(
                "PATCH", f"{ORDERS}/{identity}", payloads.order(id=identity, externalId="R")
            )
        ).raise_for_status()
        assert (await socket.next(order))["orderChanged"]["version"] == 2
        body = {"productOrder": {"id": identity}, "cancellationReason": "Duplicate order"}
        (await site.call("POST", CANCEL, body)).raise_for_status()
        canceled = await socket.next(order)
        assert canceled["orderChanged"]["state"] == "assessing_cancellation"


async def test_nobody_is_told_of_another_order(site: Served) -> None:
    followed, other = await place(site), await place(site)
    async with talking(site.url) as socket:
        order = await socket.subscribe(ORDER, id=followed)
        assert await socket.next(order) == is_(followed, "new")
        await move(site, other, "approve")
        await move(site, followed, "approve")
        assert await socket.next(order) == is_(followed, "acknowledged")


async def test_an_order_in_the_queue_is_followed_until_it_is_there(
    site: Served, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, payloads.order())
    name = show_id(identity)
    async with talking(site.url) as orders, talking(site.url) as requests:
        order = await orders.subscribe(ORDER, id=name)
        request = await requests.subscribe(REQUEST, id=name)
        assert await requests.next(request) == {
            "inboundRequestChanged": {
                "orderId": name,
                "state": "new",
                "problemCount": 0,
                "order": None,
            }
        }
        await until(site.watches)
        assert await make_processor(demo_database, keeper).drain_batch() == 1
        assert await orders.next(order) == is_(name, "new")
        completed = await requests.next(request)
        while completed["inboundRequestChanged"]["state"] == "in_progress":
            completed = await requests.next(request)
        assert completed == {
            "inboundRequestChanged": {
                "orderId": name,
                "state": "completed",
                "problemCount": 0,
                "order": {"state": "new"},
            }
        }


async def test_a_request_that_ends_in_error_is_told(
    site: Served, demo_database: Database, keeper: CatalogKeeper
) -> None:
    (identity,) = await put(demo_database, {"no": "order"})
    async with talking(site.url) as socket:
        request = await socket.subscribe(REQUEST, id=show_id(identity))
        assert (await socket.next(request))["inboundRequestChanged"]["state"] == "new"
        await until(site.watches)
        await make_processor(demo_database, keeper).drain_batch()
        told = (await socket.next(request))["inboundRequestChanged"]
        while told["state"] == "in_progress":
            told = (await socket.next(request))["inboundRequestChanged"]
        assert told["state"] == "error"
        assert told["problemCount"] > 0


async def test_what_no_notice_tells_is_found_by_looking(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with served(demo_database, demo_url, servers.redis_url, graphql_sweep_s=1) as site:
        (identity,) = await put(demo_database, payloads.order())
        async with talking(site.url) as socket:
            request = await socket.subscribe(REQUEST, id=show_id(identity))
            assert (await socket.next(request))["inboundRequestChanged"]["state"] == "new"
            # A claim writes no event, so nothing is notified.
            await take(demo_database)
            assert (await socket.next(request))["inboundRequestChanged"]["state"] == "in_progress"


async def test_those_who_ask_alike_share_a_run(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url) as one, talking(site.url) as other:
        names = [await each.subscribe(ORDER, id=identity) for each in (one, other)]
        for socket, name in zip((one, other), names, strict=True):
            assert await socket.next(name) == is_(identity, "new")
        await move(site, identity, "approve")
        for socket, name in zip((one, other), names, strict=True):
            assert await socket.next(name) == is_(identity, "acknowledged")


@pytest.fixture
def follower(site: Served) -> Callable[..., Any]:
    """Make a subscriber without a connection, which reads when the test wants."""

    def follow(identity: str, wake: Callable[[], None]) -> Any:
        client = Client("order_viewer", frozenset({Role.ORDER_VIEWER}))
        question = Question(ORDER, {"id": identity})
        return site.hub.subscribe(question, client, basic(Role.ORDER_VIEWER), wake)

    return follow


async def test_changes_that_nobody_reads_become_one(
    site: Served, follower: Callable[..., Any]
) -> None:
    identity = await place(site)
    woken = asyncio.Event()
    subscriber = follower(identity, woken.set)
    try:
        first = msgspec.json.decode(await subscriber.answer())
        assert first["data"] == is_(identity, "new")
        assert first["extensions"]["cost"]["requested"] > 0
        await until(site.watches)
        for action in ("approve", "start", "hold"):
            woken.clear()
            await move(site, identity, action)
            async with asyncio.timeout(10):
                await woken.wait()
        latest = msgspec.json.decode(await subscriber.answer())
        assert latest["data"] == is_(identity, "on_hold")
        assert await subscriber.answer() is None
    finally:
        subscriber.close()
    assert site.hub.subscribers == 0


async def test_an_order_that_never_comes_is_silent(follower: Callable[..., Any]) -> None:
    subscriber = follower(show_id(new_id()), lambda: None)
    assert await subscriber.answer() is None
    subscriber.close()


async def test_who_looks_after_the_queue_follows_requests_and_no_orders(site: Served) -> None:
    order = await site.call("POST", f"{ORDERS}?mode=async", payloads.order())
    identity = order.json()["orderId"]
    query = "subscription ($id: ID!) { inboundRequestChanged(id: $id) { orderId } }"
    async with talking(site.url, Role.INBOUND_QUEUE_ADMIN) as socket:
        followed = await socket.subscribe(query, id=identity)
        assert await socket.next(followed) == {"inboundRequestChanged": {"orderId": identity}}
        refused = await socket.subscribe(ORDER, id=identity)
        message = await socket.receive()
        assert (message["type"], message["id"]) == ("error", refused)
        assert [each["extensions"] for each in message["payload"]] == [
            {"code": "AccessDenied", "argument": "orderChanged"}
        ]
