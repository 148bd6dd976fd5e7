"""A run: every path ready at once, then rounds over all of them."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import msgspec

from ordering.settings import Settings
from ordering_app.bench import PATHS
from ordering_app.bench.machine import describe_machine
from ordering_app.bench.model import Path, Sample
from ordering_app.bench.paths import OPENERS
from ordering_app.bench.place import Say, Servers, open_bench, open_servers
from ordering_app.bench.report import Report, make_row, summarize

__all__ = ["Options", "run_bench", "run_on"]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: seconds per measurement, rounds, and which paths (none: all)."""

    seconds: float
    rounds: int
    only: Sequence[str] = ()
    writes_allowed: bool = False


async def run_bench(settings: Settings, options: Options, say: Say) -> Report:
    """Start servers, or use the given ones, and measure. Raises `BenchError`."""
    async with open_servers(settings, writes_allowed=options.writes_allowed) as servers:
        return await run_on(servers, options, say)


async def run_on(servers: Servers, options: Options, say: Say) -> Report:
    """Measure on these servers. Raises `BenchError`."""
    started_at = datetime.now(UTC)
    async with AsyncExitStack() as stack:
        bench = await stack.enter_async_context(open_bench(servers))
        machine = await describe_machine(bench.connection)
        say(f"machine: {machine.processors} × {machine.processor_model}")
        chosen = [name for name in PATHS if name in options.only or not options.only]
        paths = [await stack.enter_async_context(OPENERS[name](bench)) for name in chosen]
        samples: dict[str, list[Sample]] = defaultdict(list)
        for number in range(1, options.rounds + 1):
            for path in paths:
                await _round(path, options.seconds, samples, _numbered(say, number, options))
    results = {
        each.key: summarize(each, samples[each.key]) for path in paths for each in path.contenders
    }
    return Report(
        started_at=started_at,
        seconds=options.seconds,
        rounds=options.rounds,
        machine=machine,
        rows=[make_row(comparison, results) for path in paths for comparison in path.comparisons],
        contenders=results,
    )


async def _round(path: Path, seconds: float, samples: dict[str, list[Sample]], say: Say) -> None:
    for contender in path.contenders:
        sample = await contender.measure(seconds)
        samples[contender.key].append(sample)
        say(f"{contender.title}: {_figure(sample)}")


def _numbered(say: Say, number: int, options: Options) -> Say:
    return lambda line: say(f"round {number}/{options.rounds}: {line}")


def _figure(sample: Sample) -> str:
    parts = [f"{sample.per_s:,.0f}/s"]
    if sample.p50_ms is not None and sample.p99_ms is not None:
        parts.append(f"p50 {sample.p50_ms:.2f} ms, p99 {sample.p99_ms:.2f} ms")
    if sample.refused:
        parts.append(f"{sample.refused} FAILED")
    return ", ".join(parts)
