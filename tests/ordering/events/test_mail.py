"""E-mails about failures: one for many, once, later if the server is away."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from ordering.db.engine import Database
from ordering.db.failures import LOCKED
from ordering.domain.ids import new_id
from ordering.events.mail import Failure, FailureMails, MailError, compose
from ordering.settings import Settings
from support.explaining import ExplainingDatabase
from support.faults import Fault, FaultyDatabase
from support.mailbox import PASSWORD, USER, Mailbox, certificate, mailing, serving
from support.processes import until

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

_FAILED = """
INSERT INTO order_event (order_id, event_type, occurred_at, payload, mail_due_at)
VALUES ($1, 'inboundRequestFailedEvent', $2, $3::jsonb, now() + $4::text::interval)
"""


async def failed(database: Database, number: int = 1, due_in: str | None = "0 s") -> list[UUID]:
    """Write outbox rows about failures; `due_in` is None where no e-mail is wanted."""
    ids = [new_id() for _ in range(number)]
    async with database.transaction() as connection:
        for identity in ids:
            payload = '{"message": "relatedParty is missing"}'
            await connection.execute(_FAILED, identity, AT, payload, due_in)
    return ids


async def due(database: Database) -> int:
    """Count the rows whose e-mail was not sent."""
    async with database.acquire() as connection:
        return await connection.fetchval(
            "SELECT count(*) FROM order_event WHERE mail_due_at IS NOT NULL"
        )


def body(box: Mailbox) -> str:
    (message,) = box.messages
    return message.get_content()


def failure(number: int, **members: Any) -> Failure:
    values: dict[str, Any] = {"external_id": None, "reason": "relatedParty is missing"}
    values |= members
    return Failure(id=number, request=UUID(int=number), occurred_at=AT, **values)


# -- what it says ----------------------------------------------------------------------------------
def test_an_e_mail_tells_which_requests_failed_and_why() -> None:
    settings = Settings(smtp_from="ordering@operator.example", smtp_to="ann@operator.example")
    message = compose(settings, [failure(2), failure(1, external_id="PO-1")])
    assert message["Subject"] == "2 orders could not be created"
    assert message["From"] == "ordering@operator.example"
    assert message["To"] == "ann@operator.example"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@operator.example>")
    assert message.get_content().splitlines() == [
        "These requests of the inbound queue ended in error:",
        "",
        "2026-11-22 12:00:00 UTC  00000000000000000000000000000001 (externalId PO-1)",
        "    relatedParty is missing",
        "2026-11-22 12:00:00 UTC  00000000000000000000000000000002",
        "    relatedParty is missing",
        "",
        "'ordering queue ls --state error' lists all of them, 'ordering queue show ID' tells every",
        "problem of one, 'ordering queue redrive' tries again.",
    ]


def test_an_e_mail_lists_twenty_and_counts_the_rest() -> None:
    message = compose(Settings(), [failure(number) for number in range(1, 10_001)])
    text = message.get_content()
    assert message["Subject"] == "10000 orders could not be created"
    assert text.count("relatedParty is missing") == 20
    assert "... and 9980 more." in text


def test_one_order_is_no_orders() -> None:
    assert compose(Settings(), [failure(1)])["Subject"] == "1 order could not be created"


def test_a_text_of_a_client_stays_on_its_line_and_is_cut() -> None:
    odd = failure(1, external_id="a\r\nBcc: x@y.example\r\n\r\n", reason="é" * 300)
    lines = compose(Settings(), [odd]).get_content().splitlines()
    assert lines[2].endswith("(externalId a Bcc: x@y.example)")
    assert lines[3] == "    " + "é" * 199 + "…"


# -- when it is sent -------------------------------------------------------------------------------
async def test_what_is_due_is_sent_once_and_to_everybody(demo_database: Database) -> None:
    ids = await failed(demo_database, 3)
    async with serving() as box:
        mails = FailureMails(demo_database, mailing(box))
        assert [await mails.send_due() for _ in range(2)] == [3, 0]
    assert box.recipients == [["ann@operator.example", "bob@operator.example"]]
    assert [identity.hex in body(box) for identity in ids] == [True] * 3
    assert await due(demo_database) == 0


async def test_nothing_is_sent_before_the_first_is_due(demo_database: Database) -> None:
    await failed(demo_database, due_in="30 s")
    async with serving() as box:
        assert await FailureMails(demo_database, mailing(box)).send_due() == 0
    assert box.messages == []


async def test_what_is_still_gathered_goes_with_the_first(demo_database: Database) -> None:
    await failed(demo_database, 2)
    await failed(demo_database, 3, due_in="30 s")
    async with serving() as box:
        assert await FailureMails(demo_database, mailing(box)).send_due() == 5
    assert [message["Subject"] for message in box.messages] == ["5 orders could not be created"]


async def test_what_nobody_wants_to_be_mailed_is_not(demo_database: Database) -> None:
    await failed(demo_database, due_in=None)
    async with serving() as box:
        assert await FailureMails(demo_database, mailing(box)).send_due() == 0
    assert box.messages == []


async def test_several_workers_send_one_e_mail(demo_database: Database) -> None:
    await failed(demo_database, 50)
    async with serving() as box:
        workers = [FailureMails(demo_database, mailing(box)) for _ in range(4)]
        told = await asyncio.gather(*(each.send_due() for each in workers))
    assert sorted(told) == [0, 0, 0, 50]
    assert len(box.messages) == 1


async def test_an_e_mail_that_is_being_sent_is_not_sent_by_another(
    demo_database: Database,
) -> None:
    await failed(demo_database)
    async with serving() as box:
        box.open.clear()
        mails = FailureMails(demo_database, mailing(box))
        sending = asyncio.create_task(mails.send_due())
        await box.reached.wait()
        assert await FailureMails(demo_database, mailing(box)).send_due() == 0
        box.open.set()
        assert await sending == 1
    assert len(box.messages) == 1


async def test_a_look_reads_only_what_is_to_be_sent(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        await connection.execute(
            """INSERT INTO order_event (order_id, event_type, occurred_at)
               SELECT gen_random_uuid(), 'productOrderCreateEvent', now()
               FROM generate_series(1, 20000)"""
        )
        await connection.execute("VACUUM ANALYZE order_event")
    await failed(demo_database, 3)
    async with serving() as box:
        explaining = ExplainingDatabase(demo_database)
        assert await FailureMails(explaining, mailing(box)).send_due() == 3
    read = {(scan.table, scan.index) for scan in explaining.scans if scan.table == "order_event"}
    assert read == {
        ("order_event", "order_event_mail_due"),
        ("order_event", "order_event_pkey"),
    }


# -- when it fails ---------------------------------------------------------------------------------
async def test_a_server_that_is_away_gets_it_when_it_is_back(demo_database: Database) -> None:
    await failed(demo_database, 2)
    async with serving() as box:
        pass
    mails = FailureMails(demo_database, mailing(box))
    with pytest.raises(MailError, match=r"^ConnectionRefusedError$"):
        await mails.send_due()
    assert await due(demo_database) == 2
    await failed(demo_database, due_in="30 s")
    async with serving(box):
        assert await mails.send_due() == 3
    assert len(box.messages) == 1


async def test_what_the_server_does_not_accept_stays_due(demo_database: Database) -> None:
    await failed(demo_database)
    async with serving() as box:
        box.answer = "451 try later"
        mails = FailureMails(demo_database, mailing(box))
        with pytest.raises(MailError, match=r"^SMTPDataError$"):
            await mails.send_due()
        assert await due(demo_database) == 1
        box.answer = "250 OK"
        assert await mails.send_due() == 1


async def test_a_recipient_that_is_refused_does_not_cost_the_others(
    demo_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await failed(demo_database)
    async with serving() as box:
        box.refused = {"ann@operator.example"}
        assert await FailureMails(demo_database, mailing(box)).send_due() == 1
    assert box.recipients == [["bob@operator.example"]]
    said = [one.getMessage() for one in caplog.records if one.name.startswith("ordering")]
    assert said == ["the mail server refused 1 of the recipients"]


async def test_a_worker_that_dies_before_it_notes_the_sending_has_it_sent_again(
    demo_database: Database,
) -> None:
    await failed(demo_database)
    async with serving() as box:
        box.open.clear()
        other = FailureMails(demo_database, mailing(box))
        dying = asyncio.create_task(FailureMails(demo_database, mailing(box)).send_due())
        await box.reached.wait()
        dying.cancel()
        await asyncio.wait({dying})
        box.open.set()

        async def delivered() -> bool:
            return bool(box.messages)

        await until(delivered)
        assert await other.send_due() == 0
        async with demo_database.acquire() as connection:
            await connection.execute(
                "UPDATE order_event SET mail_due_at = mail_due_at - interval '7 min'"
            )
        assert await other.send_due() == 1
    assert len(box.messages) == 2
    assert await due(demo_database) == 0


async def test_an_e_mail_is_sent_whatever_the_server_s_farewell(demo_database: Database) -> None:
    await failed(demo_database)
    async with serving() as box:
        box.farewell = "421 too busy"
        mails = FailureMails(demo_database, mailing(box))
        assert [await mails.send_due() for _ in range(2)] == [1, 0]
    assert len(box.messages) == 1
    assert await due(demo_database) == 0


async def test_a_note_that_the_database_does_not_take_is_made_at_the_next_look(
    demo_database: Database,
) -> None:
    await failed(demo_database)
    async with serving() as box:
        # The e-mail is sent between the fourth statement, a commit, and the fifth, the note.
        faulty = FaultyDatabase(demo_database, at=5, fault=Fault.LOCK_TIMEOUT)
        mails = FailureMails(faulty, mailing(box))
        with pytest.raises(LOCKED):
            await mails.send_due()
        assert await due(demo_database) == 1
        assert await mails.send_due() == 0
    assert await due(demo_database) == 0
    assert len(box.messages) == 1


# -- how it is sent --------------------------------------------------------------------------------
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_the_way_is_encrypted_before_the_password_is_told(
    demo_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    security: str,
) -> None:
    context, public = certificate(tmp_path)
    login = {"smtp_user": USER, "smtp_password": PASSWORD, "smtp_security": security}
    encrypted: dict[str, Any] = {security: context}
    await failed(demo_database)
    async with serving(**encrypted, auth=True) as box:
        mails = FailureMails(demo_database, mailing(box, **login))
        with pytest.raises(MailError, match=r"^SSLCertVerificationError$"):
            await mails.send_due()
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        assert await mails.send_due() == 1
        await failed(demo_database)
        wrong = mailing(box, **login | {"smtp_password": "wrong"})
        with pytest.raises(MailError, match=r"^SMTPAuthenticationError$"):
            await FailureMails(demo_database, wrong).send_due()
    assert len(box.messages) == 1
    assert PASSWORD not in caplog.text


async def test_a_server_without_encryption_is_told_nothing(demo_database: Database) -> None:
    await failed(demo_database)
    async with serving() as box:
        mails = FailureMails(demo_database, mailing(box, smtp_security="starttls"))
        with pytest.raises(MailError, match=r"^SMTPNotSupportedError$"):
            await mails.send_due()
    assert box.messages == []
