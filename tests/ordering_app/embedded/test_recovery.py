"""After a kill -9 of the parent, of a server, or of everything: the next start finds its data."""

import os
import pwd
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import msgspec
import pytest

from ordering.db.driver import asyncpg
from ordering_app.embedded import Embedded, EmbeddedServerError, EmbeddedServers
from ordering_app.embedded.orphans import find_tagged

HOLDER = Path(__file__).with_name("holder.py")


async def execute(servers: EmbeddedServers, statement: str) -> object:
    """Run a statement on a new connection and return its first value."""
    connection = await asyncpg.connect(servers.database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


class Holder:
    """Another process that holds the servers."""

    def __init__(self, *arguments: Path | str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, HOLDER, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        line = cast("IO[bytes]", self.process.stdout).readline()
        self.servers = msgspec.json.decode(line, type=EmbeddedServers)

    def end(self, number: signal.Signals | None = None) -> int:
        """Close its input, or send a signal; return its exit code."""
        if number is not None:
            self.process.send_signal(number)
        self.process.communicate()
        return self.process.returncode


def gone(pid: int) -> bool:
    """Tell whether no process, or only its remains, has the id."""
    try:
        return not Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds; fail after a while."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def kill_all_of(postgres_pid: int, valkey_pid: int) -> None:
    """Kill both servers and every helper of PostgreSQL at once."""
    command = Path(f"/proc/{postgres_pid}/cmdline").read_text()
    tag = command.split("cluster_name=", 1)[1].split("\0", 1)[0]
    for process in find_tagged(tag):
        os.kill(process.pid, signal.SIGKILL)
    os.kill(valkey_pid, signal.SIGKILL)
    eventually(lambda: gone(postgres_pid) and gone(valkey_pid))


async def test_orphans_of_a_killed_parent_are_stopped_and_replaced(
    prepared: Path, state: Path, table: str
) -> None:
    holder = Holder(prepared, state)
    await execute(holder.servers, f"CREATE TABLE {table} AS SELECT 42 AS answer")
    assert holder.end(signal.SIGKILL) == -signal.SIGKILL
    orphans = holder.servers
    assert not gone(orphans.postgres_pid)
    with Embedded(prepared, state=state) as servers:
        assert gone(orphans.postgres_pid)
        assert gone(orphans.valkey_pid)
        assert await execute(servers, f"TABLE {table}") == 42
        assert servers.database_url == orphans.database_url
        assert servers.redis_url == orphans.redis_url


async def test_a_kill_of_everything_loses_nothing_committed(
    prepared: Path, state: Path, table: str
) -> None:
    holder = Holder(prepared, state)
    await execute(holder.servers, f"CREATE TABLE {table} AS SELECT 42 AS answer")
    holder.end(signal.SIGKILL)
    kill_all_of(holder.servers.postgres_pid, holder.servers.valkey_pid)
    with Embedded(prepared, state=state) as servers:
        assert await execute(servers, f"TABLE {table}") == 42


async def test_helpers_of_a_killed_postgres_alone_are_no_obstacle(
    prepared: Path, state: Path
) -> None:
    holder = Holder(prepared, state)
    busy = await asyncpg.connect(holder.servers.database_url)
    holder.end(signal.SIGKILL)
    os.kill(holder.servers.postgres_pid, signal.SIGKILL)
    with Embedded(prepared, state=state) as servers:
        assert await execute(servers, "SELECT 1") == 1
    busy.terminate()


def test_a_holder_whose_input_ends_stops_its_servers(prepared: Path, state: Path) -> None:
    holder = Holder(prepared, state)
    assert holder.end() == 0
    assert gone(holder.servers.postgres_pid)
    assert gone(holder.servers.valkey_pid)


def hold_as_ordinary_user(data: Path, state: Path) -> Holder:
    """Let a process that is not root hold the servers, whoever we are."""
    if os.geteuid() != 0:
        return Holder(data, state)
    user = pwd.getpwnam("nobody")
    data.mkdir(mode=0o700)
    os.chown(data, user.pw_uid, user.pw_gid)
    return Holder(data, state, user.pw_name)


def test_an_ordinary_user_is_served(data: Path, state: Path) -> None:
    holder = hold_as_ordinary_user(data, state)
    owner = data.stat().st_uid
    assert owner != 0
    assert Path(f"/proc/{holder.servers.postgres_pid}").stat().st_uid == owner
    assert holder.end() == 0
    # Root, if we are it, serves the folder as its owner and leaves it usable for them.
    if os.geteuid() == 0:
        data.chmod(0o711)
    with Embedded(data, state=state) as servers:
        assert Path(f"/proc/{servers.postgres_pid}").stat().st_uid == owner
        assert (data / "embedded.json").stat().st_uid == owner


async def test_dead_servers_are_revived_at_their_addresses(
    prepared: Path, state: Path, table: str
) -> None:
    embedded = Embedded(prepared, state=state)
    with embedded as first:
        assert embedded.revive() == []
        await execute(first, f"CREATE TABLE {table} AS SELECT 42 AS answer")
        kill_all_of(first.postgres_pid, first.valkey_pid)
        said: list[str] = []

        def both_revived() -> bool:
            # An ended process can be collected a moment later than it is gone.
            said.extend(embedded.revive())
            return len(said) == 2

        eventually(both_revived)
        assert sorted(said) == [
            "PostgreSQL ended (signal SIGKILL) and was started again.",
            "Valkey ended (signal SIGKILL) and was started again.",
        ]
        second = embedded.servers
        assert second.postgres_pid != first.postgres_pid
        assert second.database_url == first.database_url
        assert second.redis_url == first.redis_url
        assert await execute(second, f"TABLE {table}") == 42


async def test_restarts_keep_addresses_and_data(prepared: Path, state: Path, table: str) -> None:
    embedded = Embedded(prepared, state=state)
    with embedded as first:
        await execute(first, f"CREATE TABLE {table} ()")
        second = embedded.restart_postgres()
        assert second.postgres_pid != first.postgres_pid
        assert second.valkey_pid == first.valkey_pid
        third = embedded.restart_valkey()
        assert third.postgres_pid == second.postgres_pid
        assert third.valkey_pid != second.valkey_pid
        assert await execute(third, f"SELECT to_regclass('{table}')") == table
        assert third.database_url == first.database_url


def test_an_unwritable_log_at_a_restart_is_said(prepared: Path, state: Path) -> None:
    embedded = Embedded(prepared, state=state)
    with embedded:
        (prepared / "valkey.log").unlink()
        (prepared / "valkey.log").mkdir()
        with pytest.raises(EmbeddedServerError, match=r"Valkey cannot be restarted: .*directory"):
            embedded.restart_valkey()
