"""Bulks as clients send and read them."""

from collections.abc import Iterable, Sequence
from typing import Any

import httpx
import msgspec

from support import payloads
from support.api import ORDERS, PASSWORD, Api

__all__ = ["BULK", "NDJSON", "Answer", "lines", "read", "send"]

BULK = f"{ORDERS}?mode=async"
NDJSON = {"Content-Type": "application/x-ndjson"}


class Answer(msgspec.Struct):
    """The answer to a bulk: the results of its lines, and its last line."""

    results: Sequence[dict[str, Any]]
    end: dict[str, Any]

    @property
    def counts(self) -> tuple[str, int, int, int]:
        """How the bulk ended, and how many lines were accepted, duplicates and refused."""
        bulk = self.end["bulk"]
        return bulk["state"], bulk["accepted"], bulk["duplicates"], bulk["refused"]

    @property
    def order_ids(self) -> list[str | None]:
        """The orders of the lines."""
        return [each.get("orderId") for each in self.results]


def lines(*orders: object) -> bytes:
    """Make the body of a bulk; bytes are lines as they are."""
    return b"".join(
        (each if isinstance(each, bytes) else payloads.to_json(each)) + b"\n" for each in orders
    )


def read(content: bytes) -> Answer:
    """Read a whole answer."""
    *results, end = [msgspec.json.decode(line) for line in content.splitlines()]
    return Answer(results, end)


async def send(
    api: Api, body: bytes | Iterable[bytes], *, key: str | None = None, role: str | None = None
) -> Answer:
    """Send a bulk and read its answer, which must be 202."""
    headers = NDJSON | ({"Idempotency-Key": key} if key else {})
    response = await api.http.post(
        BULK, content=body, headers=headers, auth=(role or "order_integrator", PASSWORD)
    )
    assert response.status_code == 202, response.text
    assert response.headers["content-type"] == NDJSON["Content-Type"]
    answer = read(response.content)
    location: httpx.Headers = response.headers
    assert location["location"] == answer.end["bulk"]["href"]
    return answer
