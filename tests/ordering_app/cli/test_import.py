"""`ordering import` as a real process against a real API: to its end, and killed on the way."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering.settings import IMPORT_PASSWORD
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import PASSWORD
from support.bulks import lines
from support.processes import command, kill, until
from support.serving import serving

BAD = payloads.removed(payloads.order(), "/relatedParty")
NO_PARTY = {"message": "Invalid payload: relatedParty is missing", "datapath": "/relatedParty"}


class Place(NamedTuple):
    """A running API, and a folder for the files of imports."""

    url: str
    database: Database
    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "orders.ndjson"

    def start(
        self, *options: str, source: str = "", password: str = PASSWORD
    ) -> "subprocess.Popen[str]":
        """Start an import of the file."""
        options = ("--url", self.url, "--user", "cpq", *options)
        return subprocess.Popen(
            command("import", source or str(self.source), *options),
            cwd=self.folder,
            env={IMPORT_PASSWORD: password, "COLUMNS": "200"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def run(self, *options: str, stdin: str = "", **how: str) -> tuple[int, str, str]:
        """Import the file; returns exit code, what was printed, and what was told beside."""
        process = self.start(*options, **how)
        output, told = await asyncio.to_thread(process.communicate, stdin, 90)
        return process.returncode, output, told

    def written(self, name: str) -> list[dict[str, Any]]:
        """Read a file of JSON lines."""
        content = (self.folder / name).read_bytes()
        return [msgspec.json.decode(line) for line in content.splitlines()]

    async def payloads(self) -> Sequence[str]:
        """Read what is queued."""
        async with self.database.acquire() as connection:
            rows = await connection.fetch("SELECT payload FROM inbound_request")
        return [row["payload"] for row in rows]


@pytest.fixture
async def place(
    demo_database: Database, demo_url: str, servers: EmbeddedServers, tmp_path: Path
) -> AsyncGenerator[Place]:
    await save_client(demo_database, "cpq", PASSWORD, [Role.ORDER_INTEGRATOR])
    async with serving(demo_url, servers.redis_url) as (url, _):
        yield Place(url, demo_database, tmp_path)


def distinct(count: int) -> bytes:
    """Make lines that differ, but have no external id."""
    return lines(*(payloads.order(note=[payloads.note(f"line {n}")]) for n in range(count)))


async def test_a_file_is_imported_and_its_bad_lines_are_noted(place: Place) -> None:
    good = payloads.order(externalId="PO-1")
    place.source.write_bytes(distinct(2500) + lines(b"", BAD | {"externalId": "PO-0"}, good, good))
    code, output, told = await place.run()
    assert (code, output, told) == (
        1, f"{place.source}: 2501 accepted, 1 duplicates, 1 refused\n", ""
    )  # fmt: skip
    assert place.written("orders.ndjson.failed.ndjson") == [
        {"line": 2502, "externalId": "PO-0", "errors": [NO_PARTY]}
    ]
    assert len(await place.payloads()) == 2501


async def test_an_external_id_may_have_what_unicode_counts_as_ends_of_lines(place: Place) -> None:
    odd = "A\u2028B\u2029C\u0085D"
    place.source.write_bytes(
        lines(payloads.order(externalId=odd), BAD | {"externalId": odd}, payloads.order())
    )
    assert await place.run() == (
        1, f"{place.source}: 2 accepted, 0 duplicates, 1 refused\n", ""
    )  # fmt: skip
    content = (place.folder / "orders.ndjson.failed.ndjson").read_bytes()
    assert [msgspec.json.decode(each) for each in content.strip().split(b"\n")] == [
        {"line": 2, "externalId": odd, "errors": [NO_PARTY]}
    ]


async def test_an_import_that_is_done_is_not_done_again(place: Place) -> None:
    place.source.write_bytes(distinct(3))
    first = await place.run()
    assert first == (0, f"{place.source}: 3 accepted, 0 duplicates, 0 refused\n", "")
    assert await place.run() == first
    assert len(await place.payloads()) == 3
    # Only who deletes the checkpoint imports it once more.
    (place.folder / "orders.ndjson.import.json").unlink()
    assert await place.run() == first
    assert len(await place.payloads()) == 6


async def test_an_import_that_was_killed_goes_on_without_doubling_or_losing(place: Place) -> None:
    place.source.write_bytes(distinct(9000).replace(b"\n", b"\n" + lines(BAD), 3))
    await killed_when(place, 2500)
    code, output, _ = await place.run()
    assert (code, output) == (1, f"{place.source}: 9000 accepted, 0 duplicates, 3 refused\n")
    stored = await place.payloads()
    assert (len(stored), len(set(stored))) == (9000, 9000)
    assert [each["line"] for each in place.written("orders.ndjson.failed.ndjson")] == [2, 4, 6]


async def killed_when(place: Place, accepted: int) -> None:
    """Kill an import when so many orders are queued, and hold the rest off meanwhile."""
    process = place.start()
    async with place.database.acquire() as connection:

        async def are_accepted() -> bool:
            return await connection.fetchval("SELECT count(*) FROM inbound_request") >= accepted

        await until(are_accepted)
        async with connection.transaction():
            await connection.execute("LOCK TABLE bulk_line IN EXCLUSIVE MODE")
            assert process.poll() is None
            kill(process)
    process.communicate()
    assert accepted <= len(await place.payloads()) < 9000


async def test_ctrl_c_leaves_what_the_next_run_goes_on_from(place: Place) -> None:
    place.source.write_bytes(distinct(9000))
    process = place.start()

    async def has_begun() -> bool:
        return len(await place.payloads()) > 0

    await until(has_begun)
    process.send_signal(signal.SIGINT)
    _, told = await asyncio.to_thread(process.communicate)
    assert (process.returncode, told) == (130, "interrupted; the same command goes on\n")
    assert await place.run() == (
        0, f"{place.source}: 9000 accepted, 0 duplicates, 0 refused\n", ""
    )  # fmt: skip
    stored = await place.payloads()
    assert (len(stored), len(set(stored))) == (9000, 9000)


async def test_an_import_outlives_the_service(
    place: Place, demo_url: str, servers: EmbeddedServers
) -> None:
    async with serving(demo_url, servers.redis_url, queue_lease_s="1") as (url, api):
        there = place._replace(url=url)
        there.source.write_bytes(distinct(9000))
        importing = there.start()

        async def has_begun() -> bool:
            return len(await there.payloads()) >= 2500

        await until(has_begun)
        kill(api)
    port = int(url.rpartition(":")[2])
    async with serving(demo_url, servers.redis_url, port, queue_lease_s="1"):
        output, told = await asyncio.to_thread(importing.communicate)
    assert output == f"{place.source}: 9000 accepted, 0 duplicates, 0 refused\n"
    assert "trying again: " in told
    stored = await place.payloads()
    assert (len(stored), len(set(stored))) == (9000, 9000)


async def test_standard_input_is_imported(place: Place) -> None:
    body = lines(payloads.order(), BAD).decode()
    code, output, told = await place.run(source="-", stdin=body)
    assert (code, output, told) == (1, "-: 1 accepted, 0 duplicates, 1 refused\n", "")
    assert place.written("stdin.failed.ndjson") == [{"line": 2, "errors": [NO_PARTY]}]


async def test_what_keeps_an_import_from_beginning_is_told(place: Place) -> None:
    code, _, told = await place.run()
    assert (code, told) == (1, f"Error: there is no file {place.source}\n")
    place.source.write_bytes(distinct(1))
    code, _, told = await place.run(password="wrong")
    assert code == 1
    assert told.startswith("Error: 401 ")
    assert "Unknown user name or wrong password" in told
    code, _, told = await place.run("--url", "http://127.0.0.1:1")
    assert code == 1
    assert told.startswith(f"Error: the import was begun at {place.url}")
    assert await place.payloads() == []


async def test_a_file_that_was_changed_where_it_is_done_is_not_gone_on_with(place: Place) -> None:
    place.source.write_bytes(distinct(3))
    await place.run()
    place.source.write_bytes(distinct(4)[1:])
    code, _, told = await place.run()
    assert code == 1
    assert "are not those that were imported; to import it from its beginning, delete " in told
    assert len(await place.payloads()) == 3


@pytest.mark.parametrize("end", [b"", b"\n"], ids=["without its end", "whole"])
async def test_lines_that_were_appended_to_a_finished_import_are_imported(
    place: Place, end: bytes
) -> None:
    content = distinct(5)
    three = distinct(3).rstrip(b"\n")
    place.source.write_bytes(three + end)
    assert (await place.run())[0] == 0
    place.source.write_bytes(content + lines(BAD))
    assert await place.run() == (
        1, f"{place.source}: 5 accepted, 0 duplicates, 1 refused\n", ""
    )  # fmt: skip
    stored = await place.payloads()
    assert (len(stored), len(set(stored))) == (5, 5)
    assert place.written("orders.ndjson.failed.ndjson") == [{"line": 6, "errors": [NO_PARTY]}]


async def test_a_last_line_that_goes_on_after_it_was_imported_is_told(place: Place) -> None:
    place.source.write_bytes(distinct(2).rstrip(b"\n"))
    await place.run()
    place.source.write_bytes(distinct(2).rstrip(b"\n") + b" \n" + distinct(1))
    code, _, told = await place.run()
    assert (code, told) == (1, "Error: line 2 was imported, and goes on now\n")
    assert len(await place.payloads()) == 2


async def test_failures_that_are_not_where_they_were_are_told(place: Place) -> None:
    place.source.write_bytes(lines(BAD))
    await place.run()
    failed = place.folder / "orders.ndjson.failed.ndjson"
    failed.rename(place.folder / "moved")
    with place.source.open("ab") as source:
        source.write(lines(BAD))
    checkpoint = place.folder / "orders.ndjson.import.json"
    assert await place.run() == (
        1, "", f"Error: {failed} is not whole; put it back, or delete {checkpoint}\n"
    )  # fmt: skip
    (place.folder / "moved").replace(failed)
    assert (await place.run())[:2] == (
        1, f"{place.source}: 0 accepted, 0 duplicates, 2 refused\n"
    )  # fmt: skip
    assert [each["line"] for each in place.written(failed.name)] == [1, 2]
