"""What a GraphQL server must not do: the checks of graphql-cop, and what else was thought of."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
import pytest

from ordering.access.roles import Role
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import ASKERS, Question, make_engine
from support import payloads
from support.api import PASSWORD, Api, running_api
from support.placed import place

AUTH = (Role.ORDER_VIEWER.value, PASSWORD)


@pytest.fixture
async def production(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Api]:
    """The application as it runs outside of development."""
    async with running_api(
        demo_database, demo_url, servers.redis_url, development=False
    ) as started:
        yield started


async def told(api: Api, query: str) -> list[str]:
    answer = await api.graphql(query)
    assert "data" not in answer
    return [error["message"] for error in answer["errors"]]


async def test_fields_are_not_suggested(production: Api) -> None:
    assert await told(production, "{ order(id: 1) { stat } }") == [
        "Cannot query field 'stat' on type 'Order'."
    ]
    assert await told(production, "{ orders(frst: 1) { totalCount } }") == [
        "Unknown argument 'frst' on field 'Query.orders'."
    ]


async def test_the_schema_does_not_tell_of_itself(production: Api) -> None:
    for query in ("{ __schema { types { name } } }", '{ __type(name: "Order") { name } }'):
        assert "introspection" in (await told(production, query))[0].lower()
    assert (await production.graphql("{ __typename }"))["data"] == {"__typename": "Query"}


async def test_there_is_no_query_page(production: Api) -> None:
    response = await production.http.get("/graphql", headers={"Accept": "text/html"}, auth=AUTH)
    assert response.headers["content-type"] == "application/json"
    assert [each["message"] for each in response.json()["errors"]] == [
        "There is neither a query nor the id of a document"
    ]


async def test_introspection_in_circles_is_refused(api: Api) -> None:
    query = "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
    assert await told(api, query) == ["Maximum introspection depth exceeded"]


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "aliases"),
        ("{" + " __typename" * 600 + "}", "fields"),
        ("{ __typename" + " @include(if: true)" * 60 + "}", "directives"),
    ],
)
async def test_documents_do_not_ask_for_too_much(api: Api, query: str, what: str) -> None:
    assert any(f"too many {what}" in each for each in await told(api, query))


async def test_documents_are_not_sent_in_batches(api: Api) -> None:
    response = await api.post("/graphql", [{"query": "{ __typename }"}] * 10, Role.ORDER_VIEWER)
    assert response.status_code == 400
    assert "not as an array" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
async def test_a_form_of_another_site_cannot_ask(api: Api, content_type: str) -> None:
    response = await api.http.post(
        "/graphql",
        content=b'{"query": "{ __typename }"}',
        headers={"Content-Type": content_type},
        auth=AUTH,
    )
    assert response.status_code == 415
    assert "data" not in response.json()


async def test_queries_may_come_in_the_url(api: Api) -> None:
    query = "query a($n: Int) { orders(first: $n) { totalCount } } query b { __typename }"
    asked: dict[str, Any] = {"query": query, "operationName": "a", "variables": '{"n": 0}'}
    response = await api.http.get("/graphql", params=asked, auth=AUTH)
    assert response.json()["errors"][0]["extensions"]["argument"] == "orders.first"
    response = await api.http.get("/graphql", params=asked | {"operationName": "b"}, auth=AUTH)
    assert response.json()["data"] == {"__typename": "Query"}
    assert (await api.http.get("/graphql", params=asked)).status_code == 401
    for wrong in ("{", "[]", "[" * 10_000):
        response = await api.http.get("/graphql", params=asked | {"variables": wrong}, auth=AUTH)
        assert response.status_code == 400


async def test_members_of_a_url_without_a_value_are_left_out(api: Api) -> None:
    asked = {"query": "{ __typename }", "operationName": "", "variables": "", "extensions": ""}
    response = await api.http.get("/graphql", params=asked, auth=AUTH)
    assert response.json()["data"] == {"__typename": "Query"}


async def test_a_request_without_a_document_is_none(api: Api) -> None:
    response = await api.post("/graphql", {"variables": {}}, Role.ORDER_VIEWER)
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {
            "message": "There is neither a query nor the id of a document",
            "extensions": {"code": "InvalidRequest"},
        }
    ]


@pytest.mark.parametrize("operation", ["mutation", "subscription"])
async def test_nothing_is_changed_by_get(api: Api, operation: str) -> None:
    query = {"query": f"{operation} {{ __typename }}"}
    response = await api.http.get("/graphql", params=query, auth=AUTH)
    assert "data" not in response.json()


async def test_answers_have_no_traces(api: Api) -> None:
    assert set((await api.graphql("{ __typename }"))["extensions"]) == {"cost"}


async def test_what_costs_too_much_is_refused_before_it_is_read(demo_database: Database) -> None:
    engine = make_engine(Settings(graphql_max_cost=100))

    async def cost(query: str) -> tuple[int, bool]:
        answer = await engine.answer(Question(query), demo_database, ASKERS)
        text = answer.body.decode()
        assert '"limit":100' in text
        return int(text.split('"requested":')[1].split(",")[0]), '"CostExceeded"' in text

    assert await cost("{ __typename }") == (0, False)
    assert await cost("{ orders { nodes { id state } } }") == (20, False)
    assert await cost("{ orders(first: 100) { nodes { id } } }") == (100, False)
    assert await cost("{ orders(first: 50) { nodes { id } edges { node { id } } } }") == (
        100,
        False,
    )
    assert await cost("{ orders(first: 100) { nodes { id } totalCount } }") == (1_100, True)
    assert await cost("{ orders(filter: {ponr: true}) { totalCount } }") == (5_000, True)
    assert await cost("{ order(id: 1) { lineItems { totalCount } } }") == (11, False)
    assert await cost("{ order(id: 1) { rootLineItems { parent { order { id } } } } }") == (
        1 + 10 * (1 + 1 + 1),
        False,
    )
    assert await cost("{ order(id: 1) { rootLineItems { parent { children { id } } } } }") == (
        1 + 10 * (1 + 1 + 10 * 100),
        True,
    )
    assert await cost(
        '{ node(id: "x") { ... on LineItem { order { rootLineItems { id } } } } }'
    ) == (
        1 + 1 + 10,
        False,
    )
    assert await cost("{ orders(first: 2) { nodes { rootLineItems { children { id } } } } }") == (
        2 * (1 + 10 * (1 + 10)),
        True,
    )
    assert await cost("{ orders { nodes { lineItems(first: 5000) { nodes { id } } } } }") == (
        20 * 5001,
        True,
    )


async def test_what_is_required_by_what_is_required_is_charged_as_dense(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    names = [str(number) for number in range(30)]
    lines = [
        payloads.item(
            name,
            productOrderItemRelationship=[
                {"id": other, "relationshipType": "Requires"} for other in names if other != name
            ],
        )
        for name in names
    ]
    await place(demo_database, keeper, payloads.order(externalId="A", items=lines))
    engine = make_engine(Settings())

    async def ask(levels: int) -> tuple[int, int | None]:
        below = "requires { " * levels + "id" + " }" * levels
        query = f'{{ order(externalId: "A") {{ lineItems(first: 30) {{ nodes {{ {below} }} }} }} }}'
        body = (await engine.answer(Question(query), demo_database, ASKERS)).body
        cost = msgspec.json.decode(body)["extensions"]["cost"]["requested"]
        return cost, body.count(b'"id"') if b'"errors"' not in body else None

    assert await ask(1) == (1 + 30 * (1 + 2), 30 * 29)
    assert await ask(2) == (1 + 30 * (1 + 2 * (1 + 200)), 30 * 29 * 29)
    assert await ask(3) == (1 + 30 * (1 + 2 * (1 + 200 * (1 + 200))), None)


async def test_a_slow_statement_is_canceled(demo_database: Database) -> None:
    engine = make_engine(Settings(graphql_timeout_ms=100))
    query = Question("{ orders { totalCount nodes { id } } }")
    async with demo_database.transaction() as connection:
        await connection.execute("LOCK TABLE customer_order")
        async with asyncio.timeout(5):
            answer = await engine.answer(query, demo_database, ASKERS)
    assert answer.status == 200
    assert b'"message":"The document took longer than 0.1 s"' in answer.body
    assert b'"code":"Timeout"' in answer.body
    async with demo_database.acquire() as connection:
        assert (
            await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT CASE%'"
                " AND state = 'active'"
            )
            == 0
        )
    assert b'"totalCount":0' in (await engine.answer(query, demo_database, ASKERS)).body
