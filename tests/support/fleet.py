"""API and worker processes that are killed and started anew."""

import asyncio
import signal
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from support.processes import kill, spawn
from support.serving import free_port

__all__ = ["Fleet", "Member"]

_TERM_S = 60.0
_STARTING_S = 20.0
_LOOK_S = 0.2


class Member:
    """One process of a fleet and those that take its place; `log` is what they say."""

    def __init__(self, role: str, log: Path, environment: dict[str, str]) -> None:
        self.role = role
        self.log = log
        self._environment = environment
        self._was_up = False
        self._changing = Lock()
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[str]":
        self._began = time.monotonic()
        self._was_up = False
        with self.log.open("ab") as output:
            return spawn(self.role, environment=self._environment, output=output)

    def is_up(self) -> bool:
        """Tell whether it listens; a worker, which does not, is believed to be up after a while."""
        port = self._environment.get("port")
        if port is None:
            return time.monotonic() - self._began > _STARTING_S
        with socket.socket() as caller:
            return caller.connect_ex(("127.0.0.1", int(port))) == 0

    def kill(self) -> None:
        """Kill it, as the machine's failure would, and start another one."""
        with self._changing:
            kill(self._process)
            self._process = self._start()

    def replace(self) -> None:
        """Ask it to end, as a deployment does, and start another one."""
        with self._changing:
            self.end()
            self._process = self._start()

    def end(self) -> None:
        """Ask it to end and see that it does so properly: as asked, or by the signal itself."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(_TERM_S)
        assert code in (0, -signal.SIGTERM) or not self._was_up, f"{code}\n{self._told()}"

    def revive(self) -> bool:
        """Start another one if it has ended; tells so.

        Only one that is starting may end by itself, because it finds no database.
        """
        if not self._changing.acquire(blocking=False):
            return False
        try:
            if self._process.poll() is None:
                self._was_up |= self.is_up()
                return False
            assert not self._was_up, self._told()
            self._process = self._start()
        finally:
            self._changing.release()
        return True

    def _told(self) -> str:
        return self.log.read_text()[-4000:]

    def abandon(self) -> None:
        """End it in any way."""
        if self._process.poll() is None:
            kill(self._process)


class Fleet:
    """Some APIs, at `urls`, and some workers."""

    def __init__(self, folder: Path, *, apis: int, workers: int, settings: dict[str, str]) -> None:
        ports = [free_port() for _ in range(apis)]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports]
        self.revived = 0
        self.members = [
            Member("api", folder / f"api-{port}.log", {**settings, "port": str(port)})
            for port in ports
        ] + [
            Member("worker", folder / f"worker-{number}.log", settings) for number in range(workers)
        ]

    async def is_up(self) -> bool:
        """Tell whether all APIs listen."""
        return all(each.is_up() for each in self.members if each.role == "api")

    async def supervise(self) -> None:
        """Start those anew that could not start, until canceled; `revived` counts them."""
        while True:
            for member in self.members:
                self.revived += member.revive()
            await asyncio.sleep(_LOOK_S)

    @classmethod
    @contextmanager
    def running(
        cls, folder: Path, *, apis: int, workers: int, settings: dict[str, str]
    ) -> "Generator[Fleet]":
        """Start a fleet; on leaving each member is asked to end, and checked."""
        fleet = cls(folder, apis=apis, workers=workers, settings=settings)
        try:
            yield fleet
            for member in fleet.members:
                member.end()
        finally:
            for member in fleet.members:
                member.abandon()
