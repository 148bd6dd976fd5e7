"""What ends in error is told: one outbox row each, in the same transaction, and an e-mail's due."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.states import InboundState
from ordering.inbound.backoff import Backoff
from ordering.inbound.failures import Aftermath
from ordering.inbound.filters import RequestFilter
from ordering.inbound.interruption import Patience, release
from ordering.inbound.operations import QueueOperations
from ordering.settings import Settings
from support import payloads
from support.queue import make_processor, put, record, take
from support.queued import queued

GOOD = payloads.order()
BAD = payloads.removed(payloads.order(externalId="PO-7"), "/relatedParty")
MAILING = {"smtp_host": "mail.example", "smtp_gather_s": 30}


async def told(database: Database) -> list[dict[str, Any]]:
    """Read the outbox rows about failures, the oldest first; payloads are decoded."""
    async with database.acquire() as connection:
        rows: Any = await connection.fetch(
            "SELECT * FROM order_event WHERE event_type = 'inboundRequestFailedEvent' ORDER BY id"
        )
    return [dict(row.items()) | {"payload": msgspec.json.decode(row["payload"])} for row in rows]


async def test_bad_data_is_told_with_its_first_problem(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    ids = await put(demo_database, GOOD, BAD, b"{no json")
    async with demo_database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET external_id = 'PO-7' WHERE id = $1", ids[1]
        )
    await make_processor(demo_database, keeper).drain_batch()
    first, second = await told(demo_database)
    failed = await record(demo_database, ids[1])
    assert (first["order_id"], first["occurred_at"]) == (ids[1], failed["ended_at"])
    assert first["payload"] == {
        "externalId": "PO-7",
        "message": "Invalid payload: relatedParty is missing",
        "problems": 1,
        "attempts": 1,
    }
    assert second["order_id"] == ids[2]
    assert "externalId" not in second["payload"]
    assert [each["mail_due_at"] for each in (first, second)] == [None, None]


async def test_what_our_code_cannot_bear_is_told_with_the_reason_for_operators(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identity,) = await put(demo_database, GOOD)

    def defect(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ordering.inbound.process.capture", defect)
    await make_processor(demo_database, keeper, **MAILING).drain_batch()
    (event,) = await told(demo_database)
    assert event["order_id"] == identity
    assert event["payload"] == {
        "message": "Invalid payload: Order creation failed",
        "reason": "ZeroDivisionError",
        "problems": 1,
        "attempts": 1,
    }
    assert event["mail_due_at"] == event["occurred_at"] + timedelta(seconds=30)


@pytest.mark.parametrize("ending", ["rescued", "interrupted"])
async def test_the_last_attempt_is_told_and_those_before_are_not(
    demo_database: Database, keeper: CatalogKeeper, ending: str
) -> None:
    (identity,) = await put(demo_database, GOOD)
    for expected in (0, 1):
        taken = await take(demo_database, lease_s=-1)
        if ending == "rescued":
            await make_processor(demo_database, keeper, queue_max_attempts=2, **MAILING).rescue()
        else:
            async with demo_database.transaction() as connection:
                patience = Patience(Backoff(0, 0), max_interruptions=2)
                mails = Aftermath(mail_after_s=30)
                assert await release(connection, taken.token, "lost", patience, mails)
        assert len(await told(demo_database)) == expected
    (event,) = await told(demo_database)
    ended = await record(demo_database, identity)
    assert (event["order_id"], event["payload"]["message"]) == (identity, ended["error_message"])
    assert event["mail_due_at"] == ended["ended_at"] + timedelta(seconds=30)


async def test_a_cancellation_is_told_but_not_by_mail(demo_database: Database) -> None:
    identity = await queued(demo_database)
    settings = Settings(smtp_host="mail.example")
    operations = QueueOperations(demo_database, lambda: None, settings)
    assert await operations.cancel(RequestFilter(state=InboundState.NEW), "ann") == 1
    (event,) = await told(demo_database)
    assert event["order_id"] == identity
    assert event["payload"] == {"message": "canceled by an operator", "problems": 1, "attempts": 0}
    assert event["mail_due_at"] is None


async def test_a_failure_that_is_rolled_back_is_not_told(
    demo_database: Database, keeper: CatalogKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    (identity,) = await put(demo_database, BAD)

    async def lost(*_: object, **__: object) -> None:
        raise ConnectionResetError

    monkeypatch.setattr("ordering.inbound.process.tell_of_failures", lost)
    with pytest.raises(ConnectionResetError):
        await make_processor(demo_database, keeper).drain_batch()
    assert await told(demo_database) == []
    assert (await record(demo_database, identity))["state"] == "new"


async def test_of_the_history_the_latest_fifty_are_kept(demo_database: Database) -> None:
    identity = await queued(demo_database, "error")
    operations = QueueOperations(demo_database, lambda: None, Settings())
    which = RequestFilter(id=identity)
    for _ in range(26):
        assert await operations.redrive(which, "ann") == 1
        assert await operations.cancel(which, "ann") == 1
    history = (await record(demo_database, identity))["attempt_history"]
    assert [each["event"] for each in history] == ["redriven", "canceled"] * 25
    assert history == sorted(history, key=lambda each: each["at"])
