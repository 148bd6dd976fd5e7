"""GraphQL: orders with their lines, from as many statements as the document needs."""

import logging
from typing import Any

import msgspec
import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, Api, running_api
from support.counting import CountingDatabase

NESTED = """
query ($first: Int!) {
  orders(first: $first) {
    totalCount
    nodes { ...header lineItems { nodes { ... on LineItem { itemId quantity
      characteristics { name valueType value previousValue } workNotes { text } offering { name }
      specification { internalId } id action state } } } }
  }
}
fragment header on Order { id externalId state version ponr orderCurrency
  createdAt requestedCompletionDate }
"""


def order_with_characteristics(**members: Any) -> payloads.Payload:
    line = payloads.product(
        payloads.EDGE_DEVICE,
        productCharacteristic=[
            payloads.characteristic("WAN Optimization", "Base", previousValue="Base"),
            payloads.characteristic("no such", {"deep": [1, 2.5]}),
        ],
    )
    return payloads.order(items=[payloads.item("1", product=line, quantity="2.50")], **members)


async def test_a_nested_page_shows_what_rest_accepted(api: Api) -> None:
    placed = (await api.post(ORDERS, order_with_characteristics(externalId="PO-1"))).json()
    await api.post(ORDERS, payloads.order())
    answer = await api.graphql(NESTED, first=1)
    assert "errors" not in answer
    assert answer["data"]["orders"]["totalCount"] == 2
    (node,) = answer["data"]["orders"]["nodes"]
    (line,) = node["lineItems"]["nodes"]
    assert node["id"] == placed["id"]
    assert [node[name] for name in ("externalId", "state", "version", "ponr", "orderCurrency")] == [
        "PO-1",
        "new",
        1,
        False,
        "USD",
    ]
    assert line["quantity"] == "2.50"
    (sent,) = placed["productOrderItem"]
    assert line["offering"] == {"name": sent["productOffering"]["name"]}
    assert line["specification"] == {
        "internalId": sent["product"]["productSpecification"]["internalId"]
    }
    assert line["characteristics"] == [
        {
            "name": "WAN Optimization",
            "valueType": "Choice",
            "value": "Base",
            "previousValue": "Base",
        },
        {"name": "no such", "valueType": None, "value": {"deep": [1, 2.5]}, "previousValue": None},
    ]
    assert len(line["workNotes"]) == 1


async def test_one_order_is_found_by_either_id(api: Api) -> None:
    placed = (await api.post(ORDERS, payloads.order(externalId="PO-1"))).json()
    query = """query ($id: ID, $externalId: String) {
      order(id: $id, externalId: $externalId) { id lineItems { nodes { itemId } } } }"""
    expected = {"order": {"id": placed["id"], "lineItems": {"nodes": [{"itemId": "100"}]}}}
    assert (await api.graphql(query, id=placed["id"]))["data"] == expected
    assert (await api.graphql(query, externalId="PO-1"))["data"] == expected
    for unknown in ("PO-1", payloads.UNKNOWN_ID, "a\0b"):
        assert (await api.graphql(query, id=unknown))["data"] == {"order": None}
    for unknown in ("PO-2", placed["id"], "a\0b"):
        assert (await api.graphql(query, externalId=unknown))["data"] == {"order": None}


@pytest.mark.parametrize(
    ("query", "statements"),
    [
        ("{ __typename }", 0),
        ("{ __schema { queryType { name } } }", 0),
        ("{ orders { totalCount } }", 1),
        ("{ orders { nodes { id lineItems { nodes { id } } } } }", 1),
        ("{ orders { nodes { lineItems { nodes { characteristics { name } } } } } }", 1),
        ("{ a: orders { nodes { id } } b: orders { totalCount } }", 1),
    ],
)
async def test_statements_depend_on_the_document_only(
    api: Api, query: str, statements: int
) -> None:
    for expected_orders in (1, 4):
        while await api.count("customer_order") < expected_orders:
            await api.post(ORDERS, order_with_characteristics())
        counting = CountingDatabase(api.database)
        services = api.services
        api.app.state.services = msgspec.structs.replace(services, database=counting)
        try:
            assert "errors" not in await api.graphql(query)
        finally:
            api.app.state.services = services
        assert len(counting.statements) == statements


@pytest.mark.parametrize("first", [0, -1, 101])
async def test_a_page_is_bounded(api: Api, first: int) -> None:
    answer = await api.graphql("query ($n: Int!) { orders(first: $n) { totalCount } }", n=first)
    (error,) = answer["errors"]
    assert error["message"] == "first must be a whole number from 1 to 100"
    assert error["extensions"] == {"code": "InvalidRequest", "argument": "orders.first"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"query": 5}', b"\xff", b"[" * 60_000])
async def test_what_is_no_request_is_refused(api: Api, body: bytes) -> None:
    response = await api.post("/graphql", body, Role.ORDER_VIEWER)
    assert response.status_code == 400
    assert response.json()["errors"][0]["message"].startswith("The body is no GraphQL request: ")


async def test_a_wrong_document_is_told(api: Api) -> None:
    answer = await api.graphql("{ nothing }")
    assert "data" not in answer
    assert answer["errors"][0]["message"] == "Cannot query field 'nothing' on type 'Query'."


async def test_defects_are_hidden_and_logged(
    api: Api, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("ordering_graphql.engine.Engine.run", fail)
    with caplog.at_level(logging.ERROR):
        answer = await api.graphql('{ order(id: "x") { id } }')
    (error,) = answer["errors"]
    assert error["message"] == "Internal error"
    assert error["extensions"]["code"] == "Internal"
    assert len(error["extensions"]["correlationId"]) == 32
    assert "secret detail" in caplog.text


async def test_introspection_is_for_development(
    api: Api, demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    query = "{ __schema { queryType { name } } }"
    assert (await api.graphql(query))["data"] == {"__schema": {"queryType": {"name": "Query"}}}
    async with demo_database.acquire() as connection:
        await connection.execute("DELETE FROM api_client")
    async with running_api(
        demo_database, demo_url, servers.redis_url, development=False
    ) as production:
        answer = await production.graphql(query)
    assert "data" not in answer
    assert "introspection" in answer["errors"][0]["message"].lower()
