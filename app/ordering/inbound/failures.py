"""What follows when records end in error: an outbox row each, and who waited for them goes on.

The outbox row is written in the transaction of the end, so that nobody hears of a failure that did
not happen, and none goes untold.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple, Self
from uuid import UUID

from ordering.db.connection import Connection
from ordering.inbound.pending import free_waiting
from ordering.settings import Settings

__all__ = ["REQUEST_FAILED", "Aftermath", "note_attempt", "tell_of_failures"]

#: The event type of the outbox rows. TMF622 has none: there is no order that it could be about.
REQUEST_FAILED = "inboundRequestFailedEvent"

_HISTORY_LENGTH = 50

# `message` is for clients; `reason` is for operators and there only if it tells more.
_TELL = """
INSERT INTO order_event (order_id, event_type, occurred_at, payload, mail_due_at)
SELECT id, $2, ended_at, jsonb_strip_nulls(jsonb_build_object(
           'externalId', external_id,
           'message', error -> 0 ->> 'message',
           'reason', nullif(error_message, error -> 0 ->> 'message'),
           'problems', jsonb_array_length(error),
           'attempts', attempts)),
       now() + $3::interval
FROM inbound_request WHERE id = ANY($1::uuid[]) AND state = 'error'
ORDER BY number
"""


def note_attempt(members: str) -> str:
    """Write the SQL that appends an entry with these members to `attempt_history`.

    The latest 50 are kept: a record that is redriven for ever must not grow for ever.
    """
    return f"""
    CASE WHEN jsonb_array_length(attempt_history) >= {_HISTORY_LENGTH} THEN attempt_history - 0
         ELSE coalesce(attempt_history, '[]') END
    || jsonb_build_array(jsonb_build_object('attempt', attempts, 'at', now(), {members}))
    """


class Aftermath(NamedTuple):
    """What follows a record's end in error, as the settings say.

    `by_account` tells that requests of one account follow each other. `mail_after_s` is for how
    many seconds failures are gathered for one e-mail; None where none is to be sent.
    """

    by_account: bool = False
    mail_after_s: float | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the settings."""
        mails = settings.smtp_host is not None
        return cls(settings.queue_serialise_accounts, settings.smtp_gather_s if mails else None)

    async def of_failures(self, connection: Connection, failed: Sequence[UUID]) -> None:
        """Tell of records that this transaction has ended in error, and let go on who waited.

        To be called last, like `free_waiting`.
        """
        if failed:
            await tell_of_failures(connection, failed, mail_after_s=self.mail_after_s)
            await free_waiting(connection, failed, by_account=self.by_account)


async def tell_of_failures(
    connection: Connection, failed: Sequence[UUID], *, mail_after_s: float | None
) -> None:
    """Write an outbox row for each of these records, which this transaction has ended in error."""
    wait = None if mail_after_s is None else timedelta(seconds=mail_after_s)
    await connection.execute(_TELL, list(failed), REQUEST_FAILED, wait)
