"""The supervisor with real processes: start, readiness, restart, stop, and its own death."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import IO, cast
from unittest.mock import Mock

import pytest

from ordering_app import parent_watch
from ordering_app.parent_watch import GRACE, PARENT_VARIABLE, watch_parent
from ordering_app.server import SHUTDOWN_S
from ordering_app.supervisor import (
    STOP_TIMEOUT,
    Backoff,
    ChildSpec,
    Supervisor,
    SupervisorError,
)

QUICK = Backoff(first=0.01, limit=0.04, reset_after=60.0)

# Writes its process id, then does what the test says.
PREAMBLE = """
import os, pathlib, signal, sys, time
with pathlib.Path(os.environ["PIDS"]).open("a") as file:
    file.write(f"{os.getpid()}\\n")
"""
FOREVER = "time.sleep(1000)"
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'deaf\\n'); " + FOREVER

# A supervisor in a process of its own, with a child that watches it.
OTHER = """
import asyncio, pathlib, sys
from ordering_app.supervisor import ChildSpec, Supervisor

async def main(folder, child):
    spec = ChildSpec("child", (sys.executable, "-c", child), {"PIDS": str(folder / "pids")})
    supervisor = Supervisor([spec], logs=folder, say=print)
    await supervisor.start()
    print("started", flush=True)
    await supervisor.run()

asyncio.run(main(pathlib.Path(sys.argv[1]), sys.argv[2]))
"""


class Said(list[str]):
    """What the supervisor said, which can be waited for."""

    async def wait_for(self, count: int) -> None:
        """Return when at least so many lines were said."""
        await eventually(lambda: len(self) >= count)


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds; fail after a while."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is in other processes
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Tell whether the process runs; a zombie does not."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except (FileNotFoundError, ProcessLookupError):
        return False


class Children:
    """Makes specifications of children, and knows their processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def spec(
        self,
        name: str,
        code: str,
        env: Mapping[str, str] | None = None,
        ready: str | None = None,
    ) -> ChildSpec:
        """Return a child that runs the code; it is ready when its log contains `ready`."""

        async def probe() -> bool:
            await asyncio.sleep(0)
            return (ready or "") in self.log(name)

        return ChildSpec(
            name=name,
            argv=(sys.executable, "-c", PREAMBLE + code),
            env={"PIDS": str(self.folder / f"{name}.pids"), **(env or {})},
            ready=probe if ready else None,
        )

    def log(self, name: str) -> str:
        """Return what the child wrote."""
        return (self.folder / f"{name}.log").read_text()

    def pids(self, name: str) -> list[int]:
        """Return the process ids of all lives of the child that got to its code."""
        path = self.folder / f"{name}.pids"
        return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def children(tmp_path: Path) -> Children:
    """Give a maker of children."""
    return Children(tmp_path)


@pytest.fixture
def said() -> Said:
    """Give a list for what is said."""
    return Said()


async def test_children_are_started_awaited_and_stopped(children: Children, said: Said) -> None:
    code = "time.sleep(0.1); print(os.environ['COLOUR'], flush=True); " + FOREVER
    api = children.spec("api", code, {"COLOUR": "green"}, ready="green")
    worker = children.spec("worker", FOREVER)
    supervisor = Supervisor([api, worker], logs=children.folder, say=said.append)
    await supervisor.start()
    running = asyncio.create_task(supervisor.run())
    assert children.log("api") == "green\n"
    await eventually(lambda: len(children.pids("worker")) == 1)
    pids = children.pids("api") + children.pids("worker")
    assert supervisor.processes == dict(zip(("api", "worker"), pids, strict=True))
    # Ctrl-C in the terminal goes to another session than theirs.
    assert [os.getsid(pid) for pid in pids] == pids
    await asyncio.gather(supervisor.stop(), supervisor.stop())
    await running
    assert not any(alive(pid) for pid in pids)
    assert said == []
    await supervisor.stop()


