"""Reading paths: the service beside the same statements with bytes passed through."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from ordering_app.bench.load import Sent
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Path
from ordering_app.bench.over_http import Target
from ordering_app.bench.paths.common import ceiling
from ordering_app.bench.paths.stored import (
    CONNECTIONS,
    keep_read_answers,
    load_stored,
    require_same_answers,
)
from ordering_app.bench.place import Bench
from ordering_app.bench.stock import growth
from ordering_app.demo.place import ORDER_PATH

__all__ = ["reading"]

_NOTHING: dict[str, int] = {}


@asynccontextmanager
async def reading(
    bench: Bench, key: str, title: str, targets: Sequence[str]
) -> AsyncGenerator[Path]:
    """Yield the path; both sides have given the same answers to all targets, and changed nothing.

    The stock must be in the tables.
    """
    ours = Target(
        title=title,
        port=bench.api,
        path=ORDER_PATH,
        headers=bench.headers,
        body="",
        method="GET",
        turns=[Sent(target) for target in targets],
    )
    answers = await keep_read_answers(bench, ours)
    sizes = {len(body) for _, body in answers.values()}
    if len(sizes) != 1:
        raise BenchError(f"{title}: the answers differ in size: {sorted(sizes)}")
    (size,) = sizes
    bare_title = f"bare ASGI, the statements of {title}, bytes passed through"
    async with ceiling(bench, "read_rows", bare_title) as served:
        bare = msgspec.structs.replace(ours, title=bare_title, port=served.port, headers={})
        await require_same_answers(bare, answers)
        if changes := await growth(bench.connection):
            raise BenchError(f"{title}: reading changed the tables: {dict(changes)}")
        yield Path(
            contenders=[
                Contender(
                    key=f"{name}-{CONNECTIONS}",
                    title=f"{target.title}, {CONNECTIONS} connections",
                    measure=load_stored(bench, target, _NOTHING, body_bytes=size),
                )
                for name, target in ((key, ours), (f"{key}-bytes", bare))
            ],
            comparisons=[
                Comparison(
                    path=f"{key}-{CONNECTIONS}",
                    ceiling=f"{key}-bytes-{CONNECTIONS}",
                    goal=Goal(kind="ratio_from", bound=0.6),
                )
            ],
        )
