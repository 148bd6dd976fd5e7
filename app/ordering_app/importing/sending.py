"""Blocks sent as bulks: each under a key of its own, and again until its results are known."""

import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import httpx
import msgspec

from ordering_app.demo.place import ORDER_PATH
from ordering_app.importing.blocks import Block

__all__ = ["Counts", "RefusedError", "Sender", "UnreachableError"]

_TRIES = 12
_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_TIMEOUT_S = 60.0

#: What the same request may be spared by a little later: a bulk that still has its former sender,
#: and services that are away, starting or stopping.
_LATER = frozenset({409, 502, 503, 504})


class RefusedError(Exception):
    """The service does not take the import at all; the text tells why."""


class UnreachableError(Exception):
    """The service did not answer to the end, however often it was asked."""


class Counts(msgspec.Struct):
    """What became of the lines of a block."""

    accepted: int = 0
    duplicates: int = 0
    refused: int = 0


class _Error(msgspec.Struct):
    message: str
    datapath: str


class _Bulk(msgspec.Struct):
    state: str


class _Result(msgspec.Struct, rename="camel"):
    """A line of an answer: a result, or how the bulk ended."""

    line: int | None = None
    order_id: str | None = None
    external_id: str | None = None
    duplicate: bool = False
    errors: list[_Error] = []
    bulk: _Bulk | None = None


class _Failure(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """A line that was refused, as it is noted; `line` is its number in the file."""

    line: int
    external_id: str | None = None
    errors: list[_Error]


class _InterruptedError(Exception):
    """A bulk was not received to its end; the text tells why."""


_results = msgspec.json.Decoder(_Result)


class Sender:
    """Sends blocks to a service and notes the lines that it refuses in a file."""

    def __init__(self, http: httpx.Client, failed: BinaryIO, say: Callable[[str], None]) -> None:
        self._http = http
        self._failed = failed
        self._say = say

    def send(self, block: Block, key: str, first_line: int) -> Counts:
        """Have a block accepted, whose first line has this number; returns its counts.

        Raises `RefusedError` or `UnreachableError`. Failures are written behind where the file
        stands, once for each line however often the block is sent.
        """
        start = self._failed.tell()
        reason = ""
        for attempt in range(_TRIES):
            if attempt:
                self._say(f"trying again: {reason}")
                time.sleep(min(_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S))
            self._failed.seek(start)
            self._failed.truncate()
            try:
                return self._send(block, key, first_line)
            except (httpx.TransportError, _InterruptedError) as error:
                reason = str(error) or type(error).__name__
        raise UnreachableError(reason)

    def _send(self, block: Block, key: str, first_line: int) -> Counts:
        with self._http.stream(
            "POST",
            ORDER_PATH,
            params={"mode": "async"},
            content=bytes(block),
            headers={"Content-Type": "application/x-ndjson", "Idempotency-Key": key},
            timeout=_TIMEOUT_S,
        ) as response:
            if response.status_code != 202:
                text = f"{response.status_code} {response.read().decode(errors='replace')[:500]}"
                raise (_InterruptedError if response.status_code in _LATER else RefusedError)(text)
            return self._read(response, first_line)

    def _read(self, response: httpx.Response, first_line: int) -> Counts:
        counts = Counts()
        result = _Result()
        for line in _lines(response):
            try:
                result = _results.decode(line)
            except msgspec.DecodeError as error:
                raise _InterruptedError(
                    f"the answer has a line that is no result: {error}"
                ) from error
            if result.line is None:
                break
            if result.order_id is None:
                counts.refused += 1
                self._note(result, first_line + result.line - 1)
            elif result.duplicate:
                counts.duplicates += 1
            else:
                counts.accepted += 1
        # With errors an answer broke off, also that of a bulk which had been finished before.
        if result.bulk is None or result.bulk.state != "finished" or result.errors:
            told = "; ".join(each.message for each in result.errors)
            raise _InterruptedError(told or "the answer breaks off")
        return counts

    def _note(self, result: _Result, line: int) -> None:
        failure = _Failure(line=line, external_id=result.external_id, errors=result.errors)
        self._failed.write(msgspec.json.encode(failure) + b"\n")


def _lines(response: httpx.Response) -> Iterator[bytes]:
    """Cut an answer at its line feeds only: texts may have what Unicode counts as ends of lines."""
    rest = b""
    for piece in response.iter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
    if rest:
        yield rest
