"""What cannot work says why, in words for a person; what can be repaired is."""

import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest

from ordering_app.embedded import Embedded, EmbeddedServerError, folder, server
from ordering_app.embedded.account import Account
from ordering_app.embedded.binaries import Binaries, find_binaries
from ordering_app.embedded.folder import FolderLock
from ordering_app.embedded.ports import LOOPBACK, port_is_free


def script(path: Path, text: str) -> Path:
    """Write a shell script that everybody may execute."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def binaries() -> Binaries:
    """Give the real programs."""
    return find_binaries()


def test_a_server_that_dies_while_starting_shows_the_end_of_its_log(
    prepared: Path,
    state: Path,
) -> None:
    (prepared / "postgres" / "PG_VERSION").write_text("9\n")
    embedded = Embedded(prepared, state=state)
    with pytest.raises(EmbeddedServerError) as caught:
        embedded.start()
    message = str(caught.value)
    assert message.startswith("PostgreSQL stopped while starting (exit code 1).")
    assert str(prepared / "postgres.log") in message
    assert "initialized by PostgreSQL version 9" in message
    # Everything is let go: the folder can be served when the reason is gone.
    (prepared / "postgres" / "PG_VERSION").write_text("18\n")
    with embedded:
        pass


def test_a_server_that_never_answers_is_ended_the_hard_way(
    area: Path,
    data: Path,
    state: Path,
    binaries: Binaries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deaf = script(area / "deaf", "trap '' TERM\necho I am deaf\nwhile :; do sleep 0.1; done")
    monkeypatch.setattr(server, "READY_TIMEOUT", 0.3)
    monkeypatch.setattr("ordering_app.embedded.valkey.Valkey.stop_steps", ((15, 0.1), (9, 5.0)))
    with pytest.raises(EmbeddedServerError, match=r"Valkey did not answer within 0.3 s(?s:.*)deaf"):
        Embedded(data, state=state, binaries=replace(binaries, valkey=deaf)).start()


def test_a_program_that_cannot_be_executed_is_named(
    area: Path,
    data: Path,
    state: Path,
    binaries: Binaries,
) -> None:
    text = area / "valkey"
    text.write_text("not a program")
    text.chmod(0o755)
    embedded = Embedded(data, state=state, binaries=replace(binaries, valkey=text))
    with pytest.raises(EmbeddedServerError, match=r"cannot be started: .*Exec format error"):
        embedded.start()


def test_a_failed_initdb_tells_its_reason_and_leaves_no_cluster(
    area: Path,
    data: Path,
    state: Path,
    binaries: Binaries,
) -> None:
    broken = script(area / "initdb", "echo no room >&2; exit 3")
    embedded = Embedded(data, state=state, binaries=replace(binaries, initdb=broken))
    draft = data / "postgres.new"
    with pytest.raises(EmbeddedServerError, match=r"cannot create its files .*code 3\): no room"):
        embedded.start()
    assert not (data / "postgres").exists()
    assert draft.exists()
    assert not draft.with_name("postgres.new.password").exists()
    # The half-made cluster of that attempt is in nobody's way.
    with Embedded(data, state=state):
        pass


def test_an_older_postgres_gets_the_systems_locale(
    area: Path,
    data: Path,
    state: Path,
    binaries: Binaries,
) -> None:
    old = replace(
        binaries,
        postgres=script(area / "postgres", "echo postgres '(PostgreSQL)' 15.18"),
        initdb=script(area / "initdb", 'echo "$@" >&2; exit 1'),
    )
    with pytest.raises(EmbeddedServerError) as caught:
        Embedded(data, state=state, binaries=old).start()
    assert "--locale=C.UTF-8" in str(caught.value)
    assert "builtin" not in str(caught.value)


def test_a_taken_port_is_replaced_at_start_and_refused_at_restart(
    prepared: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Who takes the port does not answer.
    monkeypatch.setattr("ordering_app.embedded.valkey.ANSWER_TIMEOUT", 0.2)
    ports = json.loads((prepared / "embedded.json").read_text())
    with socket.create_server((LOOPBACK, ports["postgres_port"])):
        embedded = Embedded(prepared, state=state)
        try:
            first = embedded.start()
            assert f":{ports['postgres_port']}/" not in first.database_url
            port = int(first.redis_url.rsplit(":", 1)[1].split("/")[0])
            os.kill(first.valkey_pid, 9)
            while not port_is_free(port):
                pass
            with socket.create_server((LOOPBACK, port)), pytest.raises(EmbeddedServerError):
                embedded.restart_valkey()
            assert embedded.restart_valkey().redis_url == first.redis_url
        finally:
            embedded.stop()


def test_a_port_taken_between_the_look_and_the_start_is_replaced(
    prepared: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server((LOOPBACK, 0)) as thief:
        stolen = thief.getsockname()[1]
        free = [port for port in range(20_000, 20_100) if port_is_free(port)]
        offers = [[stolen, free[0]], [stolen, free[1]]]
        monkeypatch.setattr(server, "free_ports", Mock(side_effect=offers))
        # The thief never answers.
        monkeypatch.setattr("ordering_app.embedded.postgres.CONNECT_TIMEOUT", 0.2)
        monkeypatch.setattr("ordering_app.embedded.valkey.ANSWER_TIMEOUT", 0.2)
        with Embedded(prepared, state=state) as servers:
            assert f":{free[0]}/" in servers.redis_url
            assert f":{free[1]}/" in servers.database_url


def test_no_free_port_at_all_is_said(
    data: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ordering_app.embedded.ports.port_is_free", Mock(return_value=False))
    with pytest.raises(EmbeddedServerError, match="finds no free port"):
        Embedded(data, state=state).start()


def test_lost_secrets_are_said(prepared: Path, state: Path) -> None:
    record = prepared / "embedded.json"
    good = record.read_text()
    record.write_text("{")
    with pytest.raises(EmbeddedServerError, match="cannot be read"):
        Embedded(prepared, state=state).start()
    record.unlink()
    with pytest.raises(EmbeddedServerError, match=r"passwords in embedded.json are gone"):
        Embedded(prepared, state=state).start()
    record.write_text(good)
    record.chmod(0o600)


def test_a_changed_password_is_said(prepared: Path, state: Path) -> None:
    record = prepared / "embedded.json"
    good = record.read_text()
    bad = json.loads(good) | {"postgres_password": "another"}
    record.write_text(json.dumps(bad))
    with pytest.raises(EmbeddedServerError, match="refuses the password recorded"):
        Embedded(prepared, state=state).start()
    record.write_text(good)


def test_a_recorded_home_is_used_by_one_folder_and_missed_when_gone(
    area: Path,
    data: Path,
    state: Path,
) -> None:
    home = area / "home"
    home.mkdir()
    record = {"instance": "i", "postgres_password": "p", "valkey_password": "v", "home": str(home)}
    twin = area / "twin"
    for path in (data, twin):
        path.mkdir()
        (path / "embedded.json").write_text(json.dumps(record))
    with Embedded(data, state=state):
        assert (home / "postgres").exists()
        with pytest.raises(EmbeddedServerError, match="in use"):
            Embedded(twin, state=state).start()
    shutil.rmtree(home)
    with pytest.raises(EmbeddedServerError, match="which is gone"):
        Embedded(data, state=state).start()


def test_a_database_moved_below_a_closed_parent_is_not_begun_anew(
    prepared: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Account(54_321, 54_321, switch=True)
    monkeypatch.setattr(folder, "server_account", Mock(return_value=other))
    prepared.chmod(0o700)
    with pytest.raises(EmbeddedServerError, match=r"cannot be reached by the user with id 54321"):
        Embedded(prepared, state=state).start()
    prepared.chmod(0o755)


def test_a_state_folder_out_of_reach_is_said(
    area: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = Account(54_321, 54_321, switch=True)
    monkeypatch.setattr(folder, "server_account", Mock(return_value=other))
    closed = area / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedServerError, match="can reach neither"):
        Embedded(closed / "data", state=closed / "state").start()


def test_a_folder_that_cannot_be_locked_is_said(
    data: Path,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(EmbeddedServerError, match="No locks available"):
        Embedded(data, state=state).start()


def test_a_lock_goes_with_its_process(area: Path) -> None:
    code = "import os,sys; from pathlib import Path; from ordering_app.embedded.folder import *\n"
    code += (
        "lock = FolderLock(Path(sys.argv[1])); lock.acquire(); print('locked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, area],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"locked\n"
        lock = FolderLock(area)
        with pytest.raises(EmbeddedServerError, match=str(process.pid)):
            lock.acquire()
        process.kill()
        process.wait()
        lock.acquire()
        lock.release()
        lock.release()


@pytest.mark.parametrize(
    ("holder", "refused"),
    [
        ("a process that is gone", False),
        ("no number", True),
        ("another program", False),
        ("postgres of somebody else", True),
        ("postgres of another folder -c cluster_name=ordering-1", False),
    ],
)
def test_a_lock_file_is_believed_only_if_a_postgres_may_be_behind_it(
    prepared: Path,
    state: Path,
    holder: str,
    *,
    refused: bool,
) -> None:
    owner = (prepared / "postgres").stat()
    lock = prepared / "postgres" / "postmaster.pid"
    with subprocess.Popen(
        [holder, "-c", "while :; do sleep 0.05; done"],
        executable="/bin/sh",
        user=owner.st_uid,
    ) as process:
        if holder == "a process that is gone":
            # Not collected yet: the zombie still has its id.
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        pid = "abc" if holder == "no number" else process.pid
        lock.write_text(f"{pid}\n{prepared / 'postgres'}\n1\n1\n\n\n       1         1\n")
        os.chown(lock, owner.st_uid, owner.st_gid)
        embedded = Embedded(prepared, state=state)
        try:
            if refused:
                with pytest.raises(EmbeddedServerError, match=r"postmaster.pid"):
                    embedded.start()
            else:
                embedded.start()
        finally:
            embedded.stop()
            process.kill()
