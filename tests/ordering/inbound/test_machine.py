"""Whatever happens to the queue, in whatever order: it is what a plain model says.

Hypothesis makes up what happens. Every step goes through the product's own code against a real
database, and after each the whole table is compared with the model.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ordering.db.driver import asyncpg
from ordering.domain.capture import capture
from ordering.domain.errors import ConflictError, KeyReusedError
from ordering.domain.ids import new_id, show_id
from ordering.domain.states import InboundState
from ordering.inbound.claim import Claim, Rotation, claim, renew
from ordering.inbound.control import Gate
from ordering.inbound.filters import RequestFilter
from ordering.inbound.process import Processor
from ordering.orders.rows import insert_batch
from support import payloads
from support.bench import Bench, raising
from support.operated import about
from support.profile import LONG, MINUTES, SEED
from support.queue import make_processor
from support.queue_model import QueueModel, Record

_S = InboundState

PATIENCE = {"queue_max_attempts": 2, "queue_max_interruptions": 4, "queue_lease_s": 3600}
WORKERS = 3
KEPT_CLAIMS = 6

#: Chooses among what there is. That may depend on who wins a race, but what is drawn must not.
PICK = st.integers(0, 11)
MOSTLY = 8
FEW = 3

#: Few, so that lines cross.
INVENTORIES = (payloads.INVENTORY, payloads.EDGE_INVENTORY)
ABOUT = st.frozensets(st.sampled_from(INVENTORIES), max_size=2)


class Queue(RuleBasedStateMachine):
    """Clients, workers that may be slow or die, and operators."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.world = bench.world
        bench.clear()
        self.model = QueueModel(max_attempts=2, max_interruptions=4)
        self.claims: list[Claim] = []
        self.rotations = [Rotation() for _ in range(WORKERS)]
        self.keys: dict[str, tuple[bytes, UUID]] = {}
        self.sent = 0

    # -- clients -----------------------------------------------------------------------------------
    def _body(self, inventories: Sequence[str]) -> bytes:
        self.sent += 1
        name = f"PO-{self.sent}"
        if inventories:
            return about(*inventories, externalId=name)
        return payloads.to_json(payloads.order(externalId=name))

    def _arrived(self, sent: dict[UUID, frozenset[str]], *, good: bool, urgent: bool) -> None:
        """Note what was accepted; the last one may be urgent, or all may be broken afterwards."""
        rows = self.bench.execute(
            "UPDATE inbound_request SET priority = CASE WHEN id = $2 THEN 5 ELSE 0 END,"
            " payload = CASE WHEN $3 THEN payload ELSE '{no json' END"
            " WHERE id = ANY($1::uuid[]) RETURNING id, number, external_id",
            list(sent),
            list(sent)[-1] if urgent else None,
            good,
        )
        for row in sorted(rows, key=lambda each: each["number"]):
            identity = row["id"]
            self.model.accept(
                Record(
                    id=identity,
                    number=row["number"],
                    name=row["external_id"],
                    inventories=sent[identity],
                    good=good,
                    priority=5 if urgent and identity == list(sent)[-1] else 0,
                )
            )

    @rule(
        abouts=st.lists(st.just(frozenset[str]()) | ABOUT, min_size=1, max_size=5),
        good=st.sampled_from([True, True, True, False]),
        urgent=st.booleans(),
    )
    def accept(self, abouts: list[frozenset[str]], good: bool, urgent: bool) -> None:
        bodies = [self._body(sorted(each)) for each in abouts]

        async def accept() -> list[UUID]:
            return await asyncio.gather(*(self.world.accept(body) for body in bodies))

        ids = self.bench.run(accept())
        self._arrived(dict(zip(ids, abouts, strict=True)), good=good, urgent=urgent)

    @rule(inventories=st.frozensets(st.sampled_from(INVENTORIES), max_size=1))
    def accept_once(self, inventories: frozenset[str]) -> None:
        key, body = f"k-{len(self.keys)}", self._body(sorted(inventories))
        identity = self.bench.run(self.world.accept(body, key))
        self.keys[key] = body, identity
        self._arrived({identity: inventories}, good=True, urgent=False)

    @precondition(lambda self: self.keys)
    @rule(pick=PICK)
    def repeat(self, pick: int) -> None:
        key = f"k-{pick % len(self.keys)}"
        body, identity = self.keys[key]
        assert self.bench.run(self.world.accept(body, key)) == identity
        with pytest.raises(KeyReusedError):
            self.bench.run(self.world.accept(body + b" ", key))

    # -- workers -----------------------------------------------------------------------------------
    async def _claim(self, worker: int, batch: int) -> Claim:
        async with self.world.database.acquire() as connection:
            return await claim(
                connection,
                batch=batch,
                max_bytes=10**9,
                lease_s=3600,
                system_id=f"worker {worker}",
                rotation=self.rotations[worker],
            )

    def _picked(self, pick: int) -> Claim:
        """Choose a claim: mostly one that still holds something, sometimes any of before."""
        alive = [each for each in self.claims if self.model.held(each.token)]
        if not alive and pick < MOSTLY and not self.model.paused:
            return self._take(pick % WORKERS, 1 + pick % 3)
        among = alive if alive and pick < MOSTLY else self.claims
        return among[pick % len(among)] if among else Claim(new_id(), [])

    def _took(self, taken: Claim) -> None:
        if taken.records:
            self.model.take([each.id for each in taken.records], taken.token)
            self.claims = [*self.claims, taken][-KEPT_CLAIMS:]

    @precondition(lambda self: not self.model.paused)
    @rule(worker=st.integers(0, WORKERS - 1), batch=st.integers(1, 4))
    def claim(self, worker: int, batch: int) -> None:
        self._take(worker, batch)

    @precondition(lambda self: not self.model.paused)
    @rule(worker=st.integers(0, WORKERS - 1), batch=st.integers(1, 4))
    def claim_and_die(self, worker: int, batch: int) -> None:
        self._let_expire(self._take(worker, batch).token)
        self.rescue()

    def _take(self, worker: int, batch: int) -> Claim:
        if len(self.model.fresh()) < FEW:
            # Chance alone seldom lets clients come before workers do.
            first, second = (frozenset([each]) for each in INVENTORIES)
            self.accept([frozenset(), first, second, first | second], worker < 2, batch > 1)
        fresh, tried = self.model.fresh()[:batch], self.model.tried()[:1]
        first, second = (fresh, tried) if self.rotations[worker].visits else (tried, fresh)
        expected = sorted(first or second, key=lambda each: each.number)
        taken = self.bench.run(self._claim(worker, batch))
        assert [each.id for each in taken.records] == [each.id for each in expected]
        self._took(taken)
        assert [each.attempts for each in taken.records] == [each.attempts for each in expected]
        return taken

    @precondition(lambda self: not self.model.paused)
    @rule(batch=st.integers(1, 3))
    def claim_at_once(self, batch: int) -> None:
        may = {each.id for each in (*self.model.fresh(), *self.model.tried())}

        async def race() -> list[Claim]:
            return await asyncio.gather(*(self._claim(each, batch) for each in range(WORKERS)))

        for taken in self.bench.run(race()):
            ids = {each.id for each in taken.records}
            assert ids <= may
            may -= ids
            self._took(taken)

    @rule(pick=PICK)
    def heartbeat(self, pick: int) -> None:
        token = self._picked(pick).token

        async def beat() -> None:
            async with self.world.database.acquire() as connection:
                await renew(connection, token, lease_s=3600)

        self.bench.run(beat())
        self.model.renew(token)

    @rule(pick=PICK)
    def crash(self, pick: int) -> None:
        """Let the lease of a worker pass, which may be dead, or only slow and come back."""
        self._let_expire(self._picked(pick).token)

    def _let_expire(self, token: UUID) -> None:
        self.bench.execute(
            "UPDATE inbound_request SET lease_expires_at = now() - interval '1 h'"
            " WHERE claim_token = $1",
            token,
        )
        self.model.let_expire(token)

    @rule(pick=PICK)
    def complete(self, pick: int) -> None:
        taken = self._picked(pick)
        self._process(taken)
        self.model.complete(self.model.held(taken.token))

    @rule(pick=PICK)
    def fail(self, pick: int) -> None:
        """Complete a claim while our code has a defect."""
        taken = self._picked(pick)
        known = self.model.records
        good = any(each.id in known and known[each.id].good for each in taken.records)
        self._process(taken, capture=raising(ZeroDivisionError(), capture))
        held = self.model.held(taken.token)
        if not good:
            self.model.complete(held)
            return
        for record in held:
            if record.good:
                self.model.fail(record)
            else:
                self.model.complete([record])

    @rule(pick=PICK)
    def postpone(self, pick: int) -> None:
        """Complete a claim while the database finds deadlocks."""
        taken = self._picked(pick)
        self._process(taken, insert_batch=raising(asyncpg.DeadlockDetectedError(), insert_batch))
        self.bench.postpone_for_long()
        held = self.model.held(taken.token)
        if not any(each.good for each in held):
            self.model.complete(held)
            return
        for record in held:
            if record.good:
                self.model.postpone(record)
            else:
                self.model.complete([record])

    @rule(pick=PICK, error=st.sampled_from([ConnectionResetError, asyncio.CancelledError]))
    def interrupt(self, pick: int, error: type[BaseException]) -> None:
        """Complete a claim while the connection is lost, or the worker is told to stop."""
        taken = self._picked(pick)
        held = self.model.held(taken.token)
        self._process(taken, insert_batch=raising(error(), insert_batch))
        self.bench.postpone_for_long()
        if not any(each.good for each in held):
            self.model.complete(held)
        elif error is ConnectionResetError:
            self.model.interrupt(held)
        else:
            self.model.give_back(held)

    def _processor(self) -> Processor:
        return make_processor(self.world.database, self.world.keeper, **PATIENCE)

    def _process(self, taken: Claim, **instead: Callable[..., Any]) -> None:
        """Have a worker process what it claimed before, as if it had been slow since then."""

        async def again(*_: Any, **__: Any) -> Claim:
            await asyncio.sleep(0)
            return taken

        async def drain() -> None:
            await asyncio.gather(self._processor().drain_batch(), return_exceptions=True)

        with ExitStack() as stack:
            for name, function in {"claim": again, **instead}.items():
                stack.enter_context(mock.patch(f"ordering.inbound.process.{name}", function))
            self.bench.run(drain())

    @rule()
    def rescue(self) -> None:
        self.bench.run(self._processor().rescue())
        self.model.rescue()

    @rule()
    def time_passes(self) -> None:
        self.bench.let_time_pass()
        self.model.let_time_pass()

    # -- operators ---------------------------------------------------------------------------------
    @rule(pick=PICK)
    def create_order(self, pick: int) -> None:
        records = list(self.model.records.values())
        if not records:
            return
        record = records[pick % len(records)]
        state = record.state
        try:
            self.bench.run(self.world.queue.create_order(show_id(record.id), "ann"))
        except ConflictError:
            assert state in (_S.PENDING, _S.IN_PROGRESS, _S.COMPLETED)
            assert not self.model.create_now(record)
        else:
            assert self.model.create_now(record)

    @rule()
    def redrive(self) -> None:
        found = self.model.those(_S.ERROR)
        number = self.bench.run(self.world.queue.redrive(RequestFilter(state=_S.ERROR), "ann"))
        assert number == len(found)
        self.model.redrive(found)

    @rule(pick=PICK)
    def cancel(self, pick: int) -> None:
        records = list(self.model.records.values())
        if not records:
            return
        record = records[pick % len(records)]
        which = RequestFilter(external_id=record.name)
        number = self.bench.run(self.world.queue.cancel(which, "ann"))
        assert number == self.model.cancel(lambda each: each is record)

    @rule(state=st.sampled_from([_S.NEW, _S.PENDING]))
    def cancel_all(self, state: InboundState) -> None:
        number = self.bench.run(self.world.queue.cancel(RequestFilter(state=state), "ann"))
        assert number == self.model.cancel(lambda each: each.state is state)

    @rule(pausing=st.sampled_from([True, False, False]))
    def pause_or_resume(self, pausing: bool) -> None:
        queue = self.world.queue
        self.bench.run(queue.pause("ann") if pausing else queue.resume("ann"))
        self.model.paused = pausing

    @rule(pick=PICK)
    def delete(self, pick: int) -> None:
        """Delete a record by hand, which others may wait for."""
        records = self.model.those(_S.NEW)
        if not records:
            return
        record = records[pick % len(records)]
        self.bench.execute("DELETE FROM inbound_request WHERE id = $1", record.id)
        del self.model.records[record.id]

    # -- what must hold ----------------------------------------------------------------------------
    @invariant()
    def the_table_shows_what_the_model_says(self) -> None:
        expected = {each.id: each.seen for each in self.model.records.values()}
        assert self.bench.requests() == expected

    @invariant()
    def each_completed_record_has_one_order_and_each_failure_is_told(self) -> None:
        completed = sorted(each.id for each in self.model.those(_S.COMPLETED))
        assert self.bench.orders() == [completed] * 4
        assert self.bench.failures() == sorted(self.model.failures)

    @invariant()
    def the_gate_is_shut_while_the_queue_is_paused(self) -> None:
        gate = Gate(self.world.database, None)
        assert self.bench.run(gate.is_open()) is not self.model.paused


@pytest.fixture
def bench(demo_url: str) -> Generator[Bench]:
    made = Bench(demo_url)
    yield made
    made.close()


EXAMPLES = int(MINUTES * 20) if LONG else 30


def test_the_queue_is_what_the_model_says(bench: Bench) -> None:
    chosen = settings(
        max_examples=EXAMPLES,
        stateful_step_count=100 if LONG else 40,
        deadline=None,
        database=None,
        derandomize=not LONG,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=[HealthCheck.too_slow],
        print_blob=False,
    )

    class OnBench(Queue):
        def __init__(self) -> None:
            super().__init__(bench)

    run_state_machine_as_test(seed(SEED)(OnBench) if LONG else OnBench, settings=chosen)
