"""What the two embedded servers have in common: start on a port, wait for an answer, stop."""

import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from ordering_app.embedded.account import Account
from ordering_app.embedded.errors import EmbeddedServerError
from ordering_app.embedded.logfile import last_lines, open_log
from ordering_app.embedded.orphans import stop_tagged
from ordering_app.embedded.ports import free_ports, port_is_free

READY_TIMEOUT = 60.0  # seconds; a recovery after a crash replays the log before it answers
POLL = 0.01  # seconds
CLEANUP: tuple[tuple[signal.Signals, float], ...] = (
    (signal.SIGQUIT, 5.0),
    (signal.SIGKILL, 5.0),
)
INHERITED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server lives: its folder, its log, its process tag, its password, its user."""

    folder: Path
    log: Path
    tag: str
    password: str
    account: Account


def server_environment() -> Mapping[str, str]:
    """Return the environment of the servers: no PG* variable and no secret of ours gets in."""
    kept = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return kept | {"LC_ALL": "C"}


def describe_exit(code: int) -> str:
    """Say how a process ended: `exit code 1` or `signal SIGKILL`."""
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"


class Server(ABC):
    """One server process, which can be started, restarted on its port, and stopped."""

    title: ClassVar[str]
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]]

    def __init__(self, place: Place) -> None:
        self.place = place
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make what the server needs on disk; called before every start, cheap when it exists."""

    @abstractmethod
    def command(self, port: int) -> Sequence[str | Path]:
        """Return the program and arguments that serve on the port."""

    @abstractmethod
    def working_folder(self) -> Path:
        """Return the folder in which the program is started."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Tell whether the server answers a request; EmbeddedServerError if it never will."""

    @property
    def pid(self) -> int:
        """The process id, 0 when the server is not started."""
        return self._process.pid if self._process else 0

    def failed(self) -> str | None:
        """Say how the server ended by itself, or None while it runs or was stopped by us."""
        code = self._process.poll() if self._process else None
        return None if code is None else describe_exit(code)

    def start(self, preferred: int) -> None:
        """Stop leftovers of an earlier run, start, and return when the server answers.

        `preferred` is the port of the last run; another is taken when it is not free.
        Raises EmbeddedServerError with the end of the server's log.
        """
        stop_tagged(self.place.tag, self.stop_steps)
        self.prepare()
        for port in free_ports(preferred):
            try:
                self._launch(port, fresh=True)
            except EmbeddedServerError:
                if port_is_free(port):
                    raise
                # Somebody else took the port between our look and the server's: another one.
            else:
                return
        raise EmbeddedServerError(f"{self.title} finds no free port on the loopback interface.")

    def restart(self) -> None:
        """Stop the server if it runs, and start it again on the same port.

        Raises EmbeddedServerError, also when the port was taken meanwhile: addresses handed out
        stay valid or the start fails.
        """
        self.stop()
        self._launch(self.port, fresh=False)

    def stop(self) -> None:
        """Stop the server in an orderly way, harder after a while; nothing if it is not running."""
        if self._process is None:
            return
        for step, patience in self.stop_steps:
            if self._process.poll() is None:
                self._process.send_signal(step)
                try:
                    self._process.wait(patience)
                except subprocess.TimeoutExpired:
                    continue
            break
        self._process = None
        # A killed main process leaves helpers that hold its shared memory for some more time.
        stop_tagged(self.place.tag, CLEANUP)

    def _launch(self, port: int, *, fresh: bool) -> None:
        account = self.place.account
        with open_log(self.place.log, fresh=fresh) as log:
            self._process = subprocess.Popen(
                self.command(port),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.working_folder(),
                env=server_environment(),
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
                umask=0o077,
                # Its own session: Ctrl-C in the terminal reaches us alone, and we choose the order.
                start_new_session=True,
            )
        try:
            self._wait_until_ready(port)
        except BaseException:
            self.stop()
            raise
        self.port = port

    def _wait_until_ready(self, port: int) -> None:
        deadline = time.monotonic() + READY_TIMEOUT
        while time.monotonic() < deadline:
            ended = self.failed()
            if ended:
                raise EmbeddedServerError(self._complaint(f"stopped while starting ({ended})"))
            if self.answers(port):
                return
            time.sleep(POLL)
        complaint = self._complaint(f"did not answer within {READY_TIMEOUT:g} s")
        raise EmbeddedServerError(complaint)

    def _complaint(self, what: str) -> str:
        log = self.place.log
        return f"{self.title} {what}. The end of its log, {log}:\n{last_lines(log)}"
