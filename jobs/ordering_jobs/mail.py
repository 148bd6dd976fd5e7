"""Sends the e-mails about failures, beside the draining and without holding it up."""

import asyncio
import logging

from ordering.db.failures import PASSING
from ordering.events.mail import FailureMails, MailError
from ordering.inbound.backoff import Backoff

__all__ = ["Mailer"]

_log = logging.getLogger(__name__)
_EVERY_S = 2.0
_BACKOFF = Backoff(first_s=10, most_s=900)


class Mailer:
    """One task that looks every `every_s` seconds whether an e-mail is due.

    After a failure of the mail server it waits longer each time; the e-mails wait in the database.
    """

    def __init__(
        self, mails: FailureMails, *, every_s: float = _EVERY_S, backoff: Backoff = _BACKOFF
    ) -> None:
        self._mails = mails
        self._every_s = every_s
        self._backoff = backoff
        self._failures = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> asyncio.Task[None]:
        """Start sending. The task ends on `close`, or with the error of a defect."""
        self._task = asyncio.create_task(self._keep_sending())
        return self._task

    async def close(self) -> None:
        """Finish the e-mail in hand, so that nobody sends it again, then stop."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.wait({self._task})
            self._task = None

    async def _keep_sending(self) -> None:
        while not self._stopping.is_set():
            wait_s = await self._send()
            try:
                async with asyncio.timeout(wait_s):
                    await self._stopping.wait()
            except TimeoutError:
                pass

    async def _send(self) -> float:
        """Send what is due; returns how long to wait until the next look."""
        try:
            if told := await self._mails.send_due():
                _log.info("an e-mail tells of %s failed records", told)
        except MailError as error:
            self._failures += 1
            _log.warning("the mail server takes no e-mail now: %s", error)
            return self._backoff.wait_s(self._failures)
        except PASSING:
            _log.warning("the database is away; e-mails wait", exc_info=True)
        else:
            self._failures = 0
        return self._every_s
