"""The contract, fuzzed against the service as it runs: `ordering api` and `ordering worker`.

Processes of their own, over HTTP, because the connections to the database belong to the event loop
of the server, while the fuzzer calls from threads of its own; and because only so headers, paths
and bodies are what a client can send. `make fuzz` runs the same for longer.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from ordering_app.embedded.ports import free_ports
from support.api import PASSWORD
from support.contract import load_contract
from support.processes import started, until
from support.servers import new_database
from support.sources import ROOT

CONTRACT = load_contract()
HERE = Path(__file__).parent

#: How many cases are made for each operation in a phase that draws them, and from which seed; in CI
#: always the same ones, so that they take three minutes in all.
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "20")
SEED = os.environ.get("FUZZ_SEED", "1")

#: What sequences of calls must lead to; which others they take is left to the dice.
LED_TO = frozenset(
    {"createProductOrder", "getProductOrder", "reviseProductOrder", "cancelProductOrder"}
)


@pytest.fixture(scope="module")
async def service(servers: EmbeddedServers) -> AsyncGenerator[str]:
    """The URL of a running service over the demo catalog, with one client per role."""
    url = await new_database(servers, "tests_fuzz", demo=True)
    database = Database(url, pool_size=1)
    await database.open()
    for role in Role:
        await save_client(database, role.value, PASSWORD, [role])
    await database.close()
    port = str(next(free_ports(0)))
    where = {"database_url": url, "redis_url": servers.redis_url, "log_level": "ERROR"}
    with ExitStack() as running:
        running.enter_context(started("api", host="127.0.0.1", port=port, **where))
        running.enter_context(started("worker", **where))
        address = f"http://127.0.0.1:{port}"
        await until(lambda: _is_ready(address))
        yield address


async def _is_ready(address: str) -> bool:
    async with httpx.AsyncClient(base_url=address) as http:
        try:
            return (await http.get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False


class Part(NamedTuple):
    """What runs at a time: phases, the tags of the operations (none: all of them).

    In parts, because no test may take longer than two minutes, on a slow machine neither.
    """

    phases: str
    tags: tuple[str, ...] = ()
    sequences: frozenset[str] = frozenset()


PARTS = {
    "examples and coverage of orders": Part("examples,coverage", ("productOrder",)),
    "examples and coverage of deprecated paths": Part("examples,coverage", ("deprecated",)),
    "examples and coverage of the queue": Part("examples,coverage", ("inboundQueue",)),
    "examples and coverage of the rest": Part("examples,coverage", ("health", "operations")),
    # Together, since sequences make use of what the other phase has learned.
    "fuzzing and sequences": Part("fuzzing,stateful", sequences=LED_TO),
}


@pytest.mark.parametrize("part", PARTS.values(), ids=PARTS)
async def test_contract_is_kept_and_every_operation_successful(
    service: str, tmp_path: Path, part: Part
) -> None:
    seen = tmp_path / "seen.json"
    environment = {
        "FUZZ_URL": service,
        "FUZZ_PASSWORD": PASSWORD,
        "FUZZ_HOOKS": str(HERE / "hooks.py"),
        "FUZZ_SEEN": str(seen),
    }
    only = [option for tag in part.tags for option in ("--include-tag", tag)]
    code, output = await _schemathesis(["--phases", part.phases, *only], environment, tmp_path)
    assert code == 0, output
    answered = json.loads(seen.read_text())
    assert _tagged(part.tags) - _successful(answered["single calls"]) == set()
    assert part.sequences - _successful(answered["sequences"]) == set()


def _tagged(tags: Sequence[str]) -> set[str]:
    """Name the operations that have one of these tags; all, if there are none."""
    return {
        name
        for name, operation in CONTRACT.operations.items()
        if not tags or set(tags) & set(CONTRACT.follow(operation.at)[1]["tags"])
    }


def _successful(answered: Mapping[str, Mapping[str, int]]) -> set[str]:
    """Name the operations that answered with a status that is documented and no error."""
    return {
        name
        for name, statuses in answered.items()
        for status in CONTRACT.follow(CONTRACT.operations[name].at)[1]["responses"]
        if status.startswith("2") and status in statuses
    }


async def _schemathesis(
    options: Sequence[str], environment: Mapping[str, str], folder: Path
) -> tuple[int | None, str]:
    """Run schemathesis in a folder for its files; returns its exit code and its report."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        *("--config-file", str(HERE / "schemathesis.toml"), "run"),
        *("--max-examples", EXAMPLES, "--seed", SEED, "--no-color", *options),
        str(ROOT / "openapi" / "product-ordering.yaml"),
        cwd=folder,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, output.decode(errors="replace")
