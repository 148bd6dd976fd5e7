"""The executor that GraphQL is measured beside answers the same data."""

from urllib.parse import urlencode

import msgspec

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_app.bench.ceilings import graphql_executor
from ordering_graphql.engine import ASKERS, Question, make_engine
from support import payloads
from support.placed import place

QUERY = """{ orders(first: 20) { nodes { id externalId state version ponr createdAt
  lineItems { nodes { id itemId action state quantity offering { name version }
    characteristics { name valueType value previousValue } } } } } }"""


async def test_the_executor_answers_what_the_service_answers(
    demo_database: Database, demo_url: str, keeper: CatalogKeeper
) -> None:
    device = payloads.product(
        payloads.EDGE_DEVICE, productCharacteristic=[payloads.characteristic("a", [1, None])]
    )
    line = payloads.item("1", product=device, quantity="2.50")
    await place(demo_database, keeper, payloads.order(items=[line]), payloads.order())
    engine = make_engine(Settings())
    ours = msgspec.json.decode((await engine.answer(Question(QUERY), demo_database, ASKERS)).body)
    async with graphql_executor.opened(demo_url) as execute:
        status, body = await execute(f"/graphql?{urlencode({'query': QUERY})}", b"")
    assert status == 200
    assert msgspec.json.decode(body)["data"] == ours["data"]
    assert len(ours["data"]["orders"]["nodes"]) == 2


async def test_the_executor_tells_what_is_wrong(demo_url: str) -> None:
    async with graphql_executor.opened(demo_url) as execute:
        status, body = await execute(f"/graphql?{urlencode({'query': '{ nothing }'})}", b"")
    assert status == 500
    assert b"Cannot query field" in body
