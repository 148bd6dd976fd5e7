"""Plots of a run: throughput beside latency, as SVG or PNG.

Drawn by matplotlib, which is an optional extra (docs/decisions/0022).
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ordering_app.bench.growth.model import GrowthReport, Kind, Point
from ordering_app.bench.growth.table import by_path
from ordering_app.bench.model import BenchError
from ordering_app.bench.report import ContenderResult, Report, Spread

__all__ = ["draw_growth", "draw_report", "require_plotting"]

#: How far the two sides of a comparison are from its middle; comparisons are 1 apart.
_APART = 0.15
_DOTS_PER_INCH = 110
_INCHES_PER_ROW = 0.75

_Read = Callable[[Point], float | None]

#: What is drawn of growth, by kind: the title of the axis, and each plot's title and figures.
_GROWING: dict[Kind, tuple[str, Mapping[str, _Read]]] = {
    "lines": ("lines of an order", {"ms per line": lambda point: point.ms_per_line}),
    "stored": (
        "stored orders",
        {
            "per second, 32 connections": lambda point: point.per_s,
            "p50 in ms, 32 connections": lambda point: point.p50_ms,
        },
    ),
}


def require_plotting() -> None:
    """Raise `BenchError`, telling how to get it, unless matplotlib is there."""
    if find_spec("matplotlib") is None:
        raise BenchError(
            "--plot needs matplotlib, which comes with the extra `bench`: install "
            "product-ordering[bench], or in a checkout run `make .venv/.bench`"
        )


def _figure(columns: int, height: float) -> tuple[Any, Any]:
    """Open a figure of so many plots beside each other; `height` in inches."""
    # Not pyplot: that looks for a screen. The texts stay texts, so that a browser finds them.
    import_module("matplotlib").rcParams["svg.fonttype"] = "none"
    figure: Any = import_module("matplotlib.figure").Figure(
        figsize=(max(14.0, 4.2 * columns), height), layout="constrained"
    )
    return figure, figure.subplots(1, columns, squeeze=False)[0]


def _save(figure: Any, file: Path) -> None:
    figure.savefig(file, dpi=_DOTS_PER_INCH)


def draw_report(report: Report, file: Path) -> None:
    """Draw every comparison, path above ceiling: throughput with its range, p50 up to p99."""
    rows = [*reversed(report.rows)]
    figure, (throughput, latency) = _figure(2, 1.5 + _INCHES_PER_ROW * len(rows))
    for place, row in enumerate(rows):
        for side, color, at in (
            (report.contenders[row.path], "C0", place + _APART),
            (report.contenders[row.ceiling], "C7", place - _APART),
        ):
            if row.by == "per_s":
                _range(throughput, at, side.per_s, color)
            if side.p50_ms is not None and side.p99_ms is not None:
                latency.plot([side.p50_ms.median, side.p99_ms.median], [at, at], "o-", color=color)
    for axes, title in (
        (throughput, "per second: median and range"),
        (latency, "latency in ms: from p50 to p99"),
    ):
        axes.set_title(title)
        axes.set_ylim(-0.5, len(rows) - 0.5)
        axes.set_xscale("log")
        _number(axes.xaxis)
        axes.grid(axis="x", alpha=0.3)
    throughput.set_yticks(
        range(len(rows)),
        [_label(report.contenders[row.path], report.contenders[row.ceiling]) for row in rows],
    )
    latency.set_yticks(range(len(rows)), [])
    figure.suptitle(f"paths (blue) beside their ceilings (grey); {_machine(report)}", fontsize=10)
    _save(figure, file)


def _range(axes: Any, at: float, spread: Spread, color: str) -> None:
    below, above = spread.median - spread.least, spread.most - spread.median
    axes.errorbar(spread.median, at, xerr=[[below], [above]], fmt="o", color=color, capsize=3)


def _number(axis: Any) -> None:
    """Write plain numbers at a logarithmic axis, instead of powers."""
    ticker: Any = import_module("matplotlib.ticker")
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(ticker.StrMethodFormatter("{x:,g}"))
    axis.set_minor_formatter(ticker.NullFormatter())


def _label(path: ContenderResult, ceiling: ContenderResult) -> str:
    return f"{path.title}\nbeside {ceiling.title}"


def draw_growth(report: GrowthReport, file: Path) -> None:
    """Draw time by size, for each kind that was measured, and the memory that was needed."""
    kinds: list[Kind] = [kind for kind in _GROWING if by_path(report, kind)]
    figure, plots = _figure(sum(len(_GROWING[kind][1]) + 1 for kind in kinds), 5)
    left = iter(plots)
    for kind in kinds:
        axis, figures = _GROWING[kind]
        paths = by_path(report, kind)
        for title, read in figures.items():
            axes = _open(next(left), axis, title)
            axes.set_yscale("log")
            _number(axes.yaxis)
            for path, points in paths.items():
                _line(axes, path, points, read)
            _explain(axes)
        axes = _open(next(left), axis, "peak of memory in MiB")
        for path, points in paths.items():
            for process in sorted({name for point in points for name in point.peak_mib}):
                _line(axes, f"{process}: {path}", points, _peak_of(process))
        axes.set_ylim(bottom=0)
        _explain(axes)
    figure.suptitle(_machine(report), fontsize=10)
    _save(figure, file)


def _open(axes: Any, axis: str, title: str) -> Any:
    axes.set_xscale("log")
    axes.set_xlabel(axis)
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.3)
    return axes


def _peak_of(process: str) -> _Read:
    return lambda point: point.peak_mib.get(process)


def _line(axes: Any, label: str, points: Sequence[Point], read: _Read) -> None:
    found = [(point.size, value) for point in points if (value := read(point)) is not None]
    if found:
        axes.plot(*zip(*found, strict=True), marker="o", label=label)


def _explain(axes: Any) -> None:
    if axes.get_lines():
        axes.legend(fontsize=7)


def _machine(report: Report | GrowthReport) -> str:
    machine = report.machine
    return (
        f"{machine.processors} × {machine.processor_model}, PostgreSQL {machine.postgres}, "
        f"Python {machine.python}, {report.started_at:%Y-%m-%d}"
    )
