"""What operators do to the queue under an `Idempotency-Key`: done once, answered again."""

from typing import Any

import httpx
import pytest

from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.inbound.filters import RequestFilter
from ordering.inbound.operations import QueueOperations
from ordering.orders.idempotency import Answer, AnsweredError, Once, RequestKey
from ordering.settings import Settings
from ordering_rest.operations.inbound import QUEUE_PATH as QUEUE
from ordering_rest.operations.inbound_view import REQUESTS_PATH as REQUESTS
from support.api import Api
from support.queue import states
from support.queued import queued

REDRIVE = f"{REQUESTS}/redrive"
CANCEL = f"{REQUESTS}/cancel"
FAILED: dict[str, Any] = {"filter": {"externalId": "PO-1"}}
WAITING: dict[str, Any] = {"filter": {"externalId": "PO-2"}}

#: Each changing request, on a queue with one record in error (PO-1) and one that is new (PO-2).
CHANGES: list[tuple[str, object]] = [
    (f"{REQUESTS}/PO-1/createOrder", b""),
    (REDRIVE, FAILED),
    (CANCEL, WAITING),
    (f"{QUEUE}/pause", b""),
    (f"{QUEUE}/resume", b""),
]


@pytest.fixture
async def filled(api: Api) -> Api:
    await queued(api.database, "error", external_id="PO-1")
    await queued(api.database, external_id="PO-2")
    return api


async def send(api: Api, path: str, body: object) -> httpx.Response:
    return await api.post(path, body, Role.INBOUND_QUEUE_ADMIN, {"Idempotency-Key": "k-1"})


async def fail_all(database: Database) -> None:
    """Let every record end in error, as if it had been tried in vain."""
    async with database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET state = 'error', status = 'failure', status_code = 400,"
            " ended_at = now()"
        )


@pytest.mark.parametrize(("path", "body"), CHANGES)
async def test_a_repeat_is_answered_as_the_first_was(filled: Api, path: str, body: object) -> None:
    first = await send(filled, path, body)
    repeat = await send(filled, path, body)
    assert first.status_code in (200, 202)
    assert (repeat.status_code, repeat.content) == (first.status_code, first.content)
    assert repeat.headers.get("location") == first.headers.get("location")
    assert "idempotency-replayed" not in first.headers
    assert repeat.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(("path", "body"), [CHANGES[0], CHANGES[1]])
async def test_what_failed_again_is_not_redriven_by_a_repeat(
    filled: Api, path: str, body: object
) -> None:
    await send(filled, path, body)
    await fail_all(filled.database)
    assert (await send(filled, path, body)).headers["idempotency-replayed"] == "true"
    assert await states(filled.database) == {"error": 2}


async def test_a_repeated_pause_does_not_end_what_came_after_it(filled: Api) -> None:
    await send(filled, f"{QUEUE}/pause", b"")
    await filled.post(f"{QUEUE}/resume", b"", Role.ADMIN)
    assert (await send(filled, f"{QUEUE}/pause", b"")).json()["paused"] is True
    assert (await filled.get(QUEUE, Role.ADMIN)).json()["paused"] is False


async def test_a_key_is_for_one_filter(filled: Api) -> None:
    await send(filled, REDRIVE, FAILED)
    await fail_all(filled.database)
    refused = await send(filled, REDRIVE, WAITING)
    assert refused.status_code == 422
    assert await states(filled.database) == {"error": 2}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [(CANCEL, {"filter": {}}, 400), (f"{REQUESTS}/PO-3/createOrder", b"", 404)],
)
async def test_what_was_refused_is_not_kept(
    filled: Api, path: str, body: object, status: int
) -> None:
    assert (await send(filled, path, body)).status_code == status
    assert await filled.count("idempotency_key") == 0


async def test_of_two_processes_that_cancel_under_one_key_both_answer_what_the_first_did(
    demo_database: Database,
) -> None:
    """The answer is stored behind the last batch: who comes later is given that of the first."""
    key = RequestKey("ann", CANCEL, "k-1", b"hash")

    def answer(done: int) -> Answer:
        return Answer(status_code=200, body=b"%d" % done, headers={})

    once = Once(key, answer)
    everything = RequestFilter(external_id="PO-1")
    queue = QueueOperations(demo_database, lambda: None, Settings())
    await queued(demo_database, external_id="PO-1")
    assert await queue.cancel(everything, "ann", once) == 1
    await queued(demo_database, external_id="PO-1")
    with pytest.raises(AnsweredError) as caught:
        await queue.cancel(everything, "ann", once)
    assert caught.value.answer.body == b"1"
    assert await states(demo_database) == {"error": 2}
