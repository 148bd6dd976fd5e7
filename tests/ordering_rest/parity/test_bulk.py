"""Many orders in one request: what lines are answered, what is stored, what is not done twice."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from ordering import services
from ordering.access.roles import Role
from ordering.db.connection import Connection, Row
from ordering.orders.external_ids import FindOwners
from support import payloads
from support.api import ORDERS, PASSWORD, Api, another_api
from support.bulks import BULK, NDJSON, lines, send
from support.contract import drain
from support.placed import snapshot
from support.queue import record, states

Pairs = Sequence[str | None]

BAD = payloads.removed(payloads.order(externalId="BAD"), "/relatedParty")
NO_PARTY = {"message": "Invalid payload: relatedParty is missing", "datapath": "/relatedParty"}


def numbered(count: int, prefix: str = "PO") -> list[payloads.Payload]:
    return [payloads.order(externalId=f"{prefix}-{number}") for number in range(count)]


async def ids(api: Api, table: str = "inbound_request") -> list[str]:
    async with api.database.acquire() as connection:
        rows = await connection.fetch(f"SELECT id FROM {table} ORDER BY id")
    return [row["id"].hex for row in rows]


async def records(api: Api, *order_ids: str | None) -> list[dict[str, Any]]:
    return [await record(api.database, UUID(each)) for each in order_ids]


async def test_each_line_is_answered_in_order_with_its_order_or_its_errors(api: Api) -> None:
    too_long = b'{"note": "' + b"x" * 16 * 1024 * 1024 + b'"}'
    body = lines(
        payloads.order(externalId="A-1"), b"", BAD, b'{"half": ', payloads.order(), b"[1]",
        b"\xff", too_long, b"  \r", payloads.order(externalId="A-1"),
    )  # fmt: skip
    answer = await send(api, body)
    assert answer.counts == ("finished", 2, 1, 5)
    assert answer.end["bulk"]["total"] == 8
    first, last = answer.results[0]["orderId"], answer.results[3]["orderId"]

    def wrong(line: int, message: str) -> dict[str, Any]:
        return {"line": line, "errors": [{"message": message, "datapath": ""}]}

    assert answer.results == [
        {"line": 1, "orderId": first, "externalId": "A-1"},
        {"line": 3, "externalId": "BAD", "errors": [NO_PARTY]},
        wrong(4, "Input data was truncated"),
        {"line": 5, "orderId": last},
        wrong(6, "Expected an object"),
        wrong(7, "JSON is malformed: invalid character (byte 0)"),
        wrong(8, "The line is longer than 16777216 bytes"),
        {"line": 10, "orderId": first, "externalId": "A-1", "duplicate": True},
    ]
    assert await ids(api) == [first, last]


async def test_accepted_lines_become_orders_under_the_ids_that_were_answered(api: Api) -> None:
    answer = await send(api, lines(*numbered(3)))
    assert await drain(api) == 3
    assert await ids(api, "customer_order") == answer.order_ids
    shown = await api.get(f"{ORDERS}/{answer.order_ids[1]}")
    assert shown.json()["externalId"] == "PO-1"


async def test_a_record_of_a_bulk_is_that_of_a_single_request(api: Api) -> None:
    order = payloads.order(externalId="PO-1", externalSystem="shop")
    single = (await api.post(BULK, payloads.changed(order, "/externalId", "PO-2"))).json()
    (bulk,) = (await send(api, lines(order))).order_ids
    found = await records(api, single["orderId"], bulk)
    for each in found:
        for name in ("id", "number", "created_at", "updated_at", "external_id"):
            del each[name]
        each["payload"] = each["payload"].replace("PO-2", "PO-1")
    assert found[0] == found[1]


async def test_requests_about_one_inventory_follow_each_other_within_a_bulk(api: Api) -> None:
    about = [payloads.order(items=[payloads.change_item()]) for _ in range(3)]
    answer = await send(api, lines(about[0], payloads.order(), *about[1:]))
    assert await states(api.database) == {"new": 2, "pending": 2}
    found = await records(api, *answer.order_ids)
    waits_for = [each["execute_after"] and each["execute_after"].hex for each in found]
    assert waits_for == [None, None, answer.order_ids[0], answer.order_ids[2]]


async def test_a_byte_order_mark_is_no_part_of_the_first_line(api: Api) -> None:
    answer = await send(api, b"\xef\xbb\xbf" + lines(*numbered(2)))
    assert answer.counts == ("finished", 2, 0, 0)


async def test_plain_json_lines_may_say_so(api: Api) -> None:
    headers = {
        "Content-Type": 'Application/X-NDJSON; charset="UTF-8"',
        "Content-Encoding": "identity",
    }
    response = await api.post(BULK, lines(payloads.order()), headers=headers)
    assert response.status_code == 202


async def test_an_empty_bulk_is_finished(api: Api) -> None:
    assert (await send(api, b"")).counts == ("finished", 0, 0, 0)
    assert (await send(api, b"\n\n")).counts == ("finished", 0, 0, 0)


# -- refused as a whole ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "headers", "status", "message"),
    [
        (ORDERS, NDJSON, 400, "application/x-ndjson is taken with mode=async only"),
        (BULK, NDJSON | {"Content-Encoding": "gzip"}, 400,
         "Content-Encoding must be absent, or identity"),
        (BULK, {"Content-Type": "application/x-ndjson; charset=utf-16"}, 400,
         "charset must be utf-8, or absent"),
        (f"{ORDERS}?mode=sync", NDJSON, 400, "mode must be async, or absent"),
        (BULK, {"Content-Type": "text/csv"}, 400, "Content-Type must be application/json"),
        (BULK, NDJSON | {"Idempotency-Key": " "}, 400,
         "Idempotency-Key must be 1 to 255 visible ASCII characters, sent once"),
    ],
)  # fmt: skip
async def test_a_request_that_is_wrong_is_refused_before_its_first_line(
    api: Api, path: str, headers: dict[str, str], status: int, message: str
) -> None:
    before = await snapshot(api.database)
    response = await api.post(path, lines(payloads.order()), headers=headers)
    assert response.status_code == status
    assert [each["message"] for each in response.json()["details"]] == [message]
    assert await snapshot(api.database) == before


async def test_only_who_may_place_orders_may_send_bulks(api: Api) -> None:
    before = await snapshot(api.database)
    answers = {
        role: (await api.post(BULK, lines(payloads.order()), role, NDJSON)).status_code
        for role in Role
        if role not in (Role.ORDER_INTEGRATOR, Role.ADMIN)
    }
    assert set(answers.values()) == {403}
    anonymous = await api.http.post(BULK, content=lines(payloads.order()), headers=NDJSON)
    assert anonymous.status_code == 401
    assert await snapshot(api.database) == before


# -- done once -------------------------------------------------------------------------------------
async def test_an_order_that_is_known_is_a_duplicate_queued_or_created(api: Api) -> None:
    created = (await api.post(ORDERS, payloads.order(externalId="PO-0"))).json()["id"]
    queued = (await api.post(BULK, payloads.order(externalId="PO-1"))).json()["orderId"]
    other_system = payloads.order(externalId="PO-1", externalSystem="shop")
    answer = await send(api, lines(*numbered(2), other_system))
    assert answer.counts == ("finished", 1, 2, 0)
    assert answer.order_ids[:2] == [created, queued]
    assert answer.results[0] == {
        "line": 1, "orderId": created, "externalId": "PO-0", "duplicate": True
    }  # fmt: skip
    assert "duplicate" not in answer.results[2]
    assert await states(api.database) == {"new": 2}


async def test_an_order_that_failed_may_be_sent_again(api: Api) -> None:
    (first,) = (await send(api, lines(payloads.order(externalId="PO-1")))).order_ids
    async with api.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET state = 'error', status = 'failure', ended_at = now()"
        )
    answer = await send(api, lines(payloads.order(externalId="PO-1")))
    assert answer.counts == ("finished", 1, 0, 0)
    assert answer.order_ids != [first]


async def test_of_two_bulks_with_the_same_orders_one_gets_each(api: Api) -> None:
    orders = numbered(600)
    one, other = await asyncio.gather(
        send(api, lines(*orders)), send(api, lines(*reversed(orders)))
    )
    assert one.counts[1] + other.counts[1] == 600
    assert one.counts[2] + other.counts[2] == 600
    assert one.order_ids == other.order_ids[::-1]
    assert await ids(api) == sorted(filter(None, one.order_ids))


async def test_two_processes_do_not_accept_the_same_order(
    api: Api, demo_url: str, servers: Any
) -> None:
    orders = numbered(300)
    async with another_api(api.database, demo_url, servers.redis_url) as beside:
        one, other = await asyncio.gather(send(api, lines(*orders)), send(beside, lines(*orders)))
    assert one.counts[1] + other.counts[1] == 300
    assert one.order_ids == other.order_ids


async def test_a_request_that_becomes_an_order_between_two_looks_is_a_duplicate(
    api: Api, demo_url: str, servers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[FindOwners] = []

    def followed_by_the_worker(look: FindOwners) -> FindOwners:
        async def find(connection: Connection, systems: Pairs, ids: Pairs) -> Sequence[Row]:
            looks.append(look)
            found = await look(connection, systems, ids)
            if len(looks) == 1:
                assert await drain(api) == 1
            return found

        return find

    (known,) = (await send(api, lines(*numbered(1)))).order_ids
    for name in ("find_order_owners", "find_request_owners"):
        look = followed_by_the_worker(getattr(services, name))
        monkeypatch.setattr(services, name, look)
    async with another_api(api.database, demo_url, servers.redis_url) as beside:
        answer = await send(beside, lines(*numbered(1)))
    assert len(looks) == 2
    assert (answer.counts, answer.order_ids) == (("finished", 0, 1, 0), [known])


async def test_a_bulk_that_is_repeated_under_its_key_is_answered_and_not_done(api: Api) -> None:
    body = lines(payloads.order(), BAD, payloads.order())
    first = await send(api, body, key="k")
    before = await ids(api)
    again = await send(api, body, key="k")
    assert again.results == first.results
    assert again.end["bulk"]["id"] == first.end["bulk"]["id"]
    assert again.counts == first.counts == ("finished", 2, 0, 1)
    assert await ids(api) == before


async def test_a_bulk_that_is_repeated_with_more_lines_is_gone_on_with(api: Api) -> None:
    orders = [payloads.order() for _ in range(700)]
    first = await send(api, lines(*orders[:300]), key="k")
    again = await send(api, lines(*orders), key="k")
    assert again.order_ids[:300] == first.order_ids
    assert again.counts == ("finished", 700, 0, 0)
    assert await ids(api) == again.order_ids


async def test_a_key_is_the_clients_own(api: Api) -> None:
    first = await send(api, lines(payloads.order()), key="k")
    other = await send(api, lines(payloads.order()), key="k", role="admin")
    assert first.order_ids != other.order_ids


async def test_a_line_that_is_another_under_the_same_key_ends_the_bulk(api: Api) -> None:
    await send(api, lines(*numbered(2)), key="k")
    answer = await send(api, lines(*numbered(1), payloads.order(), payloads.order()), key="k")
    assert answer.results == []
    assert answer.counts == ("finished", 2, 0, 0)
    assert answer.end["errors"] == [
        {
            "message": "Line 2 is not the one that was sent with this Idempotency-Key before",
            "datapath": "",
        }
    ]
    assert await states(api.database) == {"new": 2}


@pytest.mark.parametrize(
    ("before", "now", "differs"),
    [
        pytest.param((0,), (0, 1), 2, id="a blank line that is filled"),
        pytest.param((0, 1), (0,), 2, id="a line that is blank now"),
        pytest.param((1, 2), (2,), 2, id="blank now, at the beginning"),
    ],
)
async def test_a_line_that_was_or_is_blank_is_another_line(
    api: Api, before: Sequence[int], now: Sequence[int], differs: int
) -> None:
    orders = numbered(1000)

    def body(filled: Sequence[int]) -> bytes:
        return lines(*(each if n in filled or n > 2 else b"" for n, each in enumerate(orders)))

    await send(api, body(before), key="k")
    queued = await ids(api)
    for _ in range(2):
        answer = await send(api, body(now), key="k")
        assert [each["message"] for each in answer.end["errors"]] == [
            f"Line {differs} is not the one that was sent with this Idempotency-Key before"
        ]
    assert await ids(api) == queued
    again = await send(api, body(before), key="k")
    assert again.counts == ("finished", len(queued), 0, 0)


async def test_a_bulk_that_is_being_received_is_not_received_twice(api: Api) -> None:
    async with api.services.accept_bulk.open("order_integrator", "k"):
        headers = NDJSON | {"Idempotency-Key": "k"}
        response = await api.http.post(
            BULK,
            content=lines(payloads.order()),
            headers=headers,
            auth=("order_integrator", PASSWORD),
        )
    assert response.status_code == 409
    assert await states(api.database) == {}
    assert (await send(api, lines(payloads.order()), key="k")).counts == ("finished", 1, 0, 0)