async def test_a_child_that_ends_is_restarted_after_growing_waits(
    children: Children,
    said: Said,
) -> None:
    worker = children.spec("worker", "sys.exit(3)")
    supervisor = Supervisor([worker], logs=children.folder, say=said.append, backoff=QUICK)
    await supervisor.start()
    running = asyncio.create_task(supervisor.run())
    await said.wait_for(4)
    await supervisor.stop()
    await running
    waits = [line.rsplit(" in ", 1)[1] for line in said[:4]]
    assert waits == ["0.01 s.", "0.02 s.", "0.04 s.", "0.04 s."]
    assert re.fullmatch(
        r"worker ended \(exit code 3\) after \d+\.\d s; starting it again in 0\.01 s\.",
        said[0],
    )
    assert len(set(children.pids("worker"))) >= 4


async def test_a_killed_child_is_named_with_its_signal_and_the_others_go_on(
    children: Children,
    said: Said,
) -> None:
    specs = [children.spec("api", FOREVER), children.spec("worker", FOREVER)]
    supervisor = Supervisor(specs, logs=children.folder, say=said.append, backoff=QUICK)
    await supervisor.start()
    running = asyncio.create_task(supervisor.run())
    await eventually(lambda: bool(children.pids("api") and children.pids("worker")))
    os.kill(children.pids("api")[0], signal.SIGKILL)
    await eventually(lambda: len(children.pids("api")) == 2)
    assert [line.split(" after ")[0] for line in said] == ["api ended (signal SIGKILL)"]
    assert alive(children.pids("worker")[0])
    await supervisor.stop()
    await running
    assert not alive(children.pids("api")[1])


async def test_stop_cancels_a_pending_restart(children: Children, said: Said) -> None:
    supervisor = Supervisor(
        [children.spec("worker", "")],
        logs=children.folder,
        say=said.append,
        backoff=Backoff(first=1_000.0),
    )
    await supervisor.start()
    running = asyncio.create_task(supervisor.run())
    await said.wait_for(1)
    await supervisor.stop()
    async with asyncio.timeout(5):
        await running
    assert len(children.pids("worker")) == 1


async def test_a_command_that_is_gone_is_tried_again(
    children: Children,
    said: Said,
) -> None:
    program = children.folder / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    spec = ChildSpec("worker", (str(program),), {})
    supervisor = Supervisor([spec], logs=children.folder, say=said.append, backoff=QUICK)
    await supervisor.start()
    running = asyncio.create_task(supervisor.run())
    await said.wait_for(1)
    program.unlink()
    gone = "worker cannot be started: [Errno 2] No such file or directory"
    await eventually(lambda: said[-1].startswith(gone))
    await supervisor.stop()
    await running
    assert said[0].startswith("worker ended (exit code 0)")


async def test_a_deaf_child_and_its_children_are_killed(children: Children, said: Said) -> None:
    code = f"os.fork(){PREAMBLE}{DEAF}"
    deaf = children.spec("deaf", code, ready="deaf\ndeaf\n")
    supervisor = Supervisor([deaf], logs=children.folder, say=said.append, stop_timeout=0.1)
    await supervisor.start()
    pids = set(children.pids("deaf"))
    assert len(pids) == 2
    await supervisor.stop()
    await eventually(lambda: not any(alive(pid) for pid in pids))


async def test_a_child_that_ends_before_it_is_ready_fails_the_start(
    children: Children,
    said: Said,
) -> None:
    good = children.spec("good", FOREVER)
    bad = children.spec("bad", "sys.exit('no such setting')", ready="never")
    supervisor = Supervisor([good, bad], logs=children.folder, say=said.append)
    with pytest.raises(SupervisorError) as caught:
        await supervisor.start()
    assert re.fullmatch(
        rf"bad ended \(exit code 1\) after \d\.\d s\. The end of its output, "
        rf"{re.escape(str(children.folder))}/bad\.log:\n    no such setting",
        str(caught.value),
    )
    assert not any(alive(pid) for pid in children.pids("good"))


async def test_a_child_that_is_never_ready_fails_the_start(children: Children, said: Said) -> None:
    async def refuse() -> bool:
        await asyncio.sleep(0)
        raise ConnectionRefusedError

    slow = replace(children.spec("slow", FOREVER), ready=refuse)
    supervisor = Supervisor([slow], logs=children.folder, say=said.append, start_timeout=0.2)
    with pytest.raises(SupervisorError, match=r"slow is not ready after 0.2 s\."):
        await supervisor.start()


