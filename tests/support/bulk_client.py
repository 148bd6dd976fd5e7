"""A client that sends a bulk piece by piece and reads its answer line by line, as it likes."""

import asyncio
import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlsplit

import msgspec

from support.api import PASSWORD
from support.bulks import BULK, Answer

__all__ = ["CLIENT", "BulkClient"]

#: The user name that it calls with; its password is that of all clients of the tests.
CLIENT = "cpq"


class BulkClient:
    """One request. The answer is not read before it is asked for."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._lines: list[bytes] = []
        self._rest = b""
        self.head = ""

    @classmethod
    @asynccontextmanager
    async def opened(
        cls, url: str, key: str | None = None, headers: str = ""
    ) -> AsyncGenerator[Self]:
        """Send the head of a request; on leaving hang up."""
        where = urlsplit(url)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        authorization = base64.b64encode(f"{CLIENT}:{PASSWORD}".encode()).decode()
        named = f"Idempotency-Key: {key}\r\n" if key else ""
        head = (
            f"POST {BULK} HTTP/1.1\r\nHost: ordering\r\nAuthorization: Basic {authorization}\r\n"
            "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n"
            f"{named}{headers}\r\n"
        )
        writer.write(head.encode())
        client = cls(reader, writer)
        try:
            yield client
        finally:
            writer.transport.abort()

    async def interim(self) -> str:
        """Wait for what comes before the answer."""
        return (await self._reader.readuntil(b"\r\n\r\n")).decode().strip()

    async def send(self, content: bytes) -> None:
        """Send a piece of the body, as fast as the service takes it."""
        self._writer.write(b"%x\r\n%s\r\n" % (len(content), content))
        await self._writer.drain()

    async def finish(self) -> None:
        """Send the end of the body."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def line(self) -> dict[str, Any]:
        """Wait for the next line of the answer. Raises `EOFError` where it breaks off."""
        if not self.head:
            self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        while not self._lines:
            size = int((await self._reader.readuntil(b"\r\n")).strip(), 16)
            piece = await self._reader.readexactly(size + 2)
            if size == 0:
                raise EOFError
            *self._lines, self._rest = (self._rest + piece[:-2]).split(b"\n")
        return msgspec.json.decode(self._lines.pop(0))

    async def results(self, count: int) -> list[dict[str, Any]]:
        """Wait for so many lines of the answer."""
        return [await self.line() for _ in range(count)]

    async def answer(self) -> Answer:
        """Read the answer to its end."""
        results: list[dict[str, Any]] = []
        while "line" in (line := await self.line()):
            results.append(line)
        return Answer(results, line)
