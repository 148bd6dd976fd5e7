"""Synchronous create: validated, authenticated, committed before the 201."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ordering_app.bench.ceilings.create_document import DOCUMENTS
from ordering_app.bench.model import Comparison, Contender, Goal, Path
from ordering_app.bench.over_http import send_once
from ordering_app.bench.paths.common import ceiling, create_target, keep_order, load
from ordering_app.bench.place import Bench
from ordering_app.bench.same_work import require_same

__all__ = ["opened"]

_MANY = 32


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; both sides have written the same order."""
    ours = create_target(bench)
    once = await keep_order(bench)
    title = "bare ASGI, the same rows, a transaction per order"
    async with (
        ceiling(bench, "create_rows", title) as rows,
        ceiling(
            bench, "create_document", "bare ASGI, one jsonb row per order", tables=(DOCUMENTS,)
        ) as document,
    ):
        require_same("sync create", once, await send_once(bench, rows))
        one = await send_once(bench, document)
        contenders = [
            ("create-32", ours, once, _MANY),
            ("create-rows-32", rows, once, _MANY),
            ("create-document-32", document, one, _MANY),
            ("create-1", ours, once, 1),
            ("create-rows-1", rows, once, 1),
        ]
        yield Path(
            contenders=[
                Contender(
                    key=key,
                    title=f"{target.title}, {connections} connection{'s' * (connections > 1)}",
                    measure=load(bench, target, written, connections=connections),
                )
                for key, target, written, connections in contenders
            ],
            comparisons=[
                Comparison(
                    path="create-32",
                    ceiling="create-rows-32",
                    goal=Goal(kind="ratio_from", bound=1.15),
                ),
                Comparison(
                    path="create-1",
                    ceiling="create-rows-1",
                    goal=Goal(kind="ratio_from", bound=0.7),
                ),
                Comparison(
                    path="create-32",
                    ceiling="create-document-32",
                    goal=Goal(kind="ratio_from", bound=0.65),
                ),
            ],
        )
