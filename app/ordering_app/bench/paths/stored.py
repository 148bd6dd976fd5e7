"""What the paths need that read or change orders which are there already."""

from collections.abc import Mapping, Sequence

from ordering.domain.ids import show_id
from ordering_app.bench.answers import keep_answers
from ordering_app.bench.model import BenchError, Measure, Sample
from ordering_app.bench.over_http import Target, ask, client, put_load, sample_of, send_once
from ordering_app.bench.paths.common import create_target
from ordering_app.bench.place import Bench
from ordering_app.bench.stock import (
    Growth,
    growth,
    has_stock,
    keep_stock,
    put_stock,
    require_growth,
    stocked_ids,
)
from ordering_app.demo.place import ORDER_PATH

__all__ = [
    "CONNECTIONS",
    "Answers",
    "keep_read_answers",
    "load_stored",
    "require_same_answers",
    "stocked_targets",
]

#: How many connections send at once.
CONNECTIONS = 32

#: How many orders are stored: enough that no two requests under way are about the same one.
_ORDERS = 200

#: Status and body, by target.
Answers = Mapping[str, tuple[int, bytes]]


async def stocked_targets(bench: Bench) -> Sequence[str]:
    """Put the stock into the tables, made if it is not there; returns the paths of its orders."""
    if not await has_stock(bench.connection):
        await send_once(bench, create_target(bench))
        await keep_stock(bench.connection, _ORDERS)
    await put_stock(bench.connection)
    return [f"{ORDER_PATH}/{show_id(each)}" for each in await stocked_ids(bench.connection)]


async def keep_read_answers(bench: Bench, target: Target) -> Answers:
    """Ask everything once that the target is asked, and keep the answers for the ceiling."""
    answers = await _ask_all(target)
    await keep_answers(bench.connection, answers)
    return answers


async def require_same_answers(target: Target, expected: Answers) -> None:
    """Raise `BenchError` unless the target answers everything with the same status and bytes."""
    found = await _ask_all(target)
    if differing := [asked for asked in expected if expected[asked] != found[asked]]:
        raise BenchError(f"{target.title}: {len(differing)} other answers, first: {differing[0]}")


async def _ask_all(target: Target) -> Answers:
    answers: dict[str, tuple[int, bytes]] = {}
    async with client() as http:
        for sent in target.requests:
            answer = await ask(http, target, sent)
            answers[sent.target] = answer.status_code, answer.content
    return answers


def load_stored(
    bench: Bench, target: Target, once: Growth, *, body_bytes: int | None = None
) -> Measure:
    """Return the measurement of a target under load that starts from the stock.

    Every success must have made the tables grow by `once`, and have had a body of `body_bytes`.
    """

    async def measured(seconds: float) -> Sample:
        await put_stock(bench.connection)
        result = await put_load(target, connections=CONNECTIONS, seconds=seconds)
        found = await growth(bench.connection)
        require_growth(target.title, once, result.accepted, found)
        if body_bytes is not None and result.body_bytes != body_bytes * result.accepted:
            raise BenchError(
                f"{target.title}: {result.accepted} answers should have had bodies of"
                f" {body_bytes} bytes each, but had {result.body_bytes} together"
            )
        return sample_of(result)

    return measured
