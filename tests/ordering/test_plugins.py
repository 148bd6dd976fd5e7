"""Plug-ins: installed as distributions, found, asked on every way in, told of when they fail."""

import importlib
import json
import logging
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import AsyncGenerator, Generator
from pathlib import Path
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.orders.validate import policy_of
from ordering.plugins import PluginError, Plugins, load_plugins
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, Api, running_api
from support.processes import command
from support.queue import make_processor, put, record, states
from support.sources import ROOT

PAGE = ROOT / "docs" / "plugins.md"
EXAMPLE = ROOT / "tests" / "support" / "plugin_example"

#: What the example wants of an order.
GOOD = payloads.order(
    requestedStartDate="2027-01-01T00:00:00Z",
    salesSystem="portal",
    items=[payloads.item("1", costCenter="4711")],
)
BAD = payloads.order(
    requestedStartDate="2027-01-02T00:00:00Z",
    requestedCompletionDate="2027-01-01T00:00:00Z",
    note=[{}],
)


@pytest.fixture(autouse=True)
def loaded_anew() -> Generator[None]:
    """Forget what was loaded, as a new process would."""
    load_plugins.cache_clear()
    yield
    load_plugins.cache_clear()


@pytest.fixture(scope="module")
def example_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example is installed, as its users install it."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, *offline, "--target", str(target), str(EXAMPLE)], check=True)
    return target


def put_on_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process find what is installed in a folder."""
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    importlib.invalidate_caches()


@pytest.fixture
def example(example_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is installed in this process."""
    put_on_path(example_folder, monkeypatch)


