"""Medians, ratios per round, goals, and failures that nobody can overlook."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from ordering_app.bench.machine import Machine
from ordering_app.bench.model import Comparison, Contender, Goal, Sample, percentile
from ordering_app.bench.report import Report, Spread, make_row, summarize
from ordering_app.bench.table import print_report


async def no_measure(_seconds: float) -> Sample:
    raise AssertionError


def contender(key: str) -> Contender:
    return Contender(key=key, title=f"the {key}", measure=no_measure)


def samples(*per_s: int, refused: int = 0) -> list[Sample]:
    return [
        Sample(
            count=each * 2,
            seconds=2.0,
            p50_ms=1.0,
            p99_ms=100 / each,
            refused=refused,
            complaint="HTTP/1.1 503 [no]" if refused else None,
        )
        for each in per_s
    ]


def report(*, refused: int = 0) -> Report:
    results = {
        "path": summarize(contender("path"), samples(10, 30, 20, refused=refused)),
        "ceiling": summarize(contender("ceiling"), samples(20, 20, 10)),
    }
    goal = Goal(kind="ratio_from", bound=0.7)
    comparison = Comparison(path="path", ceiling="ceiling", goal=goal)
    return Report(
        started_at=datetime.now(UTC),
        seconds=2,
        rounds=3,
        machine=Machine(
            processors=2,
            processor_model="a model",
            architecture="x86_64",
            memory_gib=24,
            system="Linux",
            python="3.11.0",
            postgres="18.4",
            commit=None,
            load_average=0.5,
        ),
        rows=[make_row(comparison, results)],
        contenders=results,
    )


def printed(shown: Report) -> str:
    console = Console(file=io.StringIO(), width=200, color_system=None)
    print_report(shown, console)
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def test_ratios_are_taken_round_by_round() -> None:
    made = report()
    assert made.contenders["path"].per_s == Spread(20.0, 10.0, 30.0)
    assert made.rows[0].ratio == Spread(1.5, 0.5, 2.0)
    assert made.rows[0].reached
    assert "1.50 (0.50–2.00)" in printed(made)
    assert "FAILED" not in printed(made)


def test_failures_are_told() -> None:
    made = report(refused=2)
    assert made.refused == 6
    assert "FAILED: the path: 6 times, first: HTTP/1.1 503 [no]" in printed(made)


def test_latencies_are_compared_by_their_99th_percentile() -> None:
    results = {
        "path": summarize(contender("path"), samples(1)),
        "ceiling": summarize(contender("ceiling"), samples(10)),
    }
    goal = Goal(kind="p99_ms_to", bound=100)
    row = make_row(Comparison(path="path", ceiling="ceiling", goal=goal, by="p99_ms"), results)
    assert row.ratio.median == pytest.approx(10)
    assert row.reached


@pytest.mark.parametrize(
    ("goal", "shown", "reached", "missed"),
    [
        (Goal(kind="ratio_from", bound=1.15), "≥ 1.15", (1.15, None), (1.14, None)),
        (Goal(kind="ratio_above", bound=1), "> 1", (1.01, None), (1.0, None)),
        (Goal(kind="p99_ms_to", bound=100), "p99 ≤ 100 ms", (9.0, 100.0), (0.1, 100.1)),
    ],
)
def test_goals(
    goal: Goal, shown: str, reached: tuple[float, float | None], missed: tuple[float, float | None]
) -> None:
    assert str(goal) == shown
    assert goal.reached(*reached)
    assert not goal.reached(*missed)


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(number) for number in range(1, 101)]
    assert [percentile(values, share) for share in (0.5, 0.99, 1.0)] == [50.0, 99.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
