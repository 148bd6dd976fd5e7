"""Clients that send orders until each is answered, and behave as badly as clients do."""

import asyncio
import base64
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import msgspec

from support import payloads
from support.api import ORDERS, PASSWORD

__all__ = ["Buyers", "Kind"]

Kind = str

#: Kinds of orders and how often each comes. Poison passes when it is sent and cannot be created.
KINDS: dict[Kind, int] = {
    "plain": 70,
    "line": 10,
    "synchronous": 5,
    "slow": 4,
    "hangs up": 8,
    "unknown": 1,
    "refused": 1,
    "deadlock": 1,
}
POISON = ("unknown", "refused", "deadlock")

_PAUSE_S = 0.03
_AGAIN_S = 0.05
_TRICKLE_S = 0.01


class Answered(msgspec.Struct, frozen=True):
    """An order that was answered: what it was called, its kind, its id."""

    name: str
    kind: Kind
    id: UUID


class Buyers:
    """Sends orders named PO-1, PO-2 ... under keys, to any of the urls; repeats what fails."""

    def __init__(self, seed: int, urls: list[str]) -> None:
        self._chance = random.Random(seed)
        self._urls = urls
        self._sent = 0
        # Each kind comes once before chance rules, however short the run is.
        self._first = list(KINDS)
        self._chance.shuffle(self._first)
        self.answered: list[Answered] = []
        self.repeats: Counter[str] = Counter()

    async def buy(self, enough: Callable[[], bool]) -> None:
        """Send one order after the other until it is enough."""
        async with httpx.AsyncClient(auth=("cpq", PASSWORD), timeout=30) as http:
            while not enough():
                self._sent += 1
                kind = self._next_kind()
                await self._order(http, f"PO-{self._sent}", kind)
                await asyncio.sleep(self._chance.uniform(0, 2 * _PAUSE_S))

    def _next_kind(self) -> Kind:
        if self._first:
            return self._first.pop()
        return self._chance.choices(list(KINDS), list(KINDS.values()))[0]

    async def _order(self, http: httpx.AsyncClient, name: str, kind: Kind) -> None:
        body = _body(name, kind)
        path = ORDERS if kind == "synchronous" else f"{ORDERS}?mode=async"
        headers = {"Content-Type": "application/json", "Idempotency-Key": name}
        if kind == "hangs up":
            await self._hang_up(path, headers, body)
        while True:
            content = _trickle(body) if kind == "slow" else body
            url = self._chance.choice(self._urls)
            try:
                answer = await http.post(url + path, content=content, headers=headers)
            except httpx.TransportError as error:
                self.repeats[type(error).__name__] += 1
            else:
                if answer.is_success:
                    told = answer.json()
                    identity = told["id" if kind == "synchronous" else "orderId"]
                    self.answered.append(Answered(name, kind, UUID(identity)))
                    return
                # The key may be in use still: by the request that nobody waited for.
                assert answer.status_code in (409, 503), answer.text
                self.repeats[str(answer.status_code)] += 1
            await asyncio.sleep(_AGAIN_S)

    async def _hang_up(self, path: str, headers: dict[str, str], body: bytes) -> None:
        """Send a request, perhaps not all of it, and leave."""
        url = urlsplit(self._chance.choice(self._urls))
        credentials = base64.b64encode(f"cpq:{PASSWORD}".encode()).decode()
        lines = [
            f"POST {path} HTTP/1.1",
            "Host: ordering",
            f"Authorization: Basic {credentials}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {text}" for name, text in headers.items()),
        ]
        whole = "\r\n".join([*lines, "", ""]).encode() + body
        length = self._chance.choice([len(whole), self._chance.randrange(len(whole))])
        try:
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.write(whole[:length])
            await writer.drain()
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            self.repeats[type(error).__name__] += 1


def _body(name: str, kind: Kind) -> bytes:
    members: payloads.Payload = {"externalId": name, "externalSystem": kind}
    match kind:
        case "line":
            items = [payloads.change_item("1"), payloads.item("2"), payloads.item("3")]
            return payloads.to_json(payloads.order(items=items, **members))
        case "unknown":
            parties = [payloads.party(id=payloads.UNKNOWN_ID)]
            return payloads.to_json(payloads.order(relatedParty=parties, **members))
        case _:
            return payloads.to_json(payloads.order(**members))


async def _trickle(body: bytes) -> AsyncGenerator[bytes]:
    for start in range(0, len(body), 40):
        yield body[start : start + 40]
        await asyncio.sleep(_TRICKLE_S)
