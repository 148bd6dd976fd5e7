"""A real SMTP server that keeps what it is given, in this process."""

import asyncio
import ssl
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ordering.settings import Settings

__all__ = ["Mailbox", "certificate", "mailing", "serving"]

USER, PASSWORD = "ordering", "pass word"


class Mailbox:
    """What was delivered, and to whom. While `open` is not set, e-mails wait to be accepted.

    `refused` are recipients that the server does not take, `answer` is what it says to an e-mail,
    `farewell` in the end.
    """

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.refused: set[str] = set()
        self.answer = "250 OK"
        self.farewell = "221 Bye"
        self.open = asyncio.Event()
        self.open.set()
        self.reached = asyncio.Event()
        self.port = 0

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        """Take a recipient or not."""
        if address in self.refused:
            return "550 nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Take an e-mail or not."""
        self.reached.set()
        await self.open.wait()
        if self.answer.startswith("2"):
            content = cast("bytes", envelope.content)
            self.messages.append(message_from_bytes(content, policy=default))
            self.recipients.append([str(each) for each in envelope.rcpt_tos])
        return self.answer

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:
        """Say farewell."""
        return self.farewell


def _authenticate(*arguments: Any) -> AuthResult:
    login = arguments[4]
    known = isinstance(login, LoginPassword) and (login.login, login.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=known, handled=False)


@asynccontextmanager
async def serving(
    mailbox: Mailbox | None = None,
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    auth: bool = False,
) -> AsyncGenerator[Mailbox]:
    """Serve a mailbox until the block is left, at the port that it had before if it had one."""
    box = mailbox or Mailbox()

    def protocol() -> SMTP:
        return SMTP(
            box,
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=_authenticate,
            # The server knows of a way that it encrypts itself only, and warns of all others.
            auth_required=auth and tls is None,
            auth_require_tls=tls is None,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", box.port, ssl=tls)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        await server.wait_closed()


def mailing(box: Mailbox, **settings: Any) -> Settings:
    """Make settings that send e-mails to a mailbox, unencrypted if nothing else is said."""
    values: dict[str, Any] = {
        "smtp_host": "127.0.0.1",
        "smtp_port": box.port,
        "smtp_security": "none",
        "smtp_from": "ordering@operator.example",
        "smtp_to": "ann@operator.example, bob@operator.example",
    } | settings
    return Settings(**values)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate of 127.0.0.1; returns the server's context and the certificate's file."""
    key, public = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", public],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, key)
    return context, public
