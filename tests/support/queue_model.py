"""What the inbound queue ought to be after whatever was done with it, in plain Python.

The model knows no SQL and no transactions: each of its methods is one thing that can happen, and
`seen` tells of a record what the table has to show (docs/decisions/0017-queue-order.md).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ordering.domain.states import INBOUND_TRANSITIONS, InboundState

__all__ = ["QueueModel", "Record", "Seen"]

_S = InboundState
_UNFINISHED = (_S.NEW, _S.IN_PROGRESS, _S.PENDING)
TOP_PRIORITY = 32767
TOGETHER = 2


class Seen(NamedTuple):
    """What can be seen of a record. A history is attempts and what ended each."""

    state: str
    attempts: int
    priority: int
    token: UUID | None
    lease: str
    due: str
    waits_for: UUID | None
    status: str | None
    status_code: int
    ended: bool
    history: list[tuple[int, str]]


class Record(msgspec.Struct, kw_only=True):
    """A record of the model. `good` tells that it can be made an order."""

    id: UUID
    number: int
    name: str
    inventories: frozenset[str]
    good: bool = True
    priority: int = 0
    state: InboundState = _S.NEW
    attempts: int = 0
    token: UUID | None = None
    expired: bool = False
    due: str = "always"
    waits_for: UUID | None = None
    redriven: bool = False
    interruptions: int = 0
    history: list[tuple[int, str]] = msgspec.field(default_factory=list[tuple[int, str]])

    @property
    def seen(self) -> Seen:
        """What the table has to show."""
        ended = self.state in (_S.COMPLETED, _S.ERROR)
        lease = "expired" if self.expired else "alive"
        return Seen(
            state=self.state,
            attempts=self.attempts,
            priority=self.priority,
            token=self.token,
            lease=lease if self.token else "none",
            due=self.due,
            waits_for=self.waits_for,
            status={_S.COMPLETED: "success", _S.ERROR: "failure"}.get(self.state),
            status_code={_S.COMPLETED: 201, _S.ERROR: 400}.get(self.state, 202),
            ended=ended,
            history=self.history,
        )


class QueueModel:
    """The records of the queue; the methods' arguments are records of the model, or their ids."""

    def __init__(self, max_attempts: int, max_interruptions: int) -> None:
        self.records: dict[UUID, Record] = {}
        self.failures: list[UUID] = []
        self.paused = False
        self._max_attempts = max_attempts
        self._max_interruptions = max_interruptions

    def those(
        self, *states: InboundState, which: Callable[[Record], object] = bool
    ) -> list[Record]:
        """List the records in these states, by arrival."""
        found = [each for each in self.records.values() if each.state in states and which(each)]
        return sorted(found, key=lambda each: each.number)

    # -- accepted ----------------------------------------------------------------------------------
    def accept(self, record: Record) -> None:
        """Take in a record that came after all others."""
        self.records[record.id] = record
        before = self._ahead(record)
        if before is not None:
            record.waits_for = before.id
            record.state = _S.PENDING

    def _ahead(self, record: Record, among: Sequence[Record] | None = None) -> Record | None:
        """Find the latest unfinished one before a record that is about the same as it."""

        def is_ahead(other: Record) -> bool:
            return (
                other.number < record.number
                and bool(other.inventories & record.inventories)
                and (among is None or other in among)
            )

        found = self.those(*_UNFINISHED, which=is_ahead)
        return found[-1] if found else None

    # -- claimed -----------------------------------------------------------------------------------
    def fresh(self) -> list[Record]:
        """List who may be claimed for the first time, in their order."""
        found = self.those(_S.NEW, which=lambda each: not each.attempts and each.due != "later")
        return sorted(found, key=lambda each: -each.priority)

    def tried(self) -> list[Record]:
        """List who may be claimed once more, in their order."""
        found = self.those(_S.NEW, which=lambda each: each.attempts > 0 and each.due != "later")
        return sorted(found, key=lambda each: each.due != "always")

    def take(self, ids: Iterable[UUID], token: UUID) -> None:
        """Hand records to who has this token."""
        for each in ids:
            record = self.records[each]
            self._move(record, _S.IN_PROGRESS)
            record.attempts += 1
            record.token = token
            record.expired = False

    def held(self, token: UUID) -> list[Record]:
        """List what a token holds."""
        return self.those(_S.IN_PROGRESS, which=lambda each: each.token == token)

    def let_expire(self, token: UUID) -> None:
        """Let the lease of a claim pass."""
        for record in self.held(token):
            record.expired = True

    def renew(self, token: UUID) -> None:
        """Give a claim a new lease."""
        for record in self.held(token):
            record.expired = False

    # -- ended -------------------------------------------------------------------------------------
    def complete(self, records: Sequence[Record]) -> None:
        """Make orders of those that can be, and end the others in error, at once."""
        for record in records:
            if record.good:
                self._overtakes_nobody(record)
                self._move(record, _S.COMPLETED)
            else:
                self._fail(record)
        self._let_go_on(records)

    def fail(self, record: Record) -> None:
        """End a record in error."""
        self._fail(record)
        self._let_go_on([record])

    def postpone(self, record: Record) -> None:
        """Try a record again later, unless that was the last attempt."""
        if record.attempts >= self._max_attempts:
            self.fail(record)
            return
        record.history.append((record.attempts, "error"))
        self._move(record, _S.NEW)
        record.due = "later"

    def interrupt(self, records: Sequence[Record]) -> None:
        """End claims through an outage: no attempts, but from the third on each is taken alone."""
        failed = [each for each in records if each.interruptions + 1 >= self._max_interruptions]
        for record in records:
            record.interruptions += 1
            if record in failed:
                self._fail(record)
                continue
            record.history.append((record.attempts, "error"))
            self._move(record, _S.NEW)
            record.attempts = max(record.attempts - 1, int(record.interruptions > TOGETHER))
            record.due = "later"
        self._let_go_on(failed)

    def count_attempts(self, records: Sequence[Record]) -> None:
        """End claims that came to nothing: try again, or fail if that was the last attempt."""
        failed = [each for each in records if each.attempts >= self._max_attempts]
        for record in records:
            if record in failed:
                self._fail(record)
                continue
            record.history.append((record.attempts, "error"))
            self._move(record, _S.NEW)
        self._let_go_on(failed)

    def give_back(self, records: Sequence[Record]) -> None:
        """Undo a claim."""
        for record in records:
            self._move(record, _S.NEW)
            record.attempts -= 1

    def rescue(self) -> None:
        """Take back what has expired, and free what waits for nobody."""
        self.count_attempts(self.those(_S.IN_PROGRESS, which=lambda each: each.expired))
        stranded = {
            each.waits_for
            for each in self.those(_S.PENDING)
            if each.waits_for not in {other.id for other in self.those(*_UNFINISHED)}
        }
        self._free(stranded)

    # -- operated ----------------------------------------------------------------------------------
    def redrive(self, records: Sequence[Record], priority: int | None = None) -> None:
        """Put records in error back to their places, behind those that they have to follow."""
        following = [each for each in records if each.inventories]
        for record in records:
            self._move(record, _S.PENDING if record.inventories else _S.NEW)
            record.history.append((record.attempts, "redriven"))
            record.attempts, record.due, record.waits_for = 0, "always", None
            record.interruptions = 0
            record.redriven = True
            record.priority = record.priority if priority is None else priority
        # Those of a batch follow each other; only who comes first there looks at all others.
        firsts = [each for each in following if self._ahead(each, following) is None]
        for record in following:
            before = self._ahead(record, following)
            record.waits_for = before.id if before else None
        self._free({None, *(each.id for each in firsts)})

    def create_now(self, record: Record) -> bool:
        """Have a record made an order before all others; tells whether its state allows it."""
        if record.state is _S.ERROR:
            self.redrive([record], TOP_PRIORITY)
        elif record.state is _S.NEW:
            record.priority, record.due = TOP_PRIORITY, "always"
            record.history.append((record.attempts, "hastened"))
        else:
            return False
        return True

    def cancel(self, which: Callable[[Record], object]) -> int:
        """End those of these that nobody has taken; returns how many."""
        canceled = 0
        for state in (_S.PENDING, _S.NEW):
            found = self.those(state, which=which)
            for record in found:
                self._move(record, _S.ERROR)
                record.history.append((record.attempts, "canceled"))
                self.failures.append(record.id)
            self._let_go_on(found)
            canceled += len(found)
        return canceled

    def let_time_pass(self) -> None:
        """Have those that wait for another attempt waited for long enough."""
        for record in self.records.values():
            record.due = "now" if record.due == "later" else record.due

    # -- parts of the above ------------------------------------------------------------------------
    def _move(self, record: Record, state: InboundState) -> None:
        assert state in INBOUND_TRANSITIONS[record.state], (record, state)
        record.state = state
        record.token = None

    def _fail(self, record: Record) -> None:
        record.history.append((record.attempts, "error"))
        self._move(record, _S.ERROR)
        self.failures.append(record.id)

    def _let_go_on(self, ended: Sequence[Record]) -> None:
        self._free({each.id for each in ended})

    def _free(self, ended: set[Any]) -> None:
        waiting = self.those(_S.PENDING, which=lambda each: each.waits_for in ended)
        for record, before in [(each, self._ahead(each)) for each in waiting]:
            if before is None:
                self._move(record, _S.NEW)
            else:
                record.waits_for = before.id

    def _overtakes_nobody(self, record: Record) -> None:
        """Check that who comes earlier has ended; who failed is passed by those who went on."""
        before = self._ahead(record)
        assert before is None or before.redriven, (record, before)
