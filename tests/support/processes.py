"""Our own commands as real processes, and conditions to wait for."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import IO, TypeVar

__all__ = ["command", "kill", "spawn", "started", "until"]

Value = TypeVar("Value")

_PATIENCE_S = 60.0


def command(*arguments: str) -> list[str]:
    """Return the command line of `ordering ARGUMENTS`."""
    return [sys.executable, "-m", "ordering_app", *arguments]


def spawn(
    *arguments: str, environment: Mapping[str, str], output: int | IO[bytes] = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Run `ordering ARGUMENTS` with ORDERING_* set; what it says goes to `output`."""
    inherited = {name: text for name, text in os.environ.items() if "ORDERING_" not in name}
    prefixed = {f"ORDERING_{name.upper()}": text for name, text in environment.items()}
    return subprocess.Popen(
        command(*arguments),
        env={**inherited, **prefixed, "PYTHONUNBUFFERED": "1"},
        stdout=output,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextmanager
def started(*arguments: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    """Run `ordering ARGUMENTS` with ORDERING_* set; on leaving it is ended and waited for."""
    process = spawn(*arguments, environment=environment)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def kill(process: "subprocess.Popen[str]") -> None:
    """Kill a process as the machine's failure would, and wait until it is gone."""
    process.kill()
    process.wait()


async def until(look: Callable[[], Awaitable[Value]], *, patience_s: float = _PATIENCE_S) -> Value:
    """Look until what is seen is true; return it. Raises `TimeoutError`."""
    async with asyncio.timeout(patience_s):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(0.02)
