"""Revise one line of an order in progress: its quantity and one of its characteristics."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx
import msgspec

from ordering_app.bench.answers import keep_answers
from ordering_app.bench.load import Sent
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Path
from ordering_app.bench.over_http import Target, ask, client
from ordering_app.bench.paths.common import ceiling
from ordering_app.bench.paths.stored import CONNECTIONS, load_stored, stocked_targets
from ordering_app.bench.place import Bench
from ordering_app.bench.stock import (
    Changes,
    Growth,
    changed,
    growth,
    keep_news,
    put_stock,
    require_same_changes,
)
from ordering_app.demo.place import ORDER_PATH

__all__ = ["opened", "revisions"]

_TITLE = "PATCH one line"
_BARE = "bare ASGI, bare UPDATEs in one transaction"


class _Effect(NamedTuple):
    """What one revision made of the stock."""

    answer: httpx.Response
    changed: Changes
    growth: Growth


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; both sides have revised the same order in the same way.

    All orders in stock are revised in turn, so nobody waits for the lock of another's order.
    """
    ours = Target(
        title=_TITLE,
        port=bench.api,
        path=ORDER_PATH,
        headers=bench.headers,
        body="",
        method="PATCH",
        turns=revisions(await stocked_targets(bench)),
    )
    once = await _once(bench, ours)
    await keep_news(bench.connection)
    answer = once.answer
    await keep_answers(bench.connection, {"": (answer.status_code, answer.content)})
    async with ceiling(bench, "patch_rows", _BARE) as served:
        bare = msgspec.structs.replace(ours, title=_BARE, port=served.port, headers={})
        other = await _once(bench, bare)
        require_same_changes(_TITLE, once.changed, other.changed)
        if once.growth != other.growth:
            raise BenchError(f"{_TITLE}: one side added {once.growth}, the other {other.growth}")
        yield Path(
            contenders=[
                Contender(
                    key=f"{key}-{CONNECTIONS}",
                    title=f"{target.title}, {CONNECTIONS} connections",
                    measure=load_stored(bench, target, once.growth),
                )
                for key, target in (("patch", ours), ("patch-rows", bare))
            ],
            comparisons=[
                Comparison(
                    path=f"patch-{CONNECTIONS}",
                    ceiling=f"patch-rows-{CONNECTIONS}",
                    goal=Goal(kind="ratio_from", bound=0.5),
                )
            ],
        )


def revisions(targets: Sequence[str]) -> Sequence[Sent]:
    """List the revisions: two that change each other's values, so that every one changes some."""
    return [
        Sent(target, _body(quantity, value))
        for quantity, value in ((2, "Premium"), (3, "Advance"))
        for target in targets
    ]


def _body(quantity: int, value: str) -> str:
    # With the type that the order has: else it would be that of the catalog, one change more.
    characteristic = {"name": "WAN Optimization", "valueType": "string", "value": value}
    product = {"productCharacteristic": [characteristic]}
    line = {"id": "120", "action": "add", "quantity": quantity, "product": product}
    return msgspec.json.encode({"productOrderItem": [line]}).decode()


async def _once(bench: Bench, target: Target) -> _Effect:
    """Revise one order of the stock once."""
    await put_stock(bench.connection)
    async with client() as http:
        answer = await ask(http, target, target.requests[0])
    return _Effect(answer, await changed(bench.connection), await growth(bench.connection))
