"""The header `Idempotency-Key` on every POST: done once, answered as often as it is sent."""

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.inbound.accept import AcceptOrder
from ordering.orders.create import CreateOrder
from ordering.orders.idempotency import Answer, Once, RequestKey, begin_once
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import DEPRECATED, ORDERS, PASSWORD, Api, another_api
from support.counting import CountingDatabase

ASYNC = f"{ORDERS}?mode=async"
CANCEL = "/api/sn_ind_tmt_orm/cancelproductorder"
CREATING = [ORDERS, ASYNC, DEPRECATED]
ORDER = payloads.order(externalId="PO-1")
KEPT_HEADERS = ("content-type", "location", "etag", "retry-after", "deprecation")


async def send(
    api: Api, path: str, body: object = ORDER, key: str = "k-1", role: Role = Role.ORDER_INTEGRATOR
) -> httpx.Response:
    return await api.post(path, body, role, {"Idempotency-Key": key})


def same(repeat: httpx.Response, first: httpx.Response) -> bool:
    """Tell whether a repeat was answered as the first was, and says that it is a repeat."""
    assert "idempotency-replayed" not in first.headers
    assert repeat.headers["idempotency-replayed"] == "true"
    headers = [[each.headers.get(name) for name in KEPT_HEADERS] for each in (repeat, first)]
    return ((repeat.status_code, repeat.content) == (first.status_code, first.content)) and headers[
        0
    ] == headers[1]


async def made(api: Api) -> int:
    """Count the orders, created or queued."""
    return await api.count("customer_order") + await api.count("inbound_request")


async def place(api: Api) -> str:
    """Create an order in progress."""
    identity: str = (await api.post(ORDERS, ORDER)).json()["id"]
    async with api.database.acquire() as connection:
        for table in ("customer_order", "order_line_item"):
            await connection.execute(f"UPDATE {table} SET state = 'in_progress'")
    return identity


@pytest.mark.parametrize("path", CREATING)
async def test_a_repeat_is_answered_as_the_first_was(api: Api, path: str) -> None:
    first = await send(api, path)
    assert first.status_code in (201, 202), first.text
    assert same(await send(api, path), first)
    assert await made(api) == 1


async def test_a_repeat_is_answered_as_the_first_was_whatever_happened_since(api: Api) -> None:
    first = await send(api, ORDERS)
    identity = first.json()["id"]
    await api.patch(f"{ORDERS}/{identity}", {"note": [payloads.note()]})
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = 'canceled'")
    assert same(await send(api, ORDERS), first)


async def test_a_canceled_order_is_not_canceled_again(api: Api) -> None:
    body = {"productOrder": {"id": await place(api)}}
    first = await send(api, CANCEL, body)
    assert first.status_code == 200, first.text
    assert same(await send(api, CANCEL, body), first)
    assert (await api.post(CANCEL, body)).status_code == 400
    assert await api.count("order_revision") == 2


async def test_a_transition_is_not_made_again(api: Api) -> None:
    path = f"/api/ordering/v1/productOrder/{await place(api)}/transition"
    body = {"action": "hold"}
    first = await send(api, path, body, role=Role.ORDER_FULFILMENT)
    assert first.status_code == 200, first.text
    assert same(await send(api, path, body, role=Role.ORDER_FULFILMENT), first)
    refused = await send(api, path, {"action": "release"}, role=Role.ORDER_FULFILMENT)
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    assert await api.count("order_revision") == 2


@pytest.mark.parametrize("path", CREATING)
async def test_a_key_is_for_one_request(api: Api, path: str) -> None:
    await send(api, path)
    refused = await send(api, path, payloads.order(externalId="PO-2"))
    reason = "Invalid header value"
    assert (refused.status_code, refused.json()) == (
        422,
        {
            "code": 26,
            "reason": reason,
            "message": reason,
            "details": [
                {"message": "This Idempotency-Key was used for another request", "datapath": ""}
            ],
        },
    )
    assert await made(api) == 1


async def test_keys_of_paths_modes_and_clients_are_their_own(api: Api) -> None:
    for path in CREATING:
        assert (await send(api, path)).status_code in (201, 202)
    assert (await send(api, ORDERS, role=Role.ADMIN)).status_code == 201
    assert (await send(api, ORDERS, key="k-2")).status_code == 201
    assert await made(api) == 5


@pytest.mark.parametrize("path", CREATING)
async def test_what_was_refused_may_be_sent_again(api: Api, path: str) -> None:
    bad = payloads.removed(ORDER, "/relatedParty")
    assert (await send(api, path, bad)).status_code == 400
    assert await api.count("idempotency_key") == 0
    assert (await send(api, path)).status_code in (201, 202)


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, "\u00fc", "a\tb"])
async def test_what_is_no_key_is_refused(api: Api, key: str) -> None:
    refused = await api.http.post(
        ORDERS,
        auth=(Role.ORDER_INTEGRATOR.value, PASSWORD),
        content=payloads.to_json(ORDER),
        headers=[
            (b"Content-Type", b"application/json"),
            (b"Idempotency-Key", key.encode("latin-1")),
        ],
    )
    assert refused.status_code == 400
    assert refused.json()["details"] == [
        {
            "message": "Idempotency-Key must be 1 to 255 visible ASCII characters, sent once",
            "datapath": "",
        }
    ]
    assert await made(api) == 0


