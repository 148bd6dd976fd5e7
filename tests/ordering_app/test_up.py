"""`ordering up` and `ordering demo` as users run them: real processes, from an empty folder."""

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.demo.clients import DemoClient
from ordering_app.demo.place import DemoError, place_examples
from ordering_app.embedded import Embedded, EmbeddedServers
from ordering_app.up import keep_alive
from support.api import ORDERS, PASSWORD
from support.processes import command, started, until

_PATIENCE_S = 60.0


@pytest.fixture
def folder() -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="ordering-up-") as name:
        # The servers run as somebody else when we are root.
        Path(name).chmod(0o755)
        yield Path(name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Up:
    """A running `ordering up` or `ordering demo`, its lines, and what it says about itself."""

    def __init__(self, folder: Path, port: int, what: str = "up", **environment: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        inherited = {name: text for name, text in os.environ.items() if "ORDERING_" not in name}
        self.process = subprocess.Popen(
            command(what),
            env={
                **inherited,
                "PYTHONUNBUFFERED": "1",
                "ORDERING_DATA": str(folder),
                "ORDERING_PORT": str(port),
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.lines.extend(iter(output.readline, ""))

    def says(self, pattern: str) -> str:
        """Wait for a line that matches; return it."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            for line in list(self.lines):
                if re.search(pattern, line):
                    return line
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(0.02)
        pytest.fail(f"no line matches {pattern!r}:\n{''.join(self.lines)}")

    def children(self) -> dict[str, int]:
        """Return the process ids of the API and the worker."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.process.pid and b"ordering_app" in words:
                found[words[words.index(b"ordering_app") + 1].decode()] = int(entry.name)
        return found

    def tree(self) -> set[int]:
        """Return the process ids of all that it started, directly or not."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    words = (entry / "stat").read_text().rpartition(")")[2].split()
                    parents[int(entry.name)] = int(words[1])
        found, fresh = set[int](), {self.process.pid}
        while fresh:
            fresh = {pid for pid, parent in parents.items() if parent in fresh}
            found |= fresh
        return found

    def end(self) -> int:
        """Press Ctrl-C and wait."""
        self.process.send_signal(signal.SIGINT)
        return self.wait()

    def wait(self) -> int:
        """Wait until it has ended and said its last."""
        code = self.process.wait(60)
        self._reader.join(10)
        return code


@contextmanager
def running(folder: Path, port: int, **environment: str) -> Generator[Up]:
    up = Up(folder, port, **environment)
    try:
        yield up
    finally:
        if up.process.poll() is None:
            up.process.send_signal(signal.SIGTERM)
        up.wait()


def clients(folder: Path) -> dict[str, dict[str, str]]:
    return json.loads((folder / "demo-clients.json").read_text())


def count(up: Up, folder: Path) -> int:
    who = clients(folder)["viewer"]
    response = httpx.get(f"{up.url}{ORDERS}?limit=1", auth=(who["username"], who["password"]))
    return int(response.headers["x-total-count"])


def test_the_life_of_an_installation(folder: Path) -> None:
    port = free_port()
    with running(folder, port) as up:
        up.says(r"^loaded the demo catalog")
        up.says(r"^sync order [0-9a-f]{32}: created in state new with 3 line items")
        up.says(r"^async order [0-9a-f]{32}: created in state new with 4 line items")
        for shown in (ORDERS, "/graphql", "/docs", "/readyz"):
            up.says(re.escape(up.url + shown) + "$")
        up.says("^Ctrl-C stops everything")
        assert httpx.get(f"{up.url}/readyz").status_code == 200
        assert set(clients(folder)) == {"integrator", "viewer", "fulfilment", "admin"}
        assert clients(folder)["integrator"]["roles"] == ["order_integrator"]
        assert stat.S_IMODE((folder / "demo-clients.json").stat().st_mode) == 0o600
        for client in clients(folder).values():
            up.says(f"^client .*{re.escape(client['username'])} .*{re.escape(client['password'])}")
        pasted = [line for line in up.lines if line.startswith("curl ")]
        answers = [
            subprocess.run(
                [*shlex.split(line), "--silent", "--fail", "--max-time", "20"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
            for line in pasted
        ]
        assert json.loads(answers[0])["state"] == "new"
        assert set(json.loads(answers[1])) == {"orderId"}
        assert len(json.loads(answers[2])["data"]["orders"]["nodes"]) >= 3
        [other] = [line for line in up.lines if line.startswith("ORDERING_DATABASE_URL=")]
        counted = subprocess.run(["sh", "-c", other], capture_output=True, text=True, check=True)
        assert re.search(r"completed: 2$", counted.stdout, re.MULTILINE), counted.stdout
        assert up.end() == 0
        assert up.lines[-1] == "stopped\n"
    _second_life(folder, port)


def _second_life(folder: Path, port: int) -> None:
    """Start again: the data is there; children are restarted; then everything is killed."""
    before = clients(folder)
    with running(folder, port) as up:
        up.says("^Ctrl-C stops everything")
        assert clients(folder) == before
        assert count(up, folder) == 4
        assert not any("sync order" in line for line in up.lines)
        for name in ("worker", "api"):
            os.kill(up.children()[name], signal.SIGKILL)
            up.says(rf"{name}.*(restart|again)")
        up.says(r"api.*(restart|again)")
        children = list(up.children().values())
        up.process.kill()
        up.wait()
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue
    with running(folder, port) as up:
        up.says("^Ctrl-C stops everything")
        assert count(up, folder) == 4
        assert up.end() == 0


def test_two_installations_side_by_side(folder: Path) -> None:
    one, other = folder / "one", folder / "other"
    with running(one, free_port()) as first, running(other, free_port()) as second:
        first.says("^Ctrl-C stops everything")
        second.says("^Ctrl-C stops everything")
        assert count(first, one) == count(second, other) == 2
        assert clients(one)["admin"]["password"] != clients(other)["admin"]["password"]


def test_a_port_in_use_is_told(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = Up(folder, port)
        up.says(f"port {port} of 127.0.0.1 is used by another program")
        assert up.wait() == 1


def run_demo(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: text for name, text in os.environ.items() if "ORDERING_" not in name}
    return subprocess.run(
        command("demo", *arguments),
        env={**inherited, **environment, "ORDERING_PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_demo_places_both_orders_and_ends(folder: Path) -> None:
    result = run_demo(ORDERING_DATA=str(folder))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "async order" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("done: ")


def test_servers_of_ones_own_get_demo_data_only_when_asked(
    folder: Path, empty_url: str, servers: EmbeddedServers
) -> None:
    own = {
        "ORDERING_DATABASE_URL": empty_url,
        "ORDERING_REDIS_URL": servers.redis_url,
        "ORDERING_DATA": str(folder),
    }
    without = run_demo(**own)
    assert without.returncode == 0, without.stdout + without.stderr
    assert "no demo data" in without.stdout
    assert not (folder / "demo-clients.json").exists()
    assert not (folder / "postgres").exists()
    asked = run_demo("--demo", **own)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert asked.stdout.splitlines()[-1].startswith("done: ")
    assert not (folder / "postgres").exists()


def test_half_of_the_urls_is_refused(folder: Path, empty_url: str) -> None:
    result = run_demo(ORDERING_DATABASE_URL=empty_url, ORDERING_DATA=str(folder))
    assert result.returncode == 1
    assert "set both ORDERING_DATABASE_URL and ORDERING_REDIS_URL, or neither" in result.stderr


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGTERM, "^starting PostgreSQL and Valkey"),
        (signal.SIGTERM, "^sync order"),
        (signal.SIGINT, "^loaded the demo catalog"),
    ],
)
def test_a_demo_ended_by_a_signal_leaves_nothing_behind(
    folder: Path, number: signal.Signals, moment: str
) -> None:
    demo = Up(folder, free_port(), "demo")
    demo.says(moment)
    begun = demo.tree()
    demo.process.send_signal(number)
    assert demo.wait() == 128 + number
    assert demo.lines[-1] == "stopped\n"
    assert not any("Traceback" in line for line in demo.lines)
    assert {pid for pid in begun if Path(f"/proc/{pid}").exists()} == set()
    assert servers_of(folder) == []


def servers_of(folder: Path) -> list[int]:
    """Find running servers by their command line, which names the folder or its tag."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and folder.name.encode() in _command_line(entry)
    ]


def _command_line(entry: Path) -> bytes:
    try:
        return (entry / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_second_ctrl_c_does_not_disturb_the_clean_up(folder: Path) -> None:
    with running(folder, free_port()) as up:
        up.says("^Ctrl-C stops everything")
        begun = up.tree()
        assert len(begun) >= 4
        worker = up.children()["worker"]
        os.kill(worker, signal.SIGSTOP)  # it has to be waited for
        up.process.send_signal(signal.SIGINT)
        up.says("^stopping the API and the worker")
        up.process.send_signal(signal.SIGINT)
        up.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert up.lines[-1] == "stopping the API and the worker\n"
        os.kill(worker, signal.SIGCONT)
        up.says("^stopping PostgreSQL and Valkey")
        assert up.end() == 0
        assert up.lines[-1] == "stopped\n"
        assert {pid for pid in begun if Path(f"/proc/{pid}").exists()} == set()


class Failing(Embedded):
    """Servers whose revival fails twice before it succeeds."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.looks = 0

    def revive(self) -> list[str]:
        self.looks += 1
        if self.looks <= 2:
            raise RuntimeError("out of luck")
        return ["PostgreSQL was started again."] if self.looks == 3 else []


async def test_a_failed_look_at_the_servers_is_told_once_and_not_the_last(folder: Path) -> None:
    said: list[str] = []
    failing = Failing(folder)
    keeping = asyncio.create_task(keep_alive(failing, said.append, look_s=0.01))

    async def looked() -> bool:
        return failing.looks >= 5

    await until(looked, patience_s=10)
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert said == [
        "the servers cannot be looked after, trying again: RuntimeError('out of luck')",
        "PostgreSQL was started again.",
    ]


async def test_an_example_order_that_is_refused_fails_with_the_answer(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    viewer = DemoClient("looker-on", PASSWORD, [Role.ORDER_VIEWER])
    await save_client(demo_database, viewer.username, viewer.password, [Role.ORDER_VIEWER])
    said: list[str] = []
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        async with httpx.AsyncClient() as http:
            with suppress(httpx.HTTPError):
                return (await http.get(f"{url}/readyz")).is_success
        return False

    with started("api", port=str(port), database_url=demo_url, redis_url=servers.redis_url):
        await until(ready)
        with pytest.raises(DemoError, match=r"the sync order got 403: .*one of the roles"):
            await place_examples(url, viewer, said.append)
    assert said == []
