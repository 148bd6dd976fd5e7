"""Asynchronous accept: validated, authenticated, queued durably before the 202."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering_app.bench.ceilings.accept_row import QUEUE
from ordering_app.bench.model import Comparison, Contender, Goal, Path
from ordering_app.bench.over_http import send_once
from ordering_app.bench.paths.common import ceiling, load, queue_target
from ordering_app.bench.place import Bench
from ordering_app.bench.same_work import require_same
from ordering_app.bench.template import keep_template

__all__ = ["opened"]

_MANY = 32


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; both sides have queued the same request."""
    ours = queue_target(bench)
    once = await send_once(bench, ours)
    await keep_template(bench.connection, [QUEUE])
    async with ceiling(bench, "accept_row", "bare ASGI, decode, a durable row per request") as bare:
        require_same("async accept", once, await send_once(bench, bare))
        yield Path(
            contenders=[
                Contender(
                    key="accept-32",
                    title=f"{ours.title}, {_MANY} connections",
                    measure=load(bench, ours, once, connections=_MANY),
                ),
                Contender(
                    key="accept-row-32",
                    title=f"{bare.title}, {_MANY} connections",
                    measure=load(bench, bare, once, connections=_MANY),
                ),
            ],
            comparisons=[
                Comparison(
                    path="accept-32",
                    ceiling="accept-row-32",
                    goal=Goal(kind="ratio_from", bound=1.2),
                )
            ],
        )
