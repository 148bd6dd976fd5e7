"""Whoever follows an order or a request of the queue is told the state, and each change."""

import pytest

from ordering.access.roles import Role
from ordering.catalog.snapshot import CatalogKeeper
from support import payloads
from support.api import ORDERS
from support.queue import make_processor, put
from support.subscribing import Served, events, talking

ORDER = "subscription ($id: ID!) { orderChanged(id: $id) { id state version } }"
REQUEST = """
subscription ($id: ID!) { inboundRequestChanged(id: $id) { orderId state problemCount } }
"""


async def place(site: Served) -> str:
    """Place an order; returns its id."""
    return (await site.call("POST", ORDERS, payloads.order())).json()["id"]


async def test_the_state_comes_first(site: Served) -> None:
    identity = await place(site)
    async with talking(site.url) as socket:
        subscription = await socket.subscribe(ORDER, id=identity)
        assert await socket.next(subscription) == {
            "orderChanged": {"id": identity, "state": "new", "version": 1}
        }
