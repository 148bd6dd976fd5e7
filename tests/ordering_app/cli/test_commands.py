"""The command line: what it prints, what it refuses, and its exit codes."""

import asyncio
import base64
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ordering.access.clients import Clients
from ordering.db.engine import Database
from ordering.domain.errors import UnauthenticatedError
from ordering.settings import Settings, describe
from ordering_app.cli import ordering


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in describe(Settings()):
        monkeypatch.delenv(setting.variable, raising=False)


def run(*arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(ordering, arguments, input=typed)


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    for command in ordering.commands:
        assert f"\n  {command} " in result.output


def test_settings_are_printed_with_their_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", "postgresql://user:secret@host/db")
    result = run("settings")
    assert result.exit_code == 0
    assert "ORDERING_PORT=8000\n    TCP port of the API.\n" in result.output
    assert "ORDERING_DATABASE_URL=***\n" in result.output
    assert "secret" not in result.output


@pytest.mark.parametrize("command", ["api", "worker", "migrate", "up", "demo"])
def test_a_misspelt_setting_stops_every_command(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_PROT", "1")
    result = run(command)
    assert result.exit_code == 1
    assert result.output == "Error: ORDERING_PROT is no setting\n"


@pytest.mark.parametrize("command", ["api", "worker", "migrate"])
def test_a_command_without_its_server_tells_which_variable_is_missing(command: str) -> None:
    result = run(command)
    assert result.exit_code == 1
    assert result.output == "Error: ORDERING_DATABASE_URL is not set\n"


def test_migrating_what_is_migrated(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    result = run("migrate")
    assert (result.exit_code, result.output) == (0, "nothing to do\n")


def test_a_client_needs_a_real_password(monkeypatch: pytest.MonkeyPatch, empty_url: str) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    result = run("client", "save", "cpq", "--role", "admin", typed="short\n")
    assert result.output == "Error: the password must have at least 12 characters\n"
    result = run("client", "save", "c:q", "--role", "admin", typed="long enough to be one\n")
    assert result.output == "Error: a user name must not be empty or contain a colon\n"
    result = run("client", "save", "cpq", "--role", "king", typed="long enough to be one\n")
    assert result.exit_code == 2


async def test_a_saved_client_may_call_until_it_is_inactive(
    database: Database, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    clients = Clients(database, memory_s=0)
    header = "Basic " + base64.b64encode(b"cpq:long enough to be one").decode()
    arguments = ("client", "save", "cpq", "--role", "order_integrator")
    typed = "long enough to be one\n"
    result = await asyncio.to_thread(run, *arguments, typed=typed)
    assert (result.exit_code, result.output) == (0, "saved cpq\n")
    assert (await clients.recognise(header)).username == "cpq"
    await asyncio.to_thread(run, *arguments, "--inactive", typed=typed)
    with pytest.raises(UnauthenticatedError):
        await clients.recognise(header)


async def test_a_catalog_is_loaded_or_its_problems_are_told(
    database: Database, empty_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("channel:\n  - externalId: web\n    name: Web\n")
    bad.write_text("channel:\n  - externalId: web\n")
    result = await asyncio.to_thread(run, "catalog", "load", str(good))
    assert result.exit_code == 0
    assert "Channel 1 new, 0 replaced; catalog revision 1" in result.output
    result = await asyncio.to_thread(run, "catalog", "load", str(bad))
    assert result.exit_code == 1
    assert f"{bad}" in result.output
    assert "name" in result.output
    async with database.acquire() as connection:
        assert await connection.fetchval("SELECT revision FROM catalog_revision") == 1
