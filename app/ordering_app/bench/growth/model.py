"""The words of growth: a point for each path and size, a report over all of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from ordering_app.bench.machine import Machine

__all__ = ["GrowthReport", "Kind", "Point", "Sizes"]

#: What grows: the number of orders that are stored, or that of an order's lines.
Kind = Literal["stored", "lines"]


class Sizes(msgspec.Struct, frozen=True, kw_only=True):
    """Which sizes are measured, ascending: stored orders, and lines of an order."""

    stored: Sequence[int] = (1_000, 100_000, 1_000_000)
    lines: Sequence[int] = (1, 10, 100, 1_000, 5_000)


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """A path at one size.

    `per_s` counts requests or records per second, `ms_per_line` is what one of them took, divided
    by its lines, where lines grow. Latencies are in milliseconds. `peak_mib` is the most memory
    that a process had meanwhile, by its name, empty where the system does not tell. `refused` and
    `complaint` are as in `Sample`.
    """

    kind: Kind
    path: str
    size: int
    per_s: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    ms_per_line: float | None = None
    peak_mib: Mapping[str, float] = {}
    refused: int = 0
    complaint: str | None = None


class GrowthReport(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run; `--json` writes it as it is."""

    started_at: datetime
    seconds: float
    machine: Machine
    points: Sequence[Point]

    @property
    def refused(self) -> int:
        """How many requests or records failed: none may."""
        return sum(point.refused for point in self.points)
