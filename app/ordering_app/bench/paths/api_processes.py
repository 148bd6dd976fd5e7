"""Several API processes: two beside one, for writing and for reading.

Each has a port of its own, as behind a load balancer, and half of the connections.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import msgspec

from ordering_app.bench.load import Sent
from ordering_app.bench.model import BenchError, Comparison, Contender, Goal, Measure, Path, Sample
from ordering_app.bench.over_http import Target, put_load, sample_of
from ordering_app.bench.paths.common import create_target, keep_order
from ordering_app.bench.paths.stored import stocked_targets
from ordering_app.bench.place import Bench, serving_api
from ordering_app.bench.same_work import Footprint, empty_tables, footprint, require_rows
from ordering_app.bench.stock import growth, put_stock
from ordering_app.demo.place import ORDER_PATH

__all__ = ["opened"]

_CONNECTIONS = 32


@asynccontextmanager
async def opened(bench: Bench) -> AsyncGenerator[Path]:
    """Yield the path; the second process serves until leaving."""
    once = await keep_order(bench)
    turns = [Sent(target) for target in await stocked_targets(bench)]
    create = create_target(bench)
    read = msgspec.structs.replace(
        create, title="GET one order", path=ORDER_PATH, method="GET", body="", turns=turns
    )
    async with serving_api(bench.servers, "api-2") as second:
        ports = (bench.api, second.port)
        yield Path(
            contenders=[
                Contender(
                    key=f"{key}-api-{number}",
                    title=f"{target.title}, {number} API process{'es' * (number > 1)}",
                    measure=measure(bench, _at(target, ports[:number]), once),
                )
                for key, target, measure in (("create", create, _create), ("get", read, _read))
                for number in (1, 2)
            ],
            comparisons=[
                Comparison(
                    path=f"{key}-api-2",
                    ceiling=f"{key}-api-1",
                    goal=Goal(kind="ratio_above", bound=1),
                )
                for key in ("create", "get")
            ],
        )


def _at(target: Target, ports: Sequence[int]) -> Sequence[Target]:
    return [msgspec.structs.replace(target, port=port) for port in ports]


def _create(bench: Bench, targets: Sequence[Target], once: Footprint) -> Measure:
    async def measure(seconds: float) -> Sample:
        await empty_tables(bench.connection)
        sample, accepted = await _together(targets, seconds)
        found = await footprint(bench.connection, targets[0].tables)
        require_rows(targets[0].title, once, accepted, found)
        return sample

    return measure


def _read(bench: Bench, targets: Sequence[Target], _once: Footprint) -> Measure:
    async def measure(seconds: float) -> Sample:
        await put_stock(bench.connection)
        sample, _ = await _together(targets, seconds)
        if changes := await growth(bench.connection):
            raise BenchError(f"{targets[0].title}: reading changed the tables: {dict(changes)}")
        return sample

    return measure


async def _together(targets: Sequence[Target], seconds: float) -> tuple[Sample, int]:
    """Put the load on all targets at once, shared out; of latencies, tell those of the slowest."""
    each = _CONNECTIONS // len(targets)
    results = await asyncio.gather(
        *(put_load(target, connections=each, seconds=seconds) for target in targets)
    )
    samples = [sample_of(result) for result in results]
    together = Sample(
        count=sum(sample.count for sample in samples),
        seconds=max(sample.seconds for sample in samples),
        p50_ms=max(result.p50_ms for result in results),
        p99_ms=max(result.p99_ms for result in results),
        refused=sum(sample.refused for sample in samples),
        complaint=next((sample.complaint for sample in samples if sample.complaint), None),
    )
    return together, sum(result.accepted for result in results)
