"""What operators do to records: what changes, what must not, and who is rung."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.errors import ConflictError, InvalidRequestError, NotFoundError
from ordering.domain.ids import show_id
from ordering.domain.states import INBOUND_TRANSITIONS, InboundState, InboundStatus
from ordering.inbound.filters import RequestFilter
from ordering.inbound.operations import CANCELABLE, REDRIVABLE, RUNNABLE, QueueOperations
from ordering.settings import Settings
from support import payloads
from support.placed import snapshot
from support.queue import make_processor, put, record, states
from support.queued import queued

ERROR = RequestFilter(state=InboundState.ERROR)
NEW = RequestFilter(state=InboundState.NEW)
FAILED = RequestFilter(status=InboundStatus.FAILURE)
MINE = RequestFilter(external_id="PO-1")

BAD = payloads.removed(payloads.order(), "/relatedParty")


class Operated:
    """Operations, and how often they rang."""

    def __init__(self, database: Database) -> None:
        self.rings = 0
        self.queue = QueueOperations(database, self._ring, Settings())

    def _ring(self) -> None:
        self.rings += 1


@pytest.fixture
def operated(demo_database: Database) -> Operated:
    return Operated(demo_database)


def columns(found: dict[str, Any], *names: str) -> list[Any]:
    return [found[name] for name in names]


def events(found: dict[str, Any]) -> list[tuple[Any, ...]]:
    history: list[dict[str, Any]] = found["attempt_history"] or []
    return [(each["attempt"], each.get("event"), each.get("by")) for each in history]


def test_every_operation_makes_transitions_of_the_table() -> None:
    for state in CANCELABLE:
        assert InboundState.ERROR in INBOUND_TRANSITIONS[state]
    for state in (*REDRIVABLE, *RUNNABLE):
        following = INBOUND_TRANSITIONS[state]
        assert state is InboundState.NEW or {InboundState.NEW, InboundState.PENDING} <= following


# -- one order on demand ---------------------------------------------------------------------------
async def test_a_new_record_goes_before_all_others(
    demo_database: Database, keeper: CatalogKeeper, operated: Operated
) -> None:
    await queued(demo_database, priority=5)
    identity = await queued(demo_database)
    answered = await operated.queue.create_order(show_id(identity), "ann")
    assert (answered.id, answered.state, answered.attempts) == (identity, "new", 0)
    assert operated.rings == 1
    assert await make_processor(demo_database, keeper, queue_batch=1).drain_batch() == 1
    done = await record(demo_database, identity)
    assert (done["state"], events(done)) == ("completed", [(0, "hastened", "ann")])
    assert await states(demo_database) == {"new": 1, "completed": 1}


async def test_a_failed_record_is_tried_anew_and_keeps_its_history(
    demo_database: Database, keeper: CatalogKeeper, operated: Operated
) -> None:
    (identity,) = await put(demo_database, BAD)
    processor = make_processor(demo_database, keeper)
    await processor.drain_batch()
    failed = await record(demo_database, identity)
    answered = await operated.queue.create_order(show_id(identity), "ann")
    assert (answered.state, answered.problem_count, answered.ended_at) == ("new", 0, None)
    again = await record(demo_database, identity)
    assert columns(
        again, "state", "status", "status_code", "priority", "attempts", "error", "error_message"
    ) == ["new", None, 202, 32767, 0, None, None]
    assert columns(again, "ended_at", "due_at", "claimed_at") == [None, None, None]
    assert again["attempt_history"][0] == failed["attempt_history"][0]
    assert events(again) == [(1, None, None), (1, "redriven", "ann")]
    await processor.drain_batch()
    ended = await record(demo_database, identity)
    assert ended["state"] == "error"
    assert events(ended) == [(1, None, None), (1, "redriven", "ann"), (1, None, None)]


@pytest.mark.parametrize("state", ["pending", "in_progress", "completed"])
async def test_other_states_refuse_and_nothing_changes(
    demo_database: Database, operated: Operated, state: str
) -> None:
    identity = await queued(demo_database, state)
    before = await snapshot(demo_database)
    with pytest.raises(ConflictError) as caught:
        await operated.queue.create_order(show_id(identity), "ann")
    assert [each.message for each in caught.value.problems] == [
        f"A request in state {state} cannot be made an order on demand"
    ]
    assert await snapshot(demo_database) == before
    assert operated.rings == 0


async def test_the_newest_with_an_external_id_is_meant(
    demo_database: Database, operated: Operated
) -> None:
    older = await queued(demo_database, external_id="PO-1")
    newer = await queued(demo_database, external_id="PO-1")
    assert (await operated.queue.create_order("PO-1", "ann")).id == newer
    assert (await record(demo_database, older))["priority"] == 0


@pytest.mark.parametrize("text", ["PO-1", payloads.UNKNOWN_ID, "a\0"])
async def test_what_is_not_there_is_not_found(operated: Operated, text: str) -> None:
    with pytest.raises(NotFoundError):
        await operated.queue.create_order(text, "ann")
    assert operated.rings == 0


# -- redrive ---------------------------------------------------------------------------------------
async def test_a_redrive_takes_what_fits_and_is_in_error(
    demo_database: Database, operated: Operated
) -> None:
    failed = await queued(demo_database, "error", external_id="PO-1", attempts=5, priority=3)
    others = [await queued(demo_database, "error")]
    others += [
        await queued(demo_database, state, external_id="PO-1")
        for state in ("new", "pending", "in_progress", "completed")
    ]
    before = [await record(demo_database, each) for each in others]
    assert await operated.queue.redrive(MINE, "ann") == 1
    again = await record(demo_database, failed)
    assert columns(again, "state", "status", "attempts", "priority") == ["new", None, 0, 3]
    assert events(again) == [(5, "redriven", "ann")]
    assert [await record(demo_database, each) for each in others] == before
    assert operated.rings == 1


async def test_many_go_batch_by_batch_and_each_once(
    demo_database: Database, operated: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.inbound.operations._BATCH", 2)
    ids = [await queued(demo_database, "error") for _ in range(5)]
    assert await operated.queue.redrive(ERROR, "ann") == 5
    for identity in ids:
        assert events(await record(demo_database, identity)) == [(0, "redriven", "ann")]
    assert operated.rings == 1
    assert await operated.queue.redrive(ERROR, "ann") == 0
    assert operated.rings == 1


async def test_a_batch_locks_only_itself(
    demo_database: Database, operated: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one batch is being changed, the next one's records are free for others."""
    monkeypatch.setattr("ordering.inbound.operations._BATCH", 1)
    ids = [await queued(demo_database, "error") for _ in range(3)]
    free: list[int] = []
    begin = demo_database.transaction

    def watched() -> Any:
        return _Watched(begin(), demo_database, free)

    monkeypatch.setattr(demo_database, "transaction", watched)
    assert await operated.queue.redrive(ERROR, "ann") == len(ids)
    # The last transaction finds nothing left.
    assert free == [2, 2, 2, 3]


