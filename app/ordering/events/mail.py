"""E-mails about records of the inbound queue that ended in error.

Each outbox row with `mail_due_at` is to be told by e-mail. One e-mail tells of all that failed
within the time for which failures are gathered, so that ten thousand bad orders are one e-mail. It
is sent again only if we do not hear that the server took it, or if it is not noted within minutes,
as when the worker is killed in between (docs/decisions/0019-failures.md).
"""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from uuid import UUID

import msgspec

from ordering.db.advisory import Turn, take_turn
from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.settings import Settings

__all__ = ["Failure", "FailureMails", "MailError", "compose"]

_log = logging.getLogger(__name__)

#: What keeps an e-mail from being sent; the last is raised for names that are none.
_FAILURES: tuple[type[Exception], ...] = (smtplib.SMTPException, OSError, ValueError)

#: The most failures that one e-mail tells of, how many it lists, and how long a text may be there.
_MOST = 10_000
_LISTED = 20
_MOST_CHARACTERS = 200

_SMTP_TIMEOUT_S = 10.0
#: Longer than any conversation with the server: after it another worker takes an e-mail over.
_SENDING_S = 300.0

# When the first one is due, those that are still being gathered are told with it. By an array: they
# are few, which a plan for any number does not know, and would read the table for a join.
_TAKE = """
WITH taken AS (
    SELECT id FROM order_event
    WHERE mail_due_at <= now() + $1
      AND EXISTS (SELECT FROM order_event WHERE mail_due_at <= now())
    ORDER BY mail_due_at, id LIMIT $3
    FOR UPDATE SKIP LOCKED
)
UPDATE order_event SET mail_due_at = now() + $1 + $2
WHERE id = ANY (ARRAY(SELECT id FROM taken))
RETURNING id, order_id, occurred_at, payload
"""

_SENT = "UPDATE order_event SET mail_due_at = NULL WHERE id = ANY($1::bigint[])"
_NOT_SENT = "UPDATE order_event SET mail_due_at = now() WHERE id = ANY($1::bigint[])"


class MailError(Exception):
    """The mail server did not take an e-mail. Names the kind of failure, quotes nothing."""


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    """The outbox row's payload. `reason` is there where it tells operators more."""

    message: str = ""
    reason: str | None = None
    external_id: str | None = None


class Failure(msgspec.Struct, frozen=True):
    """An outbox row: a record of the inbound queue that ended in error."""

    id: int
    request: UUID
    occurred_at: datetime
    external_id: str | None
    reason: str


def compose(settings: Settings, failures: Sequence[Failure]) -> EmailMessage:
    """Write the e-mail about these failures; it lists the first twenty.

    It names requests by their ids and tells problems, but quotes nothing else of the orders.
    """
    sender, recipients = settings.smtp_from or "", _recipients(settings)
    ordered = sorted(failures, key=lambda each: each.id)
    number = len(ordered)
    message = EmailMessage(policy=SMTP)
    message["Subject"] = f"{number} {'order' if number == 1 else 'orders'} could not be created"
    message["From"] = sender
    message["To"] = ", ".join(recipients)
    message["Date"] = format_datetime(datetime.now(UTC))
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    # RFC 3834: no automatic answers, please.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(_lines(ordered)) + "\n")
    return message


def _lines(failures: Sequence[Failure]) -> list[str]:
    lines = ["These requests of the inbound queue ended in error:", ""]
    for each in failures[:_LISTED]:
        external = f" (externalId {_one_line(each.external_id)})" if each.external_id else ""
        lines += [
            f"{each.occurred_at:%Y-%m-%d %H:%M:%S} UTC  {show_id(each.request)}{external}",
            f"    {_one_line(each.reason)}",
        ]
    if len(failures) > _LISTED:
        lines.append(f"... and {len(failures) - _LISTED} more.")
    return [
        *lines,
        "",
        "'ordering queue ls --state error' lists all of them, 'ordering queue show ID' tells every",
        "problem of one, 'ordering queue redrive' tries again.",
    ]


def _one_line(text: str) -> str:
    """Put a text of a client on one line, and cut it."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 1]}…"


def _recipients(settings: Settings) -> list[str]:
    return [each.strip() for each in (settings.smtp_to or "").split(",") if each.strip()]


class FailureMails:
    """Sends the e-mails. Settings must name the server, the sender and the recipients."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._gather = timedelta(seconds=settings.smtp_gather_s)
        self._sent: list[int] = []

    async def send_due(self) -> int:
        """Send one e-mail if one is due; returns how many failures it tells of.

        Raises `MailError` if the server does not take it; it is due again at once then.
        """
        await self._note_sent()
        failures = await self._take()
        if not failures:
            return 0
        ids = [each.id for each in failures]
        try:
            await asyncio.to_thread(_deliver, self._settings, compose(self._settings, failures))
        except _FAILURES as error:
            await self._note(_NOT_SENT, ids)
            raise MailError(type(error).__name__) from error
        self._sent += ids
        await self._note_sent()
        return len(ids)

    async def _note_sent(self) -> None:
        """Note what is sent, and was perhaps before the database went away."""
        if self._sent:
            await self._note(_SENT, self._sent)
            self._sent = []

    async def _take(self) -> Sequence[Failure]:
        sending = timedelta(seconds=_SENDING_S)
        async with self._database.transaction() as connection:
            # One worker at a time chooses what the next e-mail tells of.
            if not await take_turn(connection, Turn.MAILING):
                return ()
            rows = await connection.fetch(_TAKE, self._gather, sending, _MOST)
        return [_failure(*row) for row in rows]

    async def _note(self, statement: str, ids: Sequence[int]) -> None:
        async with self._database.acquire() as connection:
            await connection.execute(statement, ids)


def _failure(identity: int, request: UUID, occurred_at: datetime, payload: str) -> Failure:
    told = msgspec.json.decode(payload, type=_Payload)
    return Failure(identity, request, occurred_at, told.external_id, told.reason or told.message)


def _deliver(settings: Settings, message: EmailMessage) -> None:
    """Hand an e-mail to the server; blocks. Returns when the server has taken it."""
    host, port = settings.smtp_host or "", settings.smtp_port
    context = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server = smtplib.SMTP_SSL(host, port, timeout=_SMTP_TIMEOUT_S, context=context)
    else:
        server = smtplib.SMTP(host, port, timeout=_SMTP_TIMEOUT_S)
    with closing(server):
        if settings.smtp_security == "starttls":
            server.starttls(context=context)
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password or "")
        if refused := server.send_message(message, to_addrs=_recipients(settings)):
            _log.warning("the mail server refused %s of the recipients", len(refused))
        # It is sent, whatever becomes of the farewell.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()
