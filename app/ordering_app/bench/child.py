"""Measuring processes: started, made ready, told to go, read.

A child is a module that is run with `-m`. It gets its task as one line of JSON, prepares, writes
`ready`, waits for a line, works, and writes its result as one line of JSON. So that several can
start at the same moment, and preparing is not measured.
"""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, TypeVar

import msgspec

from ordering_app.bench.model import BenchError
from ordering_app.parent_watch import PARENT_VARIABLE, watch_parent

__all__ = ["Child", "child_main", "ready_child", "spare_the_collector"]

_LINE_LIMIT = 64 * 1024 * 1024
_STOP_S = 10.0

Task = TypeVar("Task")
Result = TypeVar("Result")
Work = Callable[[], Awaitable[object]]


class Child:
    """A child that is ready to go."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self._name = name
        self._process = process

    async def send(self, line: bytes) -> None:
        """Write a line to the child."""
        if self._process.stdin is not None:
            self._process.stdin.write(line + b"\n")
            await self._process.stdin.drain()

    async def receive(self) -> bytes:
        """Read a line from the child. Raises `BenchError` with its last words if it ended."""
        line = await self._process.stdout.readline() if self._process.stdout else b""
        if line:
            return line
        _, words = await self._process.communicate()
        raise BenchError(f"{self._name} ended early: {words.decode(errors='replace')[-2000:]}")

    async def go(self, kind: type[Result]) -> Result:
        """Let the child work and return its result."""
        await self.send(b"go")
        return msgspec.json.decode(await self.receive(), type=kind)


@asynccontextmanager
async def ready_child(module: str, task: object) -> AsyncGenerator[Child]:
    """Start a child with its task and wait until it is ready; end it on leaving."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        f"ordering_app.bench.{module}",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
        limit=_LINE_LIMIT,
        start_new_session=True,
    )
    try:
        child = Child(module, process)
        await child.send(msgspec.json.encode(task))
        await child.receive()
        yield child
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()


def child_main(
    kind: type[Task], prepare: Callable[[Task], AbstractAsyncContextManager[Work]]
) -> None:
    """Be a child: the other end of `ready_child`. `prepare` yields the work to be measured."""
    watch_parent()
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=kind)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_be_child(prepare(task)))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Choose uvloop where there is one; the command line's own helper would import all commands."""
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _be_child(prepared: AbstractAsyncContextManager[Work]) -> None:
    async with prepared as work:
        spare_the_collector()
        _write(b"ready")
        await asyncio.to_thread(sys.stdin.buffer.readline)
        result: Any = await work()
        _write(msgspec.json.encode(result))


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")
    sys.stdout.buffer.flush()


def spare_the_collector() -> None:
    """Treat the garbage collector as the API does, so that nobody wins by its pauses."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
