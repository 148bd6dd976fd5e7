"""The command line: what it prints, what it refuses, and its exit codes."""

import asyncio
import base64
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner, Result

from ordering.access.clients import Clients, save_client
from ordering.access.roles import Role
from ordering.db.connection import connect
from ordering.db.engine import Database
from ordering.domain.errors import UnauthenticatedError
from ordering.settings import Settings, describe
from ordering_app.cli import ordering
from ordering_app.cli.common import run as run_coroutine
from ordering_app.embedded import EmbeddedServers
from support.servers import blank_database, named


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


async def test_clients_are_listed_with_what_they_may(
    database: Database, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    await save_client(database, "portal", "long enough to be one", [Role.ORDER_VIEWER])
    await save_client(
        database, "cpq", "long enough to be one", [Role.ORDER_INTEGRATOR, Role.ADMIN], active=False
    )
    result = await asyncio.to_thread(run, "client", "list")
    assert result.exit_code == 0
    assert result.output == ("cpq: admin, order_integrator (inactive)\nportal: order_viewer\n")


def test_ctrl_c_while_the_command_is_being_loaded_ends_it_without_a_trace(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise KeyboardInterrupt\n")
    ended = subprocess.run(
        [sys.executable, "-m", "ordering_app", "--help"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, b"", b"")


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


@pytest.fixture(params=["api", "worker", "migrate", "client", "catalog", "queue"])
def asks_the_database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    """Give the arguments of a command that needs the database."""
    monkeypatch.setenv("ORDERING_REDIS_URL", "redis://127.0.0.1:1/0")
    reference = tmp_path / "channels.yaml"
    reference.write_text("channel:\n  - externalId: web\n    name: Web\n")
    return {
        "client": ("client", "save", "cpq", "--role", "admin"),
        "catalog": ("catalog", "load", str(reference)),
        "queue": ("queue", "stats"),
    }.get(request.param, (request.param,))


def test_a_database_that_is_away_is_told_in_a_sentence(
    asks_the_database: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv(
        "ORDERING_DATABASE_URL", f"postgresql://ordering:s3cret%2Fword@127.0.0.1:{port}/ordering"
    )
    result = run(*asks_the_database, typed="long enough to be one\n")
    assert result.exit_code == 1
    assert result.output.startswith("Error: the database does not answer: ")
    assert len(result.output.splitlines()) == 1
    assert "s3cret" not in result.output


def test_a_database_that_refuses_is_told_in_a_sentence(
    asks_the_database: tuple[str, ...],
    servers: EmbeddedServers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = urlsplit(servers.database_url)
    assert parts.password
    wrong = servers.database_url.replace(parts.password, "s3cretword")
    monkeypatch.setenv("ORDERING_DATABASE_URL", wrong)
    result = run(*asks_the_database, typed="long enough to be one\n")
    assert result.exit_code == 1
    assert result.output.startswith(
        "Error: the database does not answer: password authentication failed"
    )
    assert len(result.output.splitlines()) == 1
    assert "s3cret" not in result.output


def test_a_password_that_a_driver_quotes_is_masked(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PostgreSQL quotes the name of a database that does not exist; here it is the password, too.
    password = urlsplit(servers.database_url).password
    assert password
    monkeypatch.setenv("ORDERING_DATABASE_URL", named(servers.database_url, password))
    result = run("migrate")
    assert result.exit_code == 1
    assert "***" in result.output
    assert password not in result.output


@pytest.fixture
async def unmigrated_url(servers: EmbeddedServers) -> str:
    """A database without tables."""
    return await blank_database(servers, "tests_unmigrated")


@pytest.mark.parametrize("command", ["api", "worker"])
def test_what_serves_and_works_wants_the_migrations_first(
    command: str, unmigrated_url: str, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", unmigrated_url)
    monkeypatch.setenv("ORDERING_REDIS_URL", servers.redis_url)
    result = run(command)
    assert result.exit_code == 1
    assert result.output == (
        "Error: the schema that the role works in lacks migrations, the first is"
        " 2026-11-22T06:00:00:000001: run `ordering migrate` first\n"
    )


@pytest.fixture
async def narrow_url(empty_url: str) -> AsyncGenerator[str]:
    """A database with all tables, for a role that may read none of them."""
    admin = await connect(empty_url)
    await admin.execute("CREATE ROLE tests_narrow LOGIN PASSWORD 'narrow'")
    parts = urlsplit(empty_url)
    assert parts.username
    assert parts.password
    yield empty_url.replace(f"{parts.username}:{parts.password}@", "tests_narrow:narrow@")
    await admin.execute("DROP ROLE tests_narrow")
    await admin.close()


def test_a_role_that_may_not_read_the_migrations_is_told_so(
    narrow_url: str, servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", narrow_url)
    monkeypatch.setenv("ORDERING_REDIS_URL", servers.redis_url)
    result = run("worker")
    assert result.exit_code == 1
    assert result.output == "Error: the role may not read the table migration: grant it SELECT\n"


def test_a_missing_file_is_no_missing_database(
    empty_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", empty_url)
    result = run("catalog", "load", str(tmp_path / "absent.yaml"))
    assert result.exit_code == 1
    assert "absent.yaml" in result.output
    assert "database" not in result.output


def test_an_error_about_a_file_keeps_its_trace(tmp_path: Path) -> None:
    async def read() -> bytes:
        return await asyncio.to_thread((tmp_path / "absent").read_bytes)

    with pytest.raises(FileNotFoundError):
        run_coroutine(read())


def test_up_tells_of_a_database_that_refuses(
    servers: EmbeddedServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERING_DATABASE_URL", named(servers.database_url, "absent"))
    monkeypatch.setenv("ORDERING_REDIS_URL", servers.redis_url)
    result = run("up")
    assert result.exit_code == 1
    assert result.output == (
        'Error: the database does not answer: database "absent" does not exist\n'
    )
