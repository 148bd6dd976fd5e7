"""Who sees the inbound queue, and what it shows."""

from typing import Any

import pytest

from ordering.access.roles import Permission, Role
from ordering.db.engine import Database
from support import payloads
from support.api import ORDERS, Api
from support.asking import Ask

ORDER_READER = (Permission.READ_ORDERS,)
QUEUE_READER = (Permission.READ_QUEUE,)

REQUESTS = """
query ($f: InboundRequestFilter, $first: Int) { inboundRequests(filter: $f, first: $first) {
  totalCount nodes { id orderId number state status statusCode priority externalId initiatedBy
    attempts errorMessage problemCount problems { message pointer code }
    attemptHistory { attempt at event } executeAfter { id } order { id } } } }
"""


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ('{ inboundRequest(id: "x") { id } }', "inboundRequest"),
        ("{ a: inboundRequests { totalCount } }", "a"),
        ("{ orders { nodes { inboundRequest { id } } } }", "orders.nodes.inboundRequest"),
        ('{ node(id: "InboundRequest:x") { id } }', "node.id"),
    ],
)
async def test_the_queue_is_not_for_everybody(ask: Ask, query: str, path: str) -> None:
    answer = await ask(query, permissions=ORDER_READER)
    assert "data" not in answer
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "AccessDenied", "argument": path}
    assert error["message"].startswith("This needs one of the roles: admin, inbound_queue_admin,")
    assert "errors" not in await ask(query)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ('{ order(id: "x") { __typename } }', "order"),
        ("{ a: orders { pageInfo { hasNextPage } } }", "a"),
        (
            "{ inboundRequests { nodes { executeAfter { order { id } } } } }",
            "inboundRequests.nodes.executeAfter.order",
        ),
        (f'{{ node(id: "{payloads.UNKNOWN_ID}") {{ id }} }}', "node.id"),
        ('{ node(id: "LineItem:x") { id } }', "node.id"),
        ('{ node(id: "OrderRevision:1") { id } }', "node.id"),
        ('{ node(id: "OrderEvent:1") { id } }', "node.id"),
    ],
)
async def test_orders_are_not_for_who_reads_the_queue_only(ask: Ask, query: str, path: str) -> None:
    answer = await ask(query, permissions=QUEUE_READER)
    assert "data" not in answer
    (error,) = answer["errors"]
    assert error["extensions"] == {"code": "AccessDenied", "argument": path}
    told = "This needs one of the roles: admin, order_fulfilment, order_integrator, order_viewer"
    assert error["message"] == told
    assert "errors" not in await ask(query)


async def test_who_looks_after_the_queue_reads_it(api: Api) -> None:
    order = payloads.order(externalId="PO-1")
    identity = (await api.post(f"{ORDERS}?mode=async", order)).json()["orderId"]
    node = f"InboundRequest:{identity}"
    query = """query ($id: ID!, $node: ID!) {
      inboundRequest(id: $id) { externalId executeAfter { id } }
      inboundRequests { totalCount nodes { orderId } }
      node(id: $node) { id ... on InboundRequest { state }
        ... on Order { version lineItems { totalCount } inboundRequest { id } } }
      none: node(id: "Nothing:1") { id } }"""
    answer = await api.graphql(query, Role.INBOUND_QUEUE_ADMIN, id=identity, node=node)
    assert answer.get("errors") is None
    assert answer["data"] == {
        "inboundRequest": {"externalId": "PO-1", "executeAfter": None},
        "inboundRequests": {"totalCount": 1, "nodes": [{"orderId": identity}]},
        "node": {"id": node, "state": "new"},
        "none": None,
    }
    refused = await api.graphql("{ orders { totalCount } }", Role.INBOUND_QUEUE_ADMIN)
    assert "data" not in refused
    assert [each["extensions"]["code"] for each in refused["errors"]] == ["AccessDenied"]


async def test_roles_are_those_of_the_client(api: Api) -> None:
    query = {"query": "{ inboundRequests { totalCount } }"}
    for role, allowed in (
        (Role.ORDER_VIEWER, True),
        (Role.ORDER_FULFILMENT, False),
        (Role.INBOUND_QUEUE_ADMIN, True),
    ):
        answer = (await api.post("/graphql", query, role)).json()
        assert ("data" in answer) is allowed
    assert (await api.post("/graphql", query, Role.CATALOG_INTEGRATOR)).status_code == 403
    assert (await api.http.post("/graphql", json=query)).status_code == 401


async def test_requests_are_followed(api: Api, ask: Ask) -> None:
    sent: list[Any] = []
    for name in ("PO-1", "PO-2"):
        order = payloads.order(externalId=name)
        sent.append((await api.post(f"{ORDERS}?mode=async", order)).json()["orderId"])
    answer = await ask(REQUESTS)
    page = answer["data"]["inboundRequests"]
    assert page["totalCount"] == 2
    newest, oldest = page["nodes"]
    assert (newest["orderId"], oldest["orderId"]) == (sent[1], sent[0])
    assert newest == {
        "id": f"InboundRequest:{sent[1]}",
        "orderId": sent[1],
        "number": "2",
        "state": "new",
        "status": None,
        "statusCode": 202,
        "priority": 0,
        "externalId": "PO-2",
        "initiatedBy": "order_integrator",
        "attempts": 0,
        "errorMessage": None,
        "problemCount": 0,
        "problems": [],
        "attemptHistory": [],
        "executeAfter": None,
        "order": None,
    }
    one = """query ($id: ID, $ext: String) {
      inboundRequest(id: $id, externalId: $ext) { orderId } }"""
    expected = {"inboundRequest": {"orderId": sent[0]}}
    assert (await ask(one, id=sent[0]))["data"] == expected
    assert (await ask(one, ext="PO-1"))["data"] == expected


async def test_the_inner_reason_of_a_failure_stays_inside(
    api: Api, ask: Ask, demo_database: Database
) -> None:
    for name in ("PO-1", "PO-2"):
        await api.post(f"{ORDERS}?mode=async", payloads.order(externalId=name))
    async with demo_database.acquire() as connection:
        await connection.execute(
            """UPDATE inbound_request SET state = 'error', status = 'failure', attempts = 2,
                 ended_at = now(), error_message = 'ZeroDivisionError: secret',
                 error = '[{"message": "No", "pointer": "/a", "code": 24}]',
                 attempt_history = '[{"attempt": 1, "at": "2026-01-01T00:00:00.000Z",
                                      "error": "secret"},
                                     {"attempt": 1, "at": "2026-01-02T00:00:00.000Z",
                                      "event": "redrive", "by": "op"}]'
               WHERE external_id = 'PO-1'"""
        )
    for wanted in ({"state": {"eq": "error"}}, {"status": {"in": ["failure"]}}):
        answer = await ask(REQUESTS, f=wanted)
        (failed,) = answer["data"]["inboundRequests"]["nodes"]
        assert failed["errorMessage"] == "No"
        assert failed["problems"] == [{"message": "No", "pointer": "/a", "code": 24}]
        assert failed["attemptHistory"] == [
            {"attempt": 1, "at": "2026-01-01T00:00:00.000Z", "event": None},
            {"attempt": 1, "at": "2026-01-02T00:00:00.000Z", "event": "redrive"},
        ]
        assert "secret" not in str(answer)