@pytest.fixture
async def example_api(
    request: pytest.FixtureRequest, demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> AsyncGenerator[Api]:
    """The application with the example installed."""
    request.getfixturevalue("example")
    async with running_api(demo_database, demo_url, servers.redis_url) as started:
        yield started


def install(folder: Path, group: str, source: str, entries: str) -> None:
    """Lay a distribution `odd 2.0` with one module into a folder."""
    metadata = folder / "odd-2.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: odd\nVersion: 2.0\n")
    (metadata / "entry_points.txt").write_text(f"[product_ordering.{group}]\n{entries}\n")
    (folder / "odd_plugin.py").write_text(source)


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder on the path of this process, for `install`."""
    put_on_path(tmp_path, monkeypatch)
    yield tmp_path
    sys.modules.pop("odd_plugin", None)


async def column(api: Api, name: str) -> list[object]:
    async with api.database.acquire() as connection:
        return [row[0] for row in await connection.fetch(f"SELECT {name} FROM customer_order")]


def details(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["datapath"], each["message"]) for each in body["details"]]


REFUSED = [
    ("/note/0/text", "Invalid payload: note text is missing"),
    ("/requestedCompletionDate", "requestedCompletionDate is before requestedStartDate"),
    (
        "/productOrderItem/0/costCenter",
        "Invalid payload: productOrderItem costCenter is missing",
    ),
]


def test_without_plug_ins_there_is_nothing_to_ask() -> None:
    assert load_plugins() == Plugins((), ())
    policy = policy_of(Settings(), check_references=True)
    assert (policy.extra_rules, policy.mappings) == ((), ())


@pytest.mark.usefixtures("example")
def test_plug_ins_are_loaded_once_by_name_and_listed_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO, logger="ordering.plugins"):
        assert load_plugins() is load_plugins()
    assert caplog.messages == [
        "loaded the plug-in dates of acme-ordering 1.0 (product_ordering.rules)",
        "loaded the plug-in required of acme-ordering 1.0 (product_ordering.rules)",
        "loaded the plug-in sales-system of acme-ordering 1.0 (product_ordering.mappings)",
    ]


@pytest.mark.parametrize("mode", ["", "?mode=async"])
async def test_problems_of_plug_ins_stand_behind_ours_and_nothing_is_stored(
    example_api: Api, mode: str
) -> None:
    response = await example_api.post(ORDERS + mode, BAD)
    assert response.status_code == 400
    assert details(response.json()) == REFUSED
    assert await example_api.count("customer_order") == 0
    assert await example_api.count("inbound_request") == 0


async def test_the_answer_is_the_one_of_the_documentation(example_api: Api) -> None:
    (shown,) = re.findall(r"(?ms)^```json\n(.*?)^```$", PAGE.read_text())
    response = await example_api.post(ORDERS, payloads.order(note=[{}]))
    assert response.status_code == 400
    assert response.json() == json.loads(shown)


@pytest.mark.usefixtures("example")
async def test_rules_hold_where_references_are_not_checked(
    demo_database: Database, demo_url: str, servers: EmbeddedServers
) -> None:
    async with running_api(
        demo_database,
        demo_url,
        servers.redis_url,
        create_product_order_validations_sync=False,
    ) as api:
        assert details((await api.post(ORDERS, BAD)).json()) == REFUSED


async def test_an_order_that_pleases_the_plug_ins_is_created_as_it_was_mapped(
    example_api: Api,
) -> None:
    response = await example_api.post(ORDERS, GOOD)
    assert response.status_code == 201
    assert response.json()["externalSystem"] == "portal"
    assert "salesSystem" not in response.json()
    assert response.json()["productOrderItem"][0]["costCenter"] == "4711"
    assert await column(example_api, "external_system") == ["portal"]


async def test_the_queue_keeps_what_was_sent_and_the_order_is_mapped_when_it_is_created(
    example_api: Api,
) -> None:
    response = await example_api.post(f"{ORDERS}?mode=async", GOOD)
    assert response.status_code == 202
    async with example_api.database.acquire() as connection:
        row = await connection.fetchrow("SELECT payload, external_system FROM inbound_request")
    assert row is not None
    assert row["payload"].encode() == payloads.to_json(GOOD)
    assert row["external_system"] == "portal"
    await make_processor(example_api.database, example_api.services.keeper).drain_batch()
    assert await states(example_api.database) == {"completed": 1}
    assert await column(example_api, "external_system") == ["portal"]


@pytest.mark.usefixtures("example")
async def test_what_was_queued_before_a_rule_was_installed_is_held_against_it(
    demo_database: Database, keeper: CatalogKeeper
) -> None:
    good, bad = await put(demo_database, GOOD, payloads.changed(BAD, "/note", []))
    await make_processor(demo_database, keeper).drain_batch()
    assert (await record(demo_database, good))["state"] == "completed"
    ended = await record(demo_database, bad)
    assert [ended["state"], ended["status_code"]] == ["error", 400]
    assert [(each["pointer"], each["message"]) for each in ended["error"]] == REFUSED[1:]


async def test_what_a_mapping_writes_is_held_to_the_contract(example_api: Api) -> None:
    body = payloads.order(salesSystem=7, externalId=8)
    response = await example_api.post(ORDERS, body)
    assert response.status_code == 400
    assert details(response.json())[:2] == [
        ("/externalId", "Expected a string, got a whole number"),
        ("/externalSystem", "Expected a string, got a whole number"),
    ]
    assert await example_api.count("customer_order") == 0


#: A rule, or mapping, that is wrong about orders with the external id `cursed` only.
CURSED = """
def rule(draft, found):
    if draft.external_id == "cursed":
        {rule}
    return []

def mapping(draft):
    if draft.external_id == "cursed":
        {mapping}
