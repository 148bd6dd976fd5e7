"""Lines of a stream: cut as the bytes come, numbered, and none is held that is too long."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Line", "LineBuffer", "LineSplitter"]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """A line that is not blank. `number` counts from 1, blank lines too.

    `body` is None where it was too long: it was passed over, not held.
    """

    number: int
    body: bytes | None


class LineSplitter:
    """Cuts bytes into lines of at most `limit` bytes, without their ends (LF, CRLF).

    A byte order mark, as some editors begin a file with, is no part of the first line.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._number = 1
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, chunk: bytes) -> list[Line]:
        """Take further bytes; returns the lines that they complete."""
        lines: list[Line] = []
        *ends, rest = chunk.split(b"\n")
        for part in ends:
            self._add(part)
            lines += self._complete()
            self._number += 1
        self._add(rest)
        return lines

    def end(self) -> list[Line]:
        """Take the end of the stream, which completes its last line."""
        return self._complete()

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        if self._length > self._limit + 1:  # one more may be the CR of the line's end
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def _complete(self) -> list[Line]:
        body = b"".join(self._parts).strip()
        if self._number == 1:
            body = body.removeprefix(_BYTE_ORDER_MARK).strip()
        is_long = self._length > self._limit + 1 or len(body) > self._limit
        self._parts.clear()
        self._length = 0
        if is_long:
            return [Line(self._number, None)]
        return [Line(self._number, body)] if body else []


class LineBuffer:
    """Holds lines between who reads them and who works on them, up to so many bytes.

    Who puts more waits until there is room again, so that a fast sender is slowed down.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, lines: Sequence[Line]) -> None:
        """Put lines, then wait for room."""
        async with self._changed:
            self._lines.extend(lines)
            self._bytes += sum(map(_size, lines))
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._bytes < self._room or self._closed)

    async def close(self) -> None:
        """Put no more."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def take(self, most: int, most_bytes: int) -> list[Line]:
        """Wait for lines and take what is there, up to a number and, from the second on, a size.

        Returns none when there are no more to come.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._lines or self._closed)
            taken: list[Line] = []
            size = 0
            while self._lines and len(taken) < most:
                size += _size(self._lines[0])
                if taken and size > most_bytes:
                    break
                taken.append(self._lines.popleft())
            self._bytes -= sum(map(_size, taken))
            self._changed.notify_all()
            return taken


def _size(line: Line) -> int:
    """Count what a line takes, its object too: a million short ones are not small."""
    return 64 + len(line.body or b"")