async def test_a_command_that_does_not_exist_fails_the_start(
    children: Children,
    said: Said,
) -> None:
    good = children.spec("good", FOREVER)
    missing = ChildSpec("missing", ("/no/such/program",), {})
    supervisor = Supervisor([good, missing], logs=children.folder, say=said.append)
    with pytest.raises(SupervisorError, match=r"missing cannot be started: .*No such file"):
        await supervisor.start()
    assert not any(alive(pid) for pid in children.pids("good"))


async def test_stop_and_cancellation_end_a_start(children: Children, said: Said) -> None:
    slow = children.spec("slow", FOREVER, ready="never")
    supervisor = Supervisor([slow], logs=children.folder, say=said.append)
    starting = asyncio.create_task(supervisor.start())
    await eventually(lambda: bool(children.pids("slow")))
    await supervisor.stop()
    with pytest.raises(SupervisorError, match="slow was stopped before it was ready"):
        await starting

    supervisor = Supervisor([slow], logs=children.folder, say=said.append)
    starting = asyncio.create_task(supervisor.start())
    await eventually(lambda: len(children.pids("slow")) == 2)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not any(alive(pid) for pid in children.pids("slow"))


async def test_nothing_is_started_after_stop(children: Children, said: Said) -> None:
    supervisor = Supervisor(
        [children.spec("late", FOREVER, ready="x")],
        logs=children.folder,
        say=said.append,
    )
    await supervisor.stop()
    with pytest.raises(SupervisorError):
        await supervisor.start()
    await supervisor.run()
    assert children.pids("late") == []


def test_the_wait_doubles_up_to_its_limit_and_is_forgotten() -> None:
    backoff = Backoff()
    waits = [0.0]
    for _ in range(8):
        waits.append(backoff.after(waits[-1], lifetime=59.9))
    assert waits[1:] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert backoff.after(30.0, lifetime=60.0) == 0.5


async def test_a_child_ends_with_its_killed_supervisor(tmp_path: Path) -> None:
    child = (
        "from ordering_app.parent_watch import watch_parent\n"
        "assert watch_parent()\n" + PREAMBLE + FOREVER
    )
    with subprocess.Popen(  # noqa: ASYNC220 - started at once, and read when it has written
        [sys.executable, "-c", OTHER, tmp_path, child],
        stdout=subprocess.PIPE,
    ) as supervisor:
        assert cast("IO[bytes]", supervisor.stdout).readline() == b"started\n"
        pids = tmp_path / "pids"
        await eventually(lambda: pids.exists() and pids.read_text().endswith("\n"))
        pid = int(pids.read_text())
        assert alive(pid)
        supervisor.kill()
        await eventually(lambda: not alive(pid))


def test_who_stops_another_is_more_patient_than_it() -> None:
    assert SHUTDOWN_S + 5 <= STOP_TIMEOUT
    assert STOP_TIMEOUT + 5 <= GRACE


@pytest.mark.parametrize("value", ["", "nonsense"])
def test_without_a_supervisor_nobody_is_watched(
    monkeypatch: pytest.MonkeyPatch,
    value: str,
) -> None:
    monkeypatch.setenv(PARENT_VARIABLE, value)
    before = threading.active_count()
    assert not watch_parent()
    assert threading.active_count() == before


def test_a_child_that_ignores_the_polite_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([77, 77, 1])
    sent: list[tuple[int, int]] = []

    def kill(pid: int, number: int) -> None:
        sent.append((pid, number))

    monkeypatch.setenv(PARENT_VARIABLE, "77")
    monkeypatch.setattr(parent_watch, "os", Mock(wraps=os, kill=kill, getppid=parents.__next__))
    assert watch_parent(look_every=0.01, grace=0.05)
    deadline = time.monotonic() + 10
    while len(sent) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert sent == [(os.getpid(), signal.SIGTERM), (os.getpid(), signal.SIGKILL)]
