"""A nested GraphQL query: 20 orders, their lines, and the characteristics of those.

Beside the REST list of the same orders, and beside the same query through Strawberry's executor.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import msgspec

from ordering_app.bench.load import Sent
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Path
from ordering_app.bench.over_http import Target, ask, client
from ordering_app.bench.paths.common import ceiling
from ordering_app.bench.paths.stored import CONNECTIONS, load_stored, stocked_targets
from ordering_app.bench.place import Bench
from ordering_app.demo.place import ORDER_PATH

__all__ = ["opened"]

_PAGE = 20
_QUERY = """{ orders(first: 20) { nodes { id externalId state version ponr createdAt
  lineItems { nodes { id itemId action state quantity offering { name version }
    characteristics { name valueType value previousValue } } } } } }"""
_EXECUTOR = "bare ASGI, the reader and Strawberry's executor"

_NOTHING: dict[str, int] = {}


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; both GraphQL sides have answered the same data."""
    await stocked_targets(bench)
    nested = _target(bench, "GraphQL nested, 20 orders", f"/graphql?{urlencode({'query': _QUERY})}")
    listed = _target(bench, f"GET list of {_PAGE}", f"{ORDER_PATH}?limit={_PAGE}")
    async with ceiling(bench, "graphql_executor", _EXECUTOR) as served:
        executed = msgspec.structs.replace(nested, title=_EXECUTOR, port=served.port, headers={})
        if await _data(nested) != await _data(executed):
            raise BenchError(f"{nested.title}: the executor answers other data")
        yield Path(
            contenders=[
                Contender(
                    key=f"{key}-{CONNECTIONS}",
                    title=f"{target.title}, {CONNECTIONS} connections",
                    measure=load_stored(bench, target, _NOTHING),
                )
                for key, target in (
                    ("graphql-nested", nested),
                    ("graphql-rest", listed),
                    ("graphql-executor", executed),
                )
            ],
            comparisons=[
                Comparison(
                    path=f"graphql-nested-{CONNECTIONS}",
                    ceiling=f"{beside}-{CONNECTIONS}",
                    goal=Goal(kind="ratio_from", bound=bound),
                )
                for beside, bound in (("graphql-rest", 0.8), ("graphql-executor", 20))
            ],
        )


def _target(bench: Bench, title: str, path: str) -> Target:
    return Target(
        title=title,
        port=bench.api,
        path=path,
        headers=bench.headers,
        body="",
        method="GET",
        turns=[Sent(path)],
    )


async def _data(target: Target) -> object:
    """Ask once; returns what was answered, without what is told about it."""
    async with client() as http:
        answer = await ask(http, target, target.requests[0])
    body = msgspec.json.decode(answer.content)
    if "errors" in body:
        raise BenchError(f"{target.title}: {body['errors']}")
    return body["data"]
