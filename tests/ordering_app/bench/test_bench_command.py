"""The command measures every path on real servers, and refuses servers that were not meant."""

import asyncio
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from ordering.db.connection import connect
from ordering.settings import Settings
from ordering_app.bench import PATHS
from ordering_app.bench.paths import OPENERS
from ordering_app.bench.place import open_servers
from ordering_app.bench.report import Report
from ordering_app.bench.same_work import WRITTEN_TABLES
from ordering_app.cli.bench import bench
from ordering_app.embedded import EmbeddedServers
from support.servers import new_database

ROWS = [
    "create-32/create-rows-32",
    "create-1/create-rows-1",
    "create-32/create-document-32",
    "accept-32/accept-row-32",
    "bulk/copy-payloads",
    "get-one-32/get-one-bytes-32",
    "get-list-32/get-list-bytes-32",
    "graphql-nested-32/graphql-rest-32",
    "graphql-nested-32/graphql-executor-32",
    "patch-32/patch-rows-32",
    "create-api-2/create-api-1",
    "get-api-2/get-api-1",
    "drain-1/copy-1",
    "drain-2/copy-2",
    "drain-1/arq",
    "pick-up/notify",
]


def run_bench(servers: EmbeddedServers, database_url: str, *arguments: str) -> Result:
    environment = {"ORDERING_DATABASE_URL": database_url, "ORDERING_REDIS_URL": servers.redis_url}
    return CliRunner().invoke(bench, arguments, env=environment)


def database(servers: EmbeddedServers, name: str) -> str:
    return asyncio.run(new_database(servers, name, demo=False))


async def written(url: str) -> list[str]:
    """List the tables that hold rows, and the schemas that the benchmark may leave."""
    connection = await connect(url)
    try:
        left = [
            table
            for table in (*WRITTEN_TABLES, "api_client")
            if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})")
        ]
        schemas = await connection.fetch(
            "SELECT nspname FROM pg_namespace WHERE nspname = 'ordering_bench'"
        )
        return left + [row["nspname"] for row in schemas]
    finally:
        await connection.close()


def test_every_row_is_measured(servers: EmbeddedServers, tmp_path: Path) -> None:
    url = database(servers, "tests_bench")
    file, plot = tmp_path / "bench.json", tmp_path / "bench.svg"
    result = run_bench(
        servers,
        url,
        *("--seconds", "0.3", "--rounds", "1", "--json", str(file), "--plot", str(plot)),
        "--i-know-this-writes",
    )
    assert result.exit_code == 0, result.output
    assert "beside bare ASGI" in plot.read_text()
    report = msgspec.json.decode(file.read_bytes(), type=Report)
    assert [row.name for row in report.rows] == ROWS
    assert all(row.ratio.median > 0 for row in report.rows)
    for contender in report.contenders.values():
        assert contender.refused == 0, contender.complaint
        assert contender.per_s.median > 0
        assert [sample.count > 0 for sample in contender.samples] == [True]
    for key in ("create-32", "create-1", "accept-32", "pick-up", "notify"):
        spread = report.contenders[key].p99_ms
        assert spread is not None
        assert spread.median > 0
    assert report.machine.processors > 0
    assert report.machine.postgres
    assert all(row.goal in result.output for row in report.rows)
    assert asyncio.run(written(url)) == []


@pytest.mark.parametrize("given", ["ORDERING_DATABASE_URL", "ORDERING_REDIS_URL"])
def test_given_servers_need_the_flag(given: str) -> None:
    result = CliRunner().invoke(bench, [], env={given: "redis://127.0.0.1:1"})
    assert result.exit_code == 1
    assert "--i-know-this-writes" in result.output


def test_one_url_is_not_enough() -> None:
    environment = {"ORDERING_REDIS_URL": "redis://127.0.0.1:1"}
    result = CliRunner().invoke(bench, ["--i-know-this-writes"], env=environment)
    assert result.exit_code == 1
    assert "set both" in result.output


def test_a_database_with_orders_is_left_alone(servers: EmbeddedServers) -> None:
    url = database(servers, "tests_bench_full")

    async def fill() -> None:
        connection = await connect(url)
        await connection.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES (gen_random_uuid(), 'new', 'somebody', now(), now())"""
        )
        await connection.close()

    asyncio.run(fill())
    result = run_bench(servers, url, "--i-know-this-writes")
    assert result.exit_code == 1
    assert "customer_order is not empty" in result.output
    assert asyncio.run(written(url)) == ["customer_order"]


async def test_servers_of_its_own_are_new_ones(servers: EmbeddedServers) -> None:
    async with open_servers(Settings(), writes_allowed=False) as own:
        assert own.database_url != servers.database_url
        connection = await connect(own.database_url)
        assert await connection.fetchval("SELECT to_regclass('customer_order')") is None
        await connection.close()
    assert not own.folder.exists()


def test_every_path_has_a_module() -> None:
    assert tuple(OPENERS) == PATHS
    for name in PATHS:
        import_module(f"ordering_app.bench.paths.{name.replace('-', '_')}")
