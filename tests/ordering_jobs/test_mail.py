"""The mailer: again and again, later after a failure, and not in the middle of an e-mail's end."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import cast

import pytest

from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.events.mail import FailureMails, MailError
from ordering.inbound.backoff import Backoff
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from ordering_jobs.mail import Mailer
from ordering_jobs.worker import run_worker
from support import payloads
from support.mailbox import mailing, serving
from support.processes import until
from support.queue import put, states


class Scripted:
    """Stands in for the e-mails where the servers must fail in a certain way."""

    def __init__(self, *script: Callable[[], int]) -> None:
        self.script = list(script)
        self.looks = 0

    async def send_due(self) -> int:
        self.looks += 1
        return self.script.pop(0)() if self.script else 0


def refused() -> int:
    raise MailError("SMTPDataError")


def away() -> int:
    raise ConnectionRefusedError


def defect() -> int:
    raise ZeroDivisionError


def without_table() -> int:
    raise asyncpg.UndefinedTableError


async def test_after_failures_it_waits_longer_each_time_and_then_as_before(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "ordering_jobs.mail")
    drawn: list[float] = []

    def draw() -> float:
        drawn.append(0.0)
        return 0.0

    script = (refused, refused, away, lambda: 3, refused)
    mails = Scripted(*script)
    mailer = Mailer(cast("FailureMails", mails), every_s=0, backoff=Backoff(1, 9, draw))
    mailer.open()

    async def looked() -> bool:
        return mails.looks > len(script)

    await until(looked)
    await mailer.close()
    assert len(drawn) == 3
    assert caplog.messages == [
        "the mail server takes no e-mail now: SMTPDataError",
        "the mail server takes no e-mail now: SMTPDataError",
        "the database is away; e-mails wait",
        "an e-mail tells of 3 failed records",
        "the mail server takes no e-mail now: SMTPDataError",
    ]


@pytest.mark.parametrize(
    ("script", "error"), [(defect, ZeroDivisionError), (without_table, asyncpg.UndefinedTableError)]
)
async def test_a_defect_ends_it(script: Callable[[], int], error: type[Exception]) -> None:
    mailer = Mailer(cast("FailureMails", Scripted(script)))
    task = mailer.open()
    await asyncio.wait({task}, timeout=10)
    assert task.done()
    assert isinstance(task.exception(), error)
    await mailer.close()


async def test_closing_finishes_the_e_mail_in_hand() -> None:
    reached, go_on = asyncio.Event(), asyncio.Event()

    class Slow:
        finished = 0

        async def send_due(self) -> int:
            reached.set()
            await go_on.wait()
            self.finished += 1
            return 1

    slow = Slow()
    mailer = Mailer(cast("FailureMails", slow), every_s=3600)
    mailer.open()
    await reached.wait()
    closing = asyncio.create_task(mailer.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go_on.set()
    await closing
    assert slow.finished == 1
    await mailer.close()


async def end_by_signal(worker: "asyncio.Task[None]") -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(30):
        await worker
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_a_worker_tells_of_bad_orders_in_one_e_mail(
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
) -> None:
    bad = payloads.removed(payloads.order(), "/relatedParty")
    ids = await put(demo_database, bad, payloads.order(), bad)
    async with serving() as box:
        settings = mailing(box, smtp_gather_s=1)
        worker = asyncio.create_task(run_worker(settings, demo_url, servers.redis_url))

        async def told() -> bool:
            return bool(box.messages)

        await until(told)
        await end_by_signal(worker)
    (message,) = box.messages
    assert message["Subject"] == "2 orders could not be created"
    text = message.get_content()
    assert [identity.hex in text for identity in ids] == [True, False, True]
    assert "Invalid payload: relatedParty is missing" in text


async def test_without_a_mail_server_nothing_is_kept_for_one(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    await put(demo_database, payloads.removed(payloads.order(), "/relatedParty"))
    worker = asyncio.create_task(run_worker(Settings(), demo_url, servers.redis_url))

    async def ended() -> bool:
        return await states(demo_database) == {"error": 1}

    await until(ended)
    await end_by_signal(worker)
    async with demo_database.acquire() as connection:
        rows = await connection.fetch("SELECT mail_due_at FROM order_event")
    assert [row["mail_due_at"] for row in rows] == [None]
