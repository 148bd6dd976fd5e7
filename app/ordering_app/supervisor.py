"""Keeps child commands running: the API and the worker of `ordering up`.

    start ──ready──▶ run ──child exits──▶ wait (back-off) ──▶ started again
      └──▶ SupervisorError    └──────────── stop ──────────▶ SIGTERM to all, SIGKILL to the deaf

Children are in sessions of their own, so that Ctrl-C reaches the supervisor alone. One that is
killed itself takes its children along: see parent_watch.
"""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ordering_app.embedded.logfile import last_lines, open_log
from ordering_app.embedded.server import describe_exit
from ordering_app.parent_watch import PARENT_VARIABLE

PROBE_EVERY = 0.05  # seconds
PROBE_TIMEOUT = 2.0  # seconds for one probe

#: Seconds from SIGTERM to SIGKILL: more than the API and the worker take for an orderly end.
STOP_TIMEOUT = 30.0


class SupervisorError(Exception):
    """The children cannot be started; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A command to keep running.

    `env` is added to our own environment. `ready` tells whether the child serves; it may raise
    OSError for "not yet", and is asked again until `start` loses patience.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]] | None = None


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait before a restart: doubled each time, forgotten after a long enough life."""

    first: float = 0.5  # seconds
    limit: float = 30.0  # seconds
    reset_after: float = 60.0  # seconds of life

    def after(self, previous: float, lifetime: float) -> float:
        """Return the wait in seconds; `previous` is the last one, 0 if there was none."""
        if previous == 0 or lifetime >= self.reset_after:
            return self.first
        return min(previous * 2, self.limit)


class _Child:
    """One child: its current process, its log, the last wait before a restart."""

    def __init__(self, spec: ChildSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self.wait = 0.0
        self.process: asyncio.subprocess.Process | None = None
        self.started = time.monotonic()

    async def spawn(self, *, fresh: bool) -> None:
        """Start the process; raises OSError when the command cannot be executed."""
        self.started = time.monotonic()
        with open_log(self.log, fresh=fresh) as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.spec.argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self.spec.env, PARENT_VARIABLE: str(os.getpid())},
                start_new_session=True,
            )

    def ending(self, code: int) -> str:
        """Say how the process ended and after how long."""
        return f"{self.spec.name} ended ({describe_exit(code)}) after {self.lifetime():.1f} s"

    def lifetime(self) -> float:
        """Return the seconds since the last start."""
        return time.monotonic() - self.started

    async def answers(self) -> bool:
        """Ask the readiness probe once; a child without one counts as ready."""
        if self.spec.ready is None:
            return True
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                return await self.spec.ready()
        except OSError:  # TimeoutError included
            return False

    async def end(self, patience: float) -> None:
        """SIGTERM, then after `patience` seconds SIGKILL to it and all that it started."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(patience):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


class Supervisor:
    """Starts children, restarts those that end, stops them.

    `logs` is the folder of the children's output, one file each. `say` gets one line for each
    thing a person should know. `start_timeout` and `stop_timeout` are in seconds.
    """

    def __init__(
        self,
        children: Sequence[ChildSpec],
        *,
        logs: Path,
        say: Callable[[str], None],
        backoff: Backoff = Backoff(),
        start_timeout: float = 30.0,
        stop_timeout: float = STOP_TIMEOUT,
    ) -> None:
        self._children = [_Child(spec, logs / f"{spec.name}.log") for spec in children]
        self._logs = logs
        self._say = say
        self._backoff = backoff
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._stopping = asyncio.Event()
        self._ending = asyncio.Lock()

    @property
    def processes(self) -> Mapping[str, int]:
        """The ids of the children's processes, by their names."""
        return {each.spec.name: each.process.pid for each in self._children if each.process}

    async def start(self) -> None:
        """Start every child and return when those with a probe are ready.

        Either all run afterwards or none: SupervisorError, with the end of the child's output,
        when one cannot be executed, ends meanwhile, or is not ready in time.
        """
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            for child in self._children:
                await self._first_spawn(child)
            async with asyncio.TaskGroup() as group:
                for child in self._children:
                    group.create_task(self._wait_until_ready(child))
        except BaseExceptionGroup as several:
            await self.stop()
            # One reason is enough for a person: the others were cancelled or failed likewise.
            raise several.exceptions[0] from None
        except BaseException:
            await self.stop()
            raise

    async def run(self) -> None:
        """Watch the started children and restart those that end; returns after `stop`."""
        async with asyncio.TaskGroup() as group:
            for child in self._children:
                group.create_task(self._keep(child))

    async def stop(self) -> None:
        """End all children, and `run` and `start` with them; may be called again, at any time."""
        self._stopping.set()
        async with self._ending:
            await asyncio.gather(*(child.end(self._stop_timeout) for child in self._children))

    async def _first_spawn(self, child: _Child) -> None:
        try:
            await self._spawn(child, fresh=True)
        except OSError as problem:
            raise SupervisorError(f"{child.spec.name} cannot be started: {problem}.") from problem

    async def _wait_until_ready(self, child: _Child) -> None:
        deadline = time.monotonic() + self._start_timeout
        while not self._stopping.is_set():
            if child.process and child.process.returncode is not None:
                raise SupervisorError(
                    self._complaint(child, child.ending(child.process.returncode))
                )
            if await child.answers():
                return
            if time.monotonic() >= deadline:
                what = f"{child.spec.name} is not ready after {self._start_timeout:g} s"
                raise SupervisorError(self._complaint(child, what))
            await self._pause(PROBE_EVERY)
        raise SupervisorError(f"{child.spec.name} was stopped before it was ready.")

    async def _keep(self, child: _Child) -> None:
        while child.process:
            ended = child.ending(await child.process.wait())
            while not self._stopping.is_set():
                child.wait = self._backoff.after(child.wait, child.lifetime())
                self._say(f"{ended}; starting it again in {child.wait:g} s.")
                await self._pause(child.wait)
                try:
                    await self._spawn(child, fresh=False)
                except OSError as problem:
                    ended = f"{child.spec.name} cannot be started: {problem}"
                else:
                    break
            else:
                return

    async def _spawn(self, child: _Child, *, fresh: bool) -> None:
        # Not while children are being stopped: this one would be missed.
        async with self._ending:
            if not self._stopping.is_set():
                await child.spawn(fresh=fresh)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not longer than until `stop`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _complaint(self, child: _Child, what: str) -> str:
        return f"{what}. The end of its output, {child.log}:\n{last_lines(child.log)}"
