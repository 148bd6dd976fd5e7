"""`ordering queue`: what it prints, what it does, what it refuses."""

import asyncio
import getpass
import sys
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.settings import Settings, describe
from ordering_app.cli import ordering
from support.placed import snapshot
from support.queue import put, record, states
from support.queued import queued


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, demo_url: str) -> None:
    for setting in describe(Settings()):
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("ORDERING_DATABASE_URL", demo_url)
    monkeypatch.setattr(getpass, "getuser", lambda: "ann")


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, ordering, ["queue", *arguments])


async def printed(*arguments: str) -> list[str]:
    result = await run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


async def refused(*arguments: str) -> str:
    result = await run(*arguments)
    assert result.exit_code == 1
    return result.output


def read(lines: list[str]) -> list[Any]:
    return [msgspec.json.decode(line) for line in lines]


async def test_ls_lists_the_newest_first_a_line_each(demo_database: Database) -> None:
    old = await queued(
        demo_database, "error", external_id="PO-1", attempts=2, error_message="No good"
    )
    new = await queued(demo_database)
    lines = [line.split(maxsplit=1)[1] for line in await printed("ls")]
    assert lines == [
        f"{show_id(new)}  new          -                0  -",
        f"{show_id(old)}  error        failure          2  PO-1  No good",
    ]


async def test_ls_knows_every_condition(demo_database: Database) -> None:
    other = show_id(await queued(demo_database))
    meant = await queued(demo_database, "error", age="2 h", external_id="PO-1")
    for condition in (
        "--state=error",
        "--status=failure",
        "--older-than=PT1H",
        "--external-id=PO-1",
        f"--id={show_id(meant)}",
    ):
        assert [each["id"] for each in read(await printed("ls", "--json", condition))] == [
            show_id(meant)
        ]
    assert [each["id"] for each in read(await printed("ls", "--json", "--younger-than=3600"))] == [
        other
    ]
    assert await printed("ls", "--account=nobody") == []


async def test_ls_goes_through_as_many_pages_as_it_takes(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command of this name hides the module.
    monkeypatch.setattr(sys.modules["ordering_app.cli.queue"], "_AT_ONCE", 2)
    ids = [show_id(each) for each in await put(demo_database, *[b"{}"] * 5)]
    for limit, expected in ((1, ids[:1]), (4, ids[:4]), (9, ids)):
        found = read(await printed("ls", "--json", "--oldest-first", f"--limit={limit}"))
        assert [each["id"] for each in found] == expected


async def test_show_tells_all_of_one(demo_database: Database) -> None:
    identity = await queued(demo_database, external_id="PO-1", inventory_ids='["1"]')
    for text in ("PO-1", show_id(identity)):
        lines = await printed("show", text)
        assert {f"id: {show_id(identity)}", "state: new", "attempts: 0", 'inventoryIds: ["1"]'} <= {
            *lines
        }
    (shown,) = read(await printed("show", "PO-1", "--json", "--payload"))
    assert shown["id"] == show_id(identity)
    assert shown["payload"] == (await record(demo_database, identity))["payload"]
    assert await refused("show", "PO-2") == "Error: the queue has no request PO-2\n"


async def test_redrive_and_cancel_tell_how_many(demo_database: Database) -> None:
    failed = await queued(demo_database, "error", external_id="PO-1")
    assert await printed("redrive", "--external-id=PO-1") == ["redriven: 1"]
    history = (await record(demo_database, failed))["attempt_history"]
    assert [each["by"] for each in history] == ["cli:ann"]
    assert read(await printed("cancel", "--state=new", "--json")) == [{"canceled": 1}]
    canceled = await record(demo_database, failed)
    assert canceled["error_message"] == "canceled by an operator"
    assert [each["by"] for each in canceled["attempt_history"]] == ["cli:ann", "cli:ann"]
    assert await printed("cancel", "--state=new") == ["canceled: 0"]


async def test_what_cannot_be_done_is_told_and_nothing_changes(demo_database: Database) -> None:
    await queued(demo_database, "error")
    await queued(demo_database)
    before = await snapshot(demo_database)
    everything = "Error: filter must have a member: without one it would mean every request\n"
    assert await refused("redrive") == everything
    assert await refused("cancel") == everything
    text = "Error: state must be one of new, pending, or absent\n"
    assert await refused("cancel", "--state=error") == text
    assert await refused("cancel", "--state=News", "--older-than=x") == (
        "Error: state is none of new, in_progress, pending, completed, error; "
        "olderThan must be a duration like P1DT12H, or seconds; at most 100 years\n"
    )
    assert await snapshot(demo_database) == before


async def test_pause_resume_and_stats_tell_of_the_queue(demo_database: Database) -> None:
    await queued(demo_database, age="1 h")
    counts = ["new: 1", "in_progress: 0", "pending: 0", "completed: 0", "error: 0"]
    lines = await printed("pause")
    assert lines[:5] == counts
    assert lines[5].startswith("oldest new: 36")
    assert lines[6].startswith("paused by cli:ann since 20")
    assert await printed("stats") != counts
    (shown,) = read(await printed("stats", "--json"))
    assert (shown["paused"], shown["pausedBy"], shown["total"]) == (True, "cli:ann", 1)
    assert (await printed("resume"))[:5] == counts
    (shown,) = read(await printed("stats", "--json"))
    assert (shown["paused"], shown["windowOpen"]) == (False, True)
    assert await states(demo_database) == {"new": 1}


async def test_whoever_has_no_name_is_the_command_line(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(getpass, "getuser", nobody)
    identity = await queued(demo_database)
    await printed("cancel", "--state=new")
    assert [each["by"] for each in (await record(demo_database, identity))["attempt_history"]] == [
        "cli"
    ]


async def test_it_needs_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORDERING_DATABASE_URL")
    assert await refused("stats") == "Error: ORDERING_DATABASE_URL is not set\n"


async def test_what_clients_wrote_does_not_control_the_terminal(demo_database: Database) -> None:
    external_id = "a\x1b[2J\nFAKE\x7f\x9b1m\u202e\u00fc"
    identity = show_id(await queued(demo_database, external_id=external_id))
    shown = "a\\u001b[2J\\nFAKE\\u007f\\u009b1m\\u202e\u00fc"
    (line,) = await printed("ls")
    assert line.endswith(f"  {shown}")
    assert f"externalId: {shown}" in await printed("show", identity)
    (document,) = await printed("show", identity, "--json")
    assert shown in document
    assert msgspec.json.decode(document)["externalId"] == external_id
