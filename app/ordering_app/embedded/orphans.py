"""Servers of this data folder that outlived the process which started them.

Every server carries a tag, unique to its data folder, in its process title. That is what finds
it after a `kill -9` of its parent: titles are readable for everyone (also for root in a container
without CAP_SYS_PTRACE, unlike `/proc/<pid>/cwd`), and no file with a process id can be stale.
Systems without /proc find none; there the server's own interlock gives the error.
"""

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from ordering_app.embedded.errors import EmbeddedServerError

PROC = Path("/proc")
SERVER_NAMES = frozenset({"postgres", "valkey-server", "redis-server"})
POLL = 0.01  # seconds

# A signal, and the seconds given to it before the next one is sent.
StopStep = tuple[Signals, float]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A running process of a server; `main` is the one that takes the signals."""

    pid: int
    main: bool


def command_line(pid: int) -> str:
    """Return a process's arguments or title; empty when it ended (also a zombie) or is hidden."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return ""


def find_tagged(tag: str) -> list[Tagged]:
    """Return the running server processes whose title or arguments carry the tag."""
    found: list[Tagged] = []
    for entry in PROC.glob("[0-9]*"):
        command = command_line(int(entry.name))
        if tag not in command:
            continue
        first = command.split("\0", 1)[0]
        # PostgreSQL's own children replace their arguments by "postgres: <cluster_name>: ...".
        if first.startswith("postgres: "):
            found.append(Tagged(int(entry.name), main=False))
        elif first.rsplit("/", 1)[-1].split(" ", 1)[0] in SERVER_NAMES:
            found.append(Tagged(int(entry.name), main=True))
    return found


def stop_tagged(tag: str, steps: Sequence[StopStep]) -> int:
    """Stop every process with the tag, step by step; return how many there were.

    Raises EmbeddedServerError when one is still there after the last step.
    """
    found = find_tagged(tag)
    count = len(found)
    for signal, patience in steps:
        # Without a main process the helpers are about to leave by themselves: hurry them.
        for process in [each for each in found if each.main] or found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal)
        deadline = time.monotonic() + patience
        while found and time.monotonic() < deadline:
            time.sleep(POLL)
            found = find_tagged(tag)
        if not found:
            return count
    pids = ", ".join(str(process.pid) for process in found)
    raise EmbeddedServerError(f"Processes of an earlier run do not end: {pids}.")
