"""Every path is measured at every size, and nothing of it stays."""

import asyncio
import os
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from ordering.db.connection import connect
from ordering_app.bench.growth.memory import forget_peaks, read_peaks
from ordering_app.bench.growth.model import GrowthReport
from ordering_app.bench.same_work import WRITTEN_TABLES
from ordering_app.cli.bench import bench
from ordering_app.embedded import EmbeddedServers
from support.processes import until
from support.servers import new_database

BY_LINES = ["sync create", "GET one order", "drain, 1 worker"]
BY_STORED = [
    "GET one order",
    "GET by external id",
    "GET list of 20",
    "PATCH one line",
    "sync create",
    "async accept",
    "drain, 1 worker",
]
MIB = 1024 * 1024


async def left(url: str) -> tuple[int, int]:
    """Count orders and requests, and the product inventories."""
    connection = await connect(url)
    try:
        written = [
            await connection.fetchval(f"SELECT count(*) FROM {table}") for table in WRITTEN_TABLES
        ]
        return sum(written), await connection.fetchval("SELECT count(*) FROM product_inventory")
    finally:
        await connection.close()


def test_every_path_is_measured_at_every_size(servers: EmbeddedServers, tmp_path: Path) -> None:
    url = asyncio.run(new_database(servers, "tests_growth", demo=True))
    before = asyncio.run(left(url))
    file, plot = tmp_path / "growth.json", tmp_path / "growth.svg"
    sizes = ("--stored", "30", "--stored", "10", "--lines", "1", "--lines", "5")
    result = CliRunner().invoke(
        bench,
        [
            *("--growth", "--seconds", "0.2", *sizes),
            *("--json", str(file), "--plot", str(plot), "--i-know-this-writes"),
        ],
        env={"ORDERING_DATABASE_URL": url, "ORDERING_REDIS_URL": servers.redis_url},
    )
    assert result.exit_code == 0, result.output
    report = msgspec.json.decode(file.read_bytes(), type=GrowthReport)
    assert [(each.kind, each.size, each.path) for each in report.points] == [
        *(("lines", size, path) for size in (1, 5) for path in BY_LINES),
        *(("stored", size, path) for size in (10, 30) for path in BY_STORED),
    ]
    for point in report.points:
        assert (point.refused, point.complaint) == (0, None)
        assert point.per_s > 0
        (process,) = point.peak_mib
        assert process == ("worker" if point.path.startswith("drain") else "api")
        assert (point.ms_per_line is None) == (point.kind == "stored")
    assert "GET by external id" in result.output
    assert "ms per line" in plot.read_text()
    assert asyncio.run(left(url)) == before


@pytest.mark.parametrize(
    "arguments", [("--stored", "10"), ("--lines", "10"), ("--growth", "--only", "drain")]
)
def test_options_of_the_other_kind_of_run_are_refused(arguments: tuple[str, ...]) -> None:
    result = CliRunner().invoke(bench, [*arguments])
    assert result.exit_code == 2
    assert "--stored and --lines go with --growth, --only without it" in result.output


async def test_a_peak_is_kept_until_it_is_forgotten() -> None:
    ourselves = {"tests": os.getpid()}
    large = bytearray(os.urandom(64 * MIB))
    with_it = read_peaks(ourselves)["tests"]
    del large
    assert read_peaks(ourselves)["tests"] >= with_it

    async def lower() -> bool:
        forget_peaks(ourselves)
        return read_peaks(ourselves)["tests"] < with_it - 32

    await until(lower)


def test_a_process_that_is_not_there_has_no_peak() -> None:
    forget_peaks({"nobody": 2**30})
    assert read_peaks({"nobody": 2**30}) == {}