async def test_a_path_that_nothing_can_have_is_not_found_with_a_key_either(api: Api) -> None:
    path = "/api/ordering/v1/productOrder/%00/transition"
    refused = await send(api, path, {"action": "hold"}, role=Role.ORDER_FULFILMENT)
    assert refused.status_code == 404
    assert await api.count("idempotency_key") == 0


async def test_two_keys_are_none(api: Api) -> None:
    refused = await api.http.post(
        ORDERS,
        auth=(Role.ORDER_INTEGRATOR.value, PASSWORD),
        content=payloads.to_json(ORDER),
        headers=[
            ("Content-Type", "application/json"),
            ("Idempotency-Key", "a"),
            ("Idempotency-Key", "b"),
        ],
    )
    assert refused.status_code == 400
    assert await made(api) == 0


@pytest.mark.parametrize("path", CREATING)
async def test_the_longest_key_will_do(api: Api, path: str) -> None:
    key = "!~" + "k" * 253
    first = await send(api, path, key=key)
    assert same(await send(api, path, key=key), first)


@pytest.mark.parametrize("path", CREATING)
async def test_twenty_at_once_make_one_order(
    api: Api, demo_database: Database, demo_url: str, servers: EmbeddedServers, path: str
) -> None:
    """Two applications, which share nothing but the database."""
    async with another_api(demo_database, demo_url, servers.redis_url) as other:
        answers = await asyncio.gather(
            *(send(each, path) for _ in range(10) for each in (api, other))
        )
    kinds = Counter(each.status_code for each in answers)
    done = 202 if "async" in path else 201
    assert set(kinds) <= {done, 409}
    assert len({each.content for each in answers if each.status_code == done}) == 1
    firsts = [
        each
        for each in answers
        if each.status_code == done and "idempotency-replayed" not in each.headers
    ]
    assert len(firsts) == 1
    early = [each.json()["details"][0]["message"] for each in answers if each.status_code == 409]
    assert set(early) <= {"A request with this Idempotency-Key is under way; repeat it later"}
    assert await made(api) == 1
    assert same(await send(api, path), firsts[0])


async def test_a_request_killed_before_its_answer_is_answered_when_repeated(api: Api) -> None:
    """What a process leaves that is killed after the commit: the order and the answer."""
    body = payloads.to_json(ORDER)
    first = await send(api, ORDERS, body)
    async with api.database.acquire() as connection:
        stored = await connection.fetchrow("SELECT * FROM idempotency_key")
    assert stored is not None
    key = RequestKey(stored["client"], stored["path"], "k-2", stored["request_hash"])

    def answer(order: Any) -> Answer:
        return Answer(status_code=201, body=first.content, headers={"Location": order.id.hex})

    created = await api.services.create_order(body, stored["client"], once=Once(key, answer))
    repeat = await send(api, ORDERS, body, key="k-2")
    assert repeat.status_code == 201
    assert repeat.headers["idempotency-replayed"] == "true"
    assert repeat.headers["location"] == created.id.hex
    assert repeat.content == first.content
    assert await made(api) == 2


async def test_a_key_that_another_process_uses_is_told_at_once_and_delays_nobody(
    api: Api,
) -> None:
    key = RequestKey(Role.ORDER_INTEGRATOR.value, ORDERS, "k-1", b"")
    async with api.database.transaction() as connection:
        await begin_once(connection, key)
        answers = await asyncio.gather(
            send(api, ORDERS), send(api, ORDERS, key="k-2"), api.post(ORDERS, ORDER)
        )
        assert [each.status_code for each in answers] == [409, 201, 201]
        assert [each.headers.get("retry-after") for each in answers] == ["1", None, None]
    assert (await send(api, ORDERS)).status_code == 201


@pytest.mark.parametrize("mode", ["", "?mode=async"])
async def test_without_a_key_nothing_is_asked_or_stored(
    demo_database: Database, finder: ReferenceFinder, mode: str
) -> None:
    counting = CountingDatabase(demo_database)
    body = payloads.to_json(ORDER)
    if mode:
        await AcceptOrder(counting, finder, Settings(), lambda: None)(body, "cpq")
    else:
        await CreateOrder(counting, finder, Settings())(body, "cpq")
    assert [each.split()[:3] for each in counting.statements] == [
        ["INSERT", "INTO", "inbound_request"] if mode else ["WITH", "sent_order", "AS"]
    ]
