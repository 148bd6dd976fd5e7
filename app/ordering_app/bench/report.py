"""What came out: medians and ranges per contender, ratios per round, goals."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from statistics import median

import msgspec

from ordering_app.bench.machine import Machine
from ordering_app.bench.model import Comparison, Contender, Sample

__all__ = ["ContenderResult", "Report", "Row", "Spread", "make_row", "summarize"]


class Spread(msgspec.Struct, frozen=True):
    """A figure over all rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Summarize one figure per round."""
        return cls(median(figures), min(figures), max(figures))


class ContenderResult(msgspec.Struct, frozen=True, kw_only=True):
    """A contender over all rounds. `refused` and `complaint` as in `Sample`, added up."""

    title: str
    per_s: Spread
    p50_ms: Spread | None
    p99_ms: Spread | None
    refused: int
    complaint: str | None
    samples: Sequence[Sample]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. `ratio` is path by ceiling, of throughputs or (`by`) of latencies."""

    name: str
    path: str
    ceiling: str
    by: str
    ratio: Spread
    goal: str
    reached: bool


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole run; `--json` writes it as it is."""

    started_at: datetime
    seconds: float
    rounds: int
    machine: Machine
    rows: Sequence[Row]
    contenders: Mapping[str, ContenderResult]

    @property
    def refused(self) -> int:
        """How many requests or records failed, whoever was asked: none may."""
        return sum(each.refused for each in self.contenders.values())


def summarize(contender: Contender, samples: Sequence[Sample]) -> ContenderResult:
    """Summarize a contender's samples, one per round."""
    return ContenderResult(
        title=contender.title,
        per_s=Spread.of([sample.per_s for sample in samples]),
        p50_ms=_spread(samples, lambda sample: sample.p50_ms),
        p99_ms=_spread(samples, lambda sample: sample.p99_ms),
        refused=sum(sample.refused for sample in samples),
        complaint=next((sample.complaint for sample in samples if sample.complaint), None),
        samples=samples,
    )


def _spread(samples: Sequence[Sample], read: Callable[[Sample], float | None]) -> Spread | None:
    figures = [figure for sample in samples if (figure := read(sample)) is not None]
    return Spread.of(figures) if figures else None


def make_row(comparison: Comparison, results: Mapping[str, ContenderResult]) -> Row:
    """Compare round by round, so that a slow moment of the machine touches both sides."""
    path, ceiling = results[comparison.path], results[comparison.ceiling]

    def figure(sample: Sample) -> float:
        return sample.per_s if comparison.by == "per_s" else sample.p99_ms or 0.0

    ratio = Spread.of(
        [
            figure(ours) / figure(theirs)
            for ours, theirs in zip(path.samples, ceiling.samples, strict=True)
        ]
    )
    p99_ms = path.p99_ms.median if path.p99_ms else None
    return Row(
        name=f"{comparison.path}/{comparison.ceiling}",
        path=comparison.path,
        ceiling=comparison.ceiling,
        by=comparison.by,
        ratio=ratio,
        goal=str(comparison.goal),
        reached=comparison.goal.reached(ratio.median, p99_ms),
    )
