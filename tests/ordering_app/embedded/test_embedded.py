"""The servers as their users see them: started, found again, stopped, side by side."""

import os
import re
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from arq import create_pool
from arq.connections import RedisSettings

from ordering.db.driver import asyncpg
from ordering_app.embedded import Embedded, EmbeddedServerError, EmbeddedServers
from ordering_app.embedded.folder import TAG_PREFIX
from ordering_app.embedded.orphans import command_line, find_tagged
from ordering_app.embedded.ports import LOOPBACK


async def execute(servers: EmbeddedServers, statement: str) -> object:
    """Run a statement on a new connection and return its first value."""
    connection = await asyncpg.connect(servers.database_url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def push(servers: EmbeddedServers, key: str, value: str) -> list[bytes]:
    """Append to a list in Valkey, through arq's settings, and return the list."""
    pool = cast("Any", await create_pool(RedisSettings.from_dsn(servers.redis_url)))
    try:
        await pool.rpush(key, value)
        return await pool.lrange(key, 0, -1)
    finally:
        await pool.aclose()


def running(pid: int) -> bool:
    """Tell whether the process runs; a zombie does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return status.rsplit(")", 1)[1].split()[0] != "Z"


def copied(source: Path, target: Path) -> Path:
    """Copy a folder with its owners and modes."""
    subprocess.run(["cp", "-Rp", source, target], check=True)
    return target


def owner_of(pid: int) -> int:
    """Return the user id of a process."""
    return Path(f"/proc/{pid}").stat().st_uid


def password_of(url: str) -> str:
    """Return the password in an address."""
    return url.split("@", maxsplit=1)[0].rsplit(":", 1)[1]


async def test_what_was_written_is_found_again_at_the_same_address(
    prepared: Path, state: Path, table: str
) -> None:
    with Embedded(prepared, state=state) as first:
        await execute(first, f"CREATE TABLE {table} AS SELECT 42 AS answer")
        await push(first, table, "one")
        assert running(first.postgres_pid)
        assert running(first.valkey_pid)
    assert not running(first.postgres_pid)
    assert not running(first.valkey_pid)
    with Embedded(prepared, state=state) as second:
        assert await execute(second, f"TABLE {table}") == 42
        assert await push(second, table, "two") == [b"one", b"two"]
    assert (second.database_url, second.redis_url) == (first.database_url, first.redis_url)


async def test_the_servers_are_durable_closed_to_others_and_without_rights(
    prepared: Path,
    state: Path,
) -> None:
    with Embedded(prepared, state=state) as servers:
        settings = {
            name: await execute(servers, f"SHOW {name}")
            for name in (
                "fsync",
                "synchronous_commit",
                "full_page_writes",
                "listen_addresses",
                "max_connections",
                "server_encoding",
                "shared_buffers",
                "timezone",
                "unix_socket_directories",
            )
        }
        assert settings == {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "listen_addresses": LOOPBACK,
            "max_connections": "200",
            "server_encoding": "UTF8",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "unix_socket_directories": "",
        }
        assert await execute(servers, "SELECT upper('é') || (('Z' < 'a')::text)") == "Étrue"
        for pid in (servers.postgres_pid, servers.valkey_pid):
            assert owner_of(pid) != 0
            assert password_of(servers.redis_url) not in command_line(pid)
            assert password_of(servers.database_url) not in command_line(pid)
        stranger = servers.database_url.replace("ordering:", "ordering:x", 1)
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(stranger)
        port = int(servers.redis_url.rsplit(":", 1)[1].split("/")[0])
        with socket.create_connection((LOOPBACK, port)) as connection:
            connection.sendall(b"PING\r\n")
            assert connection.recv(100).startswith(b"-NOAUTH")
    for secret in ("embedded.json", "postgres.log", "valkey.log"):
        assert stat.S_IMODE((prepared / secret).stat().st_mode) == 0o600


async def test_two_folders_even_copies_are_served_side_by_side(
    prepared: Path, area: Path, state: Path, table: str
) -> None:
    copy = copied(prepared, area / "copy")
    with Embedded(prepared, state=state) as one, Embedded(copy, state=state) as two:
        await execute(one, f"CREATE TABLE {table} ()")
        assert await execute(two, f"SELECT to_regclass('{table}')") is None
        assert await push(one, table, "x") == [b"x"]
        assert await push(two, table, "y") == [b"y"]


def test_a_folder_is_served_once(prepared: Path, state: Path) -> None:
    first = Embedded(prepared, state=state)
    try:
        servers = first.start()
        second = Embedded(prepared, state=state)
        with pytest.raises(EmbeddedServerError, match=f"in use .* \\(process {os.getpid()}\\)"):
            second.start()
        second.stop()
        # The refused start has done no harm, and starting again what runs changes nothing.
        assert first.start() == servers
        assert running(servers.postgres_pid)
    finally:
        first.stop()
    first.stop()
    with pytest.raises(EmbeddedServerError, match="not started"):
        _ = first.servers


async def test_a_folder_below_a_closed_parent_is_served(
    area: Path, state: Path, table: str
) -> None:
    closed = area / "closed"
    closed.mkdir(mode=0o700)
    data = closed / "data"
    with Embedded(data, state=state) as servers:
        await execute(servers, f"CREATE TABLE {table} ()")
    # Root's servers run as somebody else, who cannot pass: their files are in the state folder.
    assert {path.name for path in data.glob("postgres")} == set(
        () if os.geteuid() == 0 else ("postgres",)
    )
    with Embedded(data, state=state) as servers:
        assert await execute(servers, f"SELECT to_regclass('{table}')") == table


async def test_a_long_path_with_odd_characters_is_served(area: Path, state: Path) -> None:
    data = area / ("a long 'path' " * 4) / ('with "quotes" ü' * 4) / "data"
    assert len(str(data)) > 108
    with Embedded(data, state=state) as servers:
        assert await execute(servers, "SELECT 1") == 1
        assert await push(servers, "key", "x") == [b"x"]


def test_children_do_not_get_the_terminals_ctrl_c(prepared: Path, state: Path) -> None:
    with Embedded(prepared, state=state) as servers:
        for pid in (servers.postgres_pid, servers.valkey_pid):
            assert os.getsid(pid) == pid
            assert os.getpgid(pid) == pid


def test_nothing_is_left_running(prepared: Path, state: Path) -> None:
    with Embedded(prepared, state=state) as servers:
        # What those of the folder have in common: others may run servers of their own meanwhile.
        tag = re.search(f"{TAG_PREFIX}[0-9a-f]{{16}}", command_line(servers.valkey_pid))
        assert tag is not None
        found = {process.pid for process in find_tagged(tag.group())}
        assert found > {servers.postgres_pid, servers.valkey_pid}
    assert find_tagged(tag.group()) == []
