"""The words of the benchmark: samples, contenders, comparisons, goals."""

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal

import msgspec

__all__ = [
    "BenchError",
    "Comparison",
    "Contender",
    "Goal",
    "Measure",
    "Path",
    "Sample",
    "percentile",
]


class BenchError(Exception):
    """The benchmark cannot be run, or measured something else than it meant to."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of one contender.

    `count` operations took `seconds`. Latencies are in milliseconds, absent where operations are
    not measured one by one. `refused` counts answers other than 2xx, and records that failed;
    `complaint` shows the first of them. `notes` holds figures that help to judge the sample, such
    as the share of a processor that the load generator used.
    """

    count: int
    seconds: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    refused: int = 0
    complaint: str | None = None
    notes: dict[str, float] = {}

    @property
    def per_s(self) -> float:
        """Operations per second."""
        return self.count / self.seconds


#: Measures for about so many seconds, leaving out a warm-up.
Measure = Callable[[float], Awaitable[Sample]]


class Contender(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is measured: a path of the service, or a ceiling."""

    key: str
    title: str
    measure: Measure


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison should reach: a ratio of throughputs, or a latency in milliseconds."""

    kind: Literal["ratio_from", "ratio_above", "p99_ms_to"]
    bound: float

    def reached(self, ratio: float, p99_ms: float | None) -> bool:
        """Judge the median ratio, or the path's median latency."""
        match self.kind:
            case "ratio_from":
                return ratio >= self.bound
            case "ratio_above":
                return ratio > self.bound
            case "p99_ms_to":
                return p99_ms is not None and p99_ms <= self.bound

    def __str__(self) -> str:
        words = {"ratio_from": "≥ {:g}", "ratio_above": "> {:g}", "p99_ms_to": "p99 ≤ {:g} ms"}
        return words[self.kind].format(self.bound)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: a path beside a ceiling, both named by their contenders' keys.

    `by` is what the ratio divides, path by ceiling: throughputs, or latencies (lower is better).
    """

    path: str
    ceiling: str
    goal: Goal
    by: Literal["per_s", "p99_ms"] = "per_s"


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """A path, ready to be measured: contenders in the order of a round, and the table's rows."""

    contenders: Sequence[Contender]
    comparisons: Sequence[Comparison]


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile of sorted values; `share` is between 0 and 1."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
