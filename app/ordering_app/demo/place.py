"""Place the two published example orders, as a client would, and tell what became of them."""

import asyncio
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from uuid import UUID

import httpx

from ordering_app.demo.clients import DemoClient

__all__ = ["DEMO_OFFERING", "ORDER_PATH", "DemoError", "example_path", "place_examples"]

#: The offering of the example orders; where it is, the demo catalog has been loaded.
DEMO_OFFERING = UUID("69017a0f536520103b6bddeeff7b127d")

ORDER_PATH = "/api/sn_ind_tmt_orm/order/productOrder"

_WAIT_S = 30.0
_POLL_S = 0.05


class DemoError(Exception):
    """The demo did not go as it should; the text tells where."""


def example_path(name: str) -> Path:
    """Return where the example order `sync` or `async` lies in this installation."""
    return Path(str(files("ordering_app.demo").joinpath("orders", f"{name}.json")))


async def place_examples(url: str, client: DemoClient, say: Callable[[str], None]) -> None:
    """Place one order at once and one through the queue. Raises `DemoError`."""
    auth = httpx.BasicAuth(client.username, client.password)
    async with httpx.AsyncClient(base_url=url, auth=auth, timeout=_WAIT_S) as http:
        placed = await _post(http, ORDER_PATH, "sync", 201)
        order = placed.json()
        say(
            f"sync order {order['id']}: created in state {order['state']} "
            f"with {len(order['productOrderItem'])} line items"
        )
        accepted = await _post(http, f"{ORDER_PATH}?mode=async", "async", 202)
        identity = accepted.json()["orderId"]
        say(f"async order {identity}: accepted into the inbound queue")
        order = await _wait_until_created(http, identity)
        say(
            f"async order {identity}: created in state {order['state']} "
            f"with {order['items']} line items"
        )


async def _post(http: httpx.AsyncClient, path: str, name: str, expected: int) -> httpx.Response:
    response = await http.post(
        path,
        content=example_path(name).read_bytes(),
        headers={"Content-Type": "application/json"},
    )
    if response.status_code != expected:
        raise DemoError(f"the {name} order got {response.status_code}: {response.text[:2000]}")
    return response


async def _wait_until_created(http: httpx.AsyncClient, identity: str) -> dict[str, object]:
    """Ask until the order is there: a queued or failed one answers with an error body."""
    async with asyncio.timeout(_WAIT_S):
        while True:
            body = (await http.get(f"{ORDER_PATH}/{identity}")).json()
            if body.get("id") == identity:
                return {"state": body["state"], "items": len(body["productOrderItem"])}
            if body["code"] != 102:
                raise DemoError(f"the async order failed: {body}")
            await asyncio.sleep(_POLL_S)