"""


@pytest.mark.parametrize(
    ("group", "does", "raised"),
    [
        ("rules", "raise ZeroDivisionError('secret detail')", "ZeroDivisionError"),
        # As if the database were away, and as if the request were wrong: it is neither.
        ("rules", "raise ConnectionError('secret detail')", "ConnectionError"),
        (
            "rules",
            "from ordering.domain.errors import InvalidRequestError;raise InvalidRequestError([])",
            "InvalidRequestError",
        ),
        ("rules", "return None", "TypeError"),
        ("rules", "return ['no problem']", "TypeError"),
        (
            "rules",
            "from ordering.domain.errors import Problem; return [Problem('x', '', 999)]",
            "TypeError",
        ),
        ("mappings", "raise ZeroDivisionError('secret detail')", "ZeroDivisionError"),
        ("mappings", "return draft", "TypeError"),
    ],
)
async def test_a_plug_in_that_fails_is_a_defect(
    odd: Path,
    demo_database: Database,
    demo_url: str,
    servers: EmbeddedServers,
    caplog: pytest.LogCaptureFixture,
    group: str,
    does: str,
    raised: str,
) -> None:
    source = CURSED.format(**{"rule": "pass", "mapping": "pass", group.removesuffix("s"): does})
    install(odd, group, source, f"cursed = odd_plugin:{group.removesuffix('s')}")
    cursed = payloads.order(externalId="cursed")
    async with running_api(demo_database, demo_url, servers.redis_url) as api:
        for mode in ("", "?mode=async"):
            response = await api.post(ORDERS + mode, cursed)
            assert response.status_code == 500
            assert "secret" not in response.text
        assert f"PluginError: a plug-in raised: cursed of odd 2.0: {raised}" in caplog.text
        assert await states(demo_database) == {}
        ids = await put(demo_database, payloads.order(), cursed, payloads.order())
        await make_processor(demo_database, api.services.keeper).drain_batch()
    ended = [await record(demo_database, each) for each in ids]
    assert [each["state"] for each in ended] == ["completed", "error", "completed"]
    assert ended[1]["error_message"] == f"PluginError cursed of odd 2.0: {raised}"
    assert "secret" not in str(ended[1])


@pytest.mark.parametrize(
    ("source", "entry", "told"),
    [
        (
            "import no_such_module",
            "odd_plugin:rule",
            "cannot be loaded: ModuleNotFoundError(\"No module named 'no_such_module'\")",
        ),
        (
            "",
            "odd_plugin:rule",
            "cannot be loaded: AttributeError(\"module 'odd_plugin' has no attribute 'rule'\")",
        ),
        (
            "from ordering.domain.extension import required\nrule = required('orderDate')",
            "odd_plugin:rule",
            "cannot be loaded: ValueError(\"'orderDate' is no JSON Pointer to a member\")",
        ),
        ("rule = 5", "odd_plugin:rule", "is no function"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_is_named(
    odd: Path, source: str, entry: str, told: str
) -> None:
    install(odd, "rules", source, f"broken = {entry}")
    expected = f"the plug-in broken of odd 2.0 (product_ordering.rules: {entry}) {told}"
    with pytest.raises(PluginError, match=f"^{re.escape(expected)}$"):
        load_plugins()


@pytest.mark.parametrize("process", ["api", "worker"])
def test_a_plug_in_that_cannot_be_loaded_ends_the_start(tmp_path: Path, process: str) -> None:
    install(tmp_path, "mappings", "import no_such_module", "broken = odd_plugin:mapping")
    nowhere = {
        "ORDERING_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
        "ORDERING_REDIS_URL": "redis://127.0.0.1:1/0",
        "PYTHONPATH": str(tmp_path),
    }
    done = subprocess.run(
        command(process), env=os.environ | nowhere, capture_output=True, check=False, text=True
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Error: the plug-in broken of odd 2.0 (product_ordering.mappings: odd_plugin:mapping) "
        "cannot be loaded: ModuleNotFoundError(\"No module named 'no_such_module'\")\n"
    )


def test_the_documentation_shows_the_example_that_is_tested() -> None:
    page = PAGE.read_text()
    blocks = dict(re.findall(r"(?ms)^```(python|toml)\n(.*?)^```$", page))
    assert blocks == {
        "python": (EXAMPLE / "acme_ordering.py").read_text(),
        "toml": (EXAMPLE / "pyproject.toml").read_text(),
    }


def test_the_documentation_names_the_groups_of_the_code() -> None:
    page = PAGE.read_text()
    groups = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]
    assert set(re.findall(r"`(product_ordering\.\w+)`", page)) == {*groups}