class _Watched:
    """A transaction that counts at its end how many records others could lock."""

    def __init__(self, inner: Any, database: Database, free: list[int]) -> None:
        self._inner, self._database, self._free = inner, database, free

    async def __aenter__(self) -> Any:
        return await self._inner.__aenter__()

    async def __aexit__(self, *error: object) -> Any:
        async with self._database.acquire() as connection:
            rows = await connection.fetch("SELECT 1 FROM inbound_request FOR UPDATE SKIP LOCKED")
        self._free.append(len(rows))
        return await self._inner.__aexit__(*error)


async def test_what_arrives_or_fails_again_meanwhile_is_left_alone(
    demo_database: Database, operated: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.inbound.operations._BATCH", 1)
    for _ in range(2):
        await queued(demo_database, "error")
    begin = demo_database.transaction
    batches = 0

    @asynccontextmanager
    async def eventful() -> AsyncGenerator[Any]:
        """After each batch its record fails again, and another one that failed is there."""
        nonlocal batches
        batches += 1
        # A redrive without end would make the test one.
        assert batches < 10
        async with begin() as connection:
            yield connection
        async with demo_database.acquire() as connection:
            await connection.execute(
                "UPDATE inbound_request SET state = 'error', ended_at = now() WHERE state = 'new'"
            )
        monkeypatch.setattr(demo_database, "transaction", begin)
        await queued(demo_database, "error")
        monkeypatch.setattr(demo_database, "transaction", eventful)

    monkeypatch.setattr(demo_database, "transaction", eventful)
    assert await operated.queue.redrive(ERROR, "ann") == 2


# -- cancel ----------------------------------------------------------------------------------------
async def test_a_canceled_record_ends_in_error_and_tells_who_did_it(
    demo_database: Database, keeper: CatalogKeeper, operated: Operated
) -> None:
    identity = await queued(demo_database, external_id="PO-1", attempts=1)
    assert await operated.queue.cancel(MINE, "ann") == 1
    ended = await record(demo_database, identity)
    assert columns(ended, "state", "status", "status_code", "error_message", "error") == [
        "error",
        "failure",
        400,
        "canceled by an operator",
        [{"code": 1, "message": "canceled by an operator", "pointer": ""}],
    ]
    assert ended["ended_at"] == ended["updated_at"] > ended["created_at"]
    assert events(ended) == [(1, "canceled", "ann")]
    assert await make_processor(demo_database, keeper).drain_batch() == 0


async def test_only_what_nobody_has_taken_is_canceled(
    demo_database: Database, operated: Operated
) -> None:
    kept = [
        await queued(demo_database, state, external_id="PO-1")
        for state in ("in_progress", "completed", "error")
    ]
    kept += [await queued(demo_database), await queued(demo_database, "pending")]
    before = [await record(demo_database, each) for each in kept]
    for state in ("new", "pending"):
        await queued(demo_database, state, external_id="PO-1")
    assert await operated.queue.cancel(MINE, "ann") == 2
    assert [await record(demo_database, each) for each in kept] == before


async def test_a_record_that_is_being_taken_is_passed_over(
    demo_database: Database, operated: Operated
) -> None:
    taken = await queued(demo_database)
    await queued(demo_database)
    async with demo_database.transaction() as worker:
        await worker.fetch("SELECT 1 FROM inbound_request WHERE id = $1 FOR UPDATE", taken)
        assert await operated.queue.cancel(NEW, "ann") == 1
    assert (await record(demo_database, taken))["state"] == "new"


#: The product inventory that requests which wait for each other are about.
SHARED = '["one"]'


async def waiting_for(database: Database, ahead: UUID, external_id: str | None = None) -> UUID:
    return await queued(
        database, "pending", execute_after=ahead, external_id=external_id, inventory_ids=SHARED
    )


async def situation(database: Database, *ids: UUID) -> list[tuple[str, UUID | None]]:
    found = [await record(database, each) for each in ids]
    return [(each["state"], each["execute_after"]) for each in found]


async def test_who_waited_for_a_canceled_record_waits_no_longer(
    demo_database: Database, operated: Operated
) -> None:
    first = await queued(demo_database, external_id="PO-1")
    second = await waiting_for(demo_database, first)
    third = await waiting_for(demo_database, second)
    await operated.queue.cancel(MINE, "ann")
    assert await situation(demo_database, second, third) == [("new", first), ("pending", second)]


async def test_who_waited_for_a_waiting_one_waits_for_what_that_waited_for(
    demo_database: Database, operated: Operated
) -> None:
    first = await queued(demo_database, inventory_ids=SHARED)
    second = await waiting_for(demo_database, first, "PO-1")
    third = await waiting_for(demo_database, second, "PO-1")
    fourth = await waiting_for(demo_database, third)
    assert await operated.queue.cancel(MINE, "ann") == 2
    assert await situation(demo_database, first, fourth) == [("new", None), ("pending", first)]


async def test_a_whole_row_can_be_canceled(demo_database: Database, operated: Operated) -> None:
    first = await queued(demo_database, external_id="PO-1")
    await waiting_for(demo_database, await waiting_for(demo_database, first, "PO-1"), "PO-1")
    assert await operated.queue.cancel(MINE, "ann") == 3
    assert await states(demo_database) == {"error": 3}


# -- filters ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("operation", "which", "text"),
    [
        ("redrive", RequestFilter(), "filter must have a member"),
        ("cancel", RequestFilter(), "filter must have a member"),
        ("redrive", NEW, "state must be one of error, or absent"),
        ("cancel", ERROR, "state must be one of new, pending, or absent"),
        (
            "redrive",
            RequestFilter(status=InboundStatus.SUCCESS),
            "status must be failure or absent",
        ),
        ("cancel", RequestFilter(status=InboundStatus.FAILURE), "status must be absent"),
    ],
)
async def test_a_filter_must_fit_the_operation(
    demo_database: Database, operated: Operated, operation: str, which: RequestFilter, text: str
) -> None:
    await queued(demo_database)
    await queued(demo_database, "error")
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError, match=text):
        await getattr(operated.queue, operation)(which, "ann")
    assert await snapshot(demo_database) == before


async def test_where_nothing_fits_nobody_is_rung(
    demo_database: Database, operated: Operated
) -> None:
    await queued(demo_database)
    for which in (MINE, RequestFilter(account="nobody"), RequestFilter(external_id="a\0")):
        assert await operated.queue.cancel(which, "ann") == 0
    assert await operated.queue.redrive(FAILED, "ann") == 0
    assert operated.rings == 0
