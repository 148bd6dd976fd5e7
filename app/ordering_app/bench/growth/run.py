"""A run of growth: every size in turn, the small ones first, so that memory can only grow."""

from datetime import UTC, datetime

from ordering.settings import Settings
from ordering_app.bench.growth.model import GrowthReport, Point, Sizes
from ordering_app.bench.growth.paths import measure_lines, measure_stored, remove_orders
from ordering_app.bench.machine import describe_machine
from ordering_app.bench.place import Say, Servers, open_bench, open_servers

__all__ = ["grow_on", "run_growth"]


async def run_growth(
    settings: Settings, sizes: Sizes, *, seconds: float, writes_allowed: bool, say: Say
) -> GrowthReport:
    """Start servers, or use the given ones, and measure. Raises `BenchError`."""
    async with open_servers(settings, writes_allowed=writes_allowed) as servers:
        return await grow_on(servers, sizes, seconds=seconds, say=say)


async def grow_on(servers: Servers, sizes: Sizes, *, seconds: float, say: Say) -> GrowthReport:
    """Measure on these servers. Raises `BenchError`."""
    started_at = datetime.now(UTC)
    points: list[Point] = []
    async with open_bench(servers) as bench:
        machine = await describe_machine(bench.connection)
        try:
            for lines in sorted(sizes.lines):
                async for point in measure_lines(bench, lines, seconds):
                    points.append(point)
                    say(_tell(point))
            for stored in sorted(sizes.stored):
                async for point in measure_stored(bench, stored, seconds, say):
                    points.append(point)
                    say(_tell(point))
        finally:
            await remove_orders(bench)
    return GrowthReport(started_at=started_at, seconds=seconds, machine=machine, points=points)


def _tell(point: Point) -> str:
    size = f"{point.size:,} {'stored orders' if point.kind == 'stored' else 'lines'}"
    failed = f", {point.refused} FAILED" if point.refused else ""
    return f"{size}: {point.path}: {point.per_s:,.1f}/s{failed}"
