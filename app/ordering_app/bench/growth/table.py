"""The report of growth for people: a row per path, a column per size."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from ordering_app.bench.growth.model import GrowthReport, Kind, Point

__all__ = ["by_path", "print_growth"]

_TITLES: dict[Kind, str] = {
    "lines": "Orders of so many lines, one at a time",
    "stored": "So many stored orders, 32 connections",
}


def by_path(report: GrowthReport, kind: Kind) -> dict[str, Sequence[Point]]:
    """Group the points of a kind by their paths, sizes ascending."""
    paths: dict[str, list[Point]] = {}
    for point in sorted(report.points, key=lambda each: each.size):
        if point.kind == kind:
            paths.setdefault(point.path, []).append(point)
    return {**paths}


def print_growth(report: GrowthReport, console: Console) -> None:
    """Print a table for each kind, then what failed."""
    for kind, title in _TITLES.items():
        paths = by_path(report, kind)
        if not paths:
            continue
        table = Table(title=title, show_lines=True)
        table.add_column("path")
        for point in next(iter(paths.values())):
            table.add_column(f"{point.size:,}", justify="right")
        for path, points in paths.items():
            table.add_row(path, *(_cell(point) for point in points))
        console.print(table)
    for point in report.points:
        if point.refused:
            console.print(
                f"FAILED: {point.path} at {point.size:,}: {point.refused} times, first: "
                f"{point.complaint}",
                style="bold red",
                markup=False,
            )


def _cell(point: Point) -> str:
    told = [f"{point.per_s:,.1f} /s"]
    if point.ms_per_line is not None:
        told.append(f"{point.ms_per_line:.3f} ms per line")
    if point.p50_ms is not None and point.p99_ms is not None:
        told.append(f"p50 {point.p50_ms:,.1f}, p99 {point.p99_ms:,.1f} ms")
    told += [f"{name} {mib:,.0f} MiB" for name, mib in point.peak_mib.items()]
    return "\n".join(told)
