"""Plots say what was measured, in the format that the file's name asks for."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from ordering_app.bench.growth.model import GrowthReport, Point
from ordering_app.bench.machine import Machine
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Sample
from ordering_app.bench.plot import draw_growth, draw_report, require_plotting
from ordering_app.bench.report import Report, make_row, summarize
from ordering_app.cli.bench import bench

MACHINE = Machine(
    processors=2,
    processor_model="a model",
    architecture="x86_64",
    memory_gib=24,
    system="Linux",
    python="3.11.0",
    postgres="18.4",
    commit=None,
    load_average=0.5,
)
STARTED = datetime(2026, 11, 22, tzinfo=UTC)


async def no_measure(_seconds: float) -> Sample:
    raise AssertionError


def report() -> Report:
    path = [Sample(count=count, seconds=1, p50_ms=2, p99_ms=9) for count in (10, 30)]
    ceiling = [Sample(count=count, seconds=1) for count in (20, 40)]
    results = {
        key: summarize(Contender(key=key, title=f"the {key}", measure=no_measure), samples)
        for key, samples in (("path", path), ("ceiling", ceiling))
    }
    comparison = Comparison(path="path", ceiling="ceiling", goal=Goal(kind="ratio_from", bound=1))
    return Report(
        started_at=STARTED,
        seconds=1,
        rounds=2,
        machine=MACHINE,
        rows=[make_row(comparison, results)],
        contenders=results,
    )


def grown() -> GrowthReport:
    points = [
        Point(kind="lines", path="sync create", size=size, per_s=5, ms_per_line=1, peak_mib=peak)
        for size, peak in ((1, {"api": 90.0}), (10, {}))
    ]
    points.append(Point(kind="stored", path="GET one order", size=100, per_s=5, p50_ms=3.5))
    return GrowthReport(started_at=STARTED, seconds=1, machine=MACHINE, points=points)


def test_a_report_is_drawn_with_both_sides(tmp_path: Path) -> None:
    file = tmp_path / "bench.svg"
    draw_report(report(), file)
    text = file.read_text()
    assert text.startswith("<?xml")
    for words in ("the path", "beside the ceiling", "2 × a model", "PostgreSQL 18.4", "2026-11-22"):
        assert words in text


def test_growth_is_drawn_by_kind(tmp_path: Path) -> None:
    file = tmp_path / "growth.svg"
    draw_growth(grown(), file)
    text = file.read_text()
    for words in ("ms per line", "lines of an order", "stored orders", "api: sync create"):
        assert words in text
    assert "worker" not in text


def test_only_what_was_measured_is_drawn(tmp_path: Path) -> None:
    file = tmp_path / "growth.svg"
    whole = grown()
    lines = [point for point in whole.points if point.kind == "lines"]
    draw_growth(GrowthReport(started_at=STARTED, seconds=1, machine=MACHINE, points=lines), file)
    assert "stored orders" not in file.read_text()


def test_the_name_of_the_file_is_its_format(tmp_path: Path) -> None:
    file = tmp_path / "bench.png"
    draw_report(report(), file)
    assert file.read_bytes().startswith(b"\x89PNG")


def test_another_format_is_refused_before_anything_is_measured() -> None:
    result = CliRunner().invoke(bench, ["--plot", "bench.jpeg"])
    assert result.exit_code == 2
    assert "must end in .svg or .png" in result.output


def test_without_the_extra_the_command_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    require_plotting()
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(BenchError, match=r"product-ordering\[bench\].*make \.venv/\.bench"):
        require_plotting()
    result = CliRunner().invoke(bench, ["--plot", "bench.svg"])
    assert result.exit_code == 1
    assert "--plot needs matplotlib" in result.output
