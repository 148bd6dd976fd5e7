"""The embedded Valkey: its configuration and its readiness."""

import shlex
import signal
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ordering_app.embedded.account import write_private
from ordering_app.embedded.binaries import Binaries
from ordering_app.embedded.ports import LOOPBACK
from ordering_app.embedded.server import Place, Server

ANSWER_TIMEOUT = 2.0  # seconds


class Valkey(Server):
    """Valkey on the loopback interface, with a password and an append-only file."""

    title: ClassVar[str] = "Valkey"
    # SIGTERM writes what is buffered and leaves.
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = (
        (signal.SIGTERM, 10.0),
        (signal.SIGKILL, 5.0),
    )

    def __init__(self, place: Place, binaries: Binaries) -> None:
        super().__init__(place)
        self._binary = binaries.valkey

    def prepare(self) -> None:
        """Make the folder and the configuration, which keeps the password off the command line."""
        folder = self.place.folder
        if not folder.exists():
            folder.mkdir()
            self.place.account.own(folder, 0o700)
        lines = {
            "bind": LOOPBACK,
            "requirepass": self.place.password,
            "daemonize": "no",
            "supervised": "no",
            "appendonly": "yes",
            # The append-only file alone: no second, older copy of the data.
            "save": "",
            # A queue must not lose entries silently when memory is short: it refuses instead.
            "maxmemory-policy": "noeviction",
            "proc-title-template": f"valkey-server {self.place.tag}",
        }
        text = "".join(f"{name} {shlex.quote(value)}\n" for name, value in lines.items())
        write_private(folder / self._config_name(), text, self.place.account)

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the command line: relative to the folder, so that its length does not matter."""
        return [self._binary, self._config_name(), "--port", str(port)]

    def working_folder(self) -> Path:
        """Return the server's folder: its files are written there."""
        return self.place.folder

    def _config_name(self) -> str:
        # The tag marks the process before it has set its title.
        return f"{self.place.tag}.conf"

    def url(self, port: int) -> str:
        """Return the address for redis-py and arq, database 0."""
        return f"redis://:{self.place.password}@{LOOPBACK}:{port}/0"

    def answers(self, port: int) -> bool:
        """Log in and ping; while the append-only file is loaded the answer is another."""
        request = f"AUTH {self.place.password}\r\nPING\r\n".encode()
        received = b""
        try:
            with socket.create_connection((LOOPBACK, port), ANSWER_TIMEOUT) as connection:
                connection.sendall(request)
                while received.count(b"\r\n") < request.count(b"\r\n"):
                    part = connection.recv(1_024)
                    if not part:
                        return False
                    received += part
        except OSError:
            return False
        return received == b"+OK\r\n+PONG\r\n"
