"""Bulks against a real API: very long ones, clients that hang up or dawdle, an API that ends."""

import asyncio
import re
import signal
import subprocess
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.demo.place import example_path
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import PASSWORD
from support.bulk_client import CLIENT, BulkClient
from support.bulks import lines
from support.processes import kill, until
from support.serving import serving

LINE = lines(payloads.order())

#: What the memory of the API may grow by while it takes 100 MB.
MOST_GROWTH_KB = 40 * 1024


class Place(NamedTuple):
    """Where APIs of these tests work, all on one database."""

    database: Database
    database_url: str
    redis_url: str

    async def rows(self, table: str) -> int:
        async with self.database.acquire() as connection:
            return await connection.fetchval(f"SELECT count(*) FROM {table}")


@pytest.fixture
async def place(demo_database: Database, demo_url: str, servers: EmbeddedServers) -> Place:
    await save_client(demo_database, CLIENT, PASSWORD, [Role.ORDER_INTEGRATOR])
    return Place(demo_database, demo_url, servers.redis_url)


@pytest.fixture
async def url(place: Place) -> AsyncGenerator[str]:
    async with serving(place.database_url, place.redis_url) as (address, _):
        yield address


def memory_kb(process: "subprocess.Popen[str]", which: str) -> int:
    """Tell a process's memory (`VmRSS`), or the most that it ever had (`VmHWM`)."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(rf"{which}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1])


async def get(url: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, auth=(CLIENT, PASSWORD)) as http:
        return await http.get(path)


async def ended(url: str, path: str) -> dict[str, Any]:
    """Wait until a bulk is received no more."""

    async def look() -> dict[str, Any]:
        shown = (await get(url, path)).json()
        return {} if shown["state"] == "receiving" else shown

    return await until(look)


def location(client: BulkClient) -> str:
    found = re.search(r"location: (\S+)", client.head)
    assert found is not None
    return found[1]


async def test_twenty_thousand_lines_are_sent_before_any_answer_is_read(place: Place) -> None:
    order = msgspec.json.decode(example_path("async").read_bytes()) | {"externalId": None}
    piece = lines(order) * 100
    async with serving(place.database_url, place.redis_url) as (url, process):
        async with BulkClient.opened(url) as client:
            await client.send(piece)
            await client.results(100)
            before = memory_kb(process, "VmRSS")
            for _ in range(199):
                await client.send(piece)
            await client.finish()
            answer = await client.answer()
        assert len(piece) * 200 > 100_000_000
        assert memory_kb(process, "VmHWM") - before < MOST_GROWTH_KB
    assert answer.counts == ("finished", 20_000, 0, 0)
    assert [each["line"] for each in answer.results] == list(range(101, 20_001))
    assert len({each["orderId"] for each in answer.results}) == 19_900
    assert await place.rows("inbound_request") == 20_000


async def test_each_line_is_answered_before_the_next_one_is_sent(place: Place, url: str) -> None:
    async with BulkClient.opened(url) as client:
        for number in range(1, 6):
            await client.send(LINE)
            assert (await client.line())["line"] == number
            assert await place.rows("inbound_request") == number
        await client.finish()
        assert (await client.answer()).counts == ("finished", 5, 0, 0)


async def test_a_client_is_told_to_continue(place: Place, url: str) -> None:
    async with BulkClient.opened(url, "k", "Expect: 100-continue\r\n") as client:
        assert await client.interim() == "HTTP/1.1 100 Continue"
        await client.send(LINE * 2)
        await client.finish()
        assert (await client.answer()).counts == ("finished", 2, 0, 0)
    assert await place.rows("inbound_request") == 2


async def test_what_was_accepted_stays_when_the_client_hangs_up(place: Place, url: str) -> None:
    async with BulkClient.opened(url) as client:
        await client.send(LINE * 700)
        first = await client.line()
        await client.send(LINE + LINE[:20])
        path = location(client)
    bulk = await ended(url, path)
    accepted = await place.rows("inbound_request")
    assert (bulk["state"], bulk["accepted"], bulk["refused"]) == ("interrupted", accepted, 0)
    assert 1 <= accepted <= 701
    results = (await get(url, bulk["results"])).text.splitlines()
    assert msgspec.json.decode(results[0]) == first
    assert [msgspec.json.decode(each)["line"] for each in results] == [*range(1, accepted + 1)]


async def test_an_api_that_is_told_to_end_does_not_wait_for_the_rest(place: Place) -> None:
    async with (
        serving(place.database_url, place.redis_url) as (url, process),
        BulkClient.opened(url, "k") as client,
    ):
        await client.send(LINE * 100)
        first = await client.results(100)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            answer = await client.answer()
            assert await asyncio.to_thread(process.wait) == -signal.SIGTERM
    assert answer.results == []
    assert answer.counts == ("interrupted", 100, 0, 0)
    assert answer.end["errors"] == [
        {"message": "The service is shutting down; send the rest again", "datapath": ""}
    ]
    async with (
        serving(place.database_url, place.redis_url) as (url, _),
        BulkClient.opened(url, "k") as client,
    ):
        await client.send(LINE * 150)
        await client.finish()
        again = await client.answer()
    assert list(again.results[:100]) == first
    assert again.counts == ("finished", 150, 0, 0)
    assert await place.rows("inbound_request") == 150


async def test_a_bulk_of_an_api_that_was_killed_is_gone_on_with(place: Place) -> None:
    async with (
        serving(place.database_url, place.redis_url, queue_lease_s="1") as (url, process),
        BulkClient.opened(url, "k") as client,
    ):
        await client.send(LINE * 2000)
        first = await client.results(1)
        kill(process)
        path = location(client)
    async with serving(place.database_url, place.redis_url, queue_lease_s="1") as (url, _):
        bulk = await ended(url, path)
        accepted = await place.rows("inbound_request")
        assert (bulk["state"], bulk["accepted"]) == ("interrupted", accepted)
        async with BulkClient.opened(url, "k") as client:
            await client.send(LINE * 2000)
            await client.finish()
            answer = await client.answer()
    assert list(answer.results[:1]) == first
    assert answer.counts == ("finished", 2000, 0, 0)
    assert answer.end["bulk"]["href"] == path
    assert await place.rows("inbound_request") == 2000
    assert await place.rows("bulk_line") == 2000
