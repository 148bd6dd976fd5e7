"""Changing an order that is still in the inbound queue, or just left it."""

from typing import Any
from uuid import UUID

import pytest

from ordering.inbound.claim import claim
from ordering_rest.parity import queued
from support import payloads
from support.api import DEPRECATED, ORDERS, Api
from support.queue import make_processor, record

CHANGE = {"note": [payloads.note("call later")]}
NOT_YET = {
    "code": 24,
    "reason": "Invalid body field",
    "message": "Invalid body field",
    "details": [
        {
            "message": "This order is yet to be created in customer order table. "
            "Please check in inbound queue for more details.",
            "datapath": "",
        }
    ],
}


async def queue(api: Api) -> str:
    """Queue an order; returns its id to be."""
    response = await api.post(f"{ORDERS}?mode=async", payloads.order(externalId="PO-1"))
    return response.json()["orderId"]


async def make_claimed(api: Api) -> None:
    async with api.database.acquire() as connection:
        await claim(connection, batch=1, max_bytes=10_000, lease_s=60, system_id="tester")


async def make_pending(api: Api) -> None:
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET state = 'pending', execute_after = id")


@pytest.mark.parametrize("path", [ORDERS, DEPRECATED])
@pytest.mark.parametrize("by", ["id", "external id"])
async def test_a_waiting_order_cannot_be_revised_yet(api: Api, path: str, by: str) -> None:
    identity = await queue(api)
    text = identity if by == "id" else "PO-1"
    response = await api.patch(f"{path}/{text}", CHANGE)
    assert (response.status_code, response.json()) == (400, NOT_YET)
    assert (await record(api.database, UUID(identity)))["state"] == "new"


@pytest.mark.parametrize("make", [make_claimed, make_pending])
async def test_neither_can_one_that_is_claimed_or_pending(api: Api, make: Any) -> None:
    identity = await queue(api)
    await make(api)
    response = await api.patch(f"{ORDERS}/{identity}", CHANGE)
    assert (response.status_code, response.json()) == (400, NOT_YET)


async def test_a_failed_one_is_no_order(api: Api) -> None:
    identity = await queue(api)
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET payload = '{}'")
    await make_processor(api.database, api.services.keeper).drain_batch()
    assert (await record(api.database, UUID(identity)))["state"] == "error"
    response = await api.patch(f"{ORDERS}/{identity}", CHANGE)
    assert response.status_code == 404
    assert [detail["message"] for detail in response.json()["details"]] == [
        "No order has this id or externalId"
    ]


async def test_one_that_was_created_meanwhile_is_changed_after_all(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = await queue(api)
    find_request = queued.find_request

    async def drain_first(*args: Any) -> Any:
        await make_processor(api.database, api.services.keeper).drain_batch()
        return await find_request(*args)

    monkeypatch.setattr(queued, "find_request", drain_first)
    response = await api.patch(f"{ORDERS}/{identity}", CHANGE)
    # It is found; new orders may not be revised by default.
    assert response.status_code == 400
    assert [detail["message"] for detail in response.json()["details"]] == [
        "Cannot update the order in state: New"
    ]
