"""What operators do to records of the inbound queue: create an order now, redrive, cancel.

Bulk operations go through the records in the order of their arrival, a bounded batch per
transaction, so that however many fit the filter, only few are locked, and those shortly. A record
that a worker is taking at that moment is passed over: it is being made an order. Records that
arrive after the start are left alone.

An operation that is to be done `once` raises what `begin_once` tells. The answer of `create_order`
is stored with its effect, those of the others, which may be many transactions, after it
(docs/decisions/0016-idempotency.md).

Each transaction locks first the names of the lines that its records stand in, then the records, as
whoever ends a request does (`pending`).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from ordering.db.connection import Connection, Row
from ordering.db.engine import Database
from ordering.db.failures import OUTAGE, RETRYABLE
from ordering.domain import messages
from ordering.domain.errors import ConflictError, InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import show_id
from ordering.domain.states import InboundState
from ordering.inbound.control import QueueStatus, read_status, switch
from ordering.inbound.failures import Aftermath, note_attempt
from ordering.inbound.filters import RequestFilter, Where, in_state, make_where, misfits
from ordering.inbound.listing import QueuedRequest, read_request
from ordering.inbound.lookup import find_row
from ordering.inbound.pending import lock_lines, put_in_place
from ordering.orders.idempotency import Once, begin_once, keep_answers
from ordering.settings import Settings

__all__ = ["CANCELABLE", "REDRIVABLE", "QueueOperations"]

T = TypeVar("T")

_I = InboundState

#: What `createOrder` takes. A pending record waits for another one about the same product
#: inventory: to run it now would apply the two in the wrong order.
RUNNABLE = (_I.NEW, _I.ERROR)

#: What a redrive takes, and what a cancellation does, in this order: a record that waits for
#: another is to be canceled before the end of that one makes it `new`.
REDRIVABLE = (_I.ERROR,)
CANCELABLE = (_I.PENDING, _I.NEW)

_BATCH = 1000

#: How often a transaction is tried that others' locks undo.
_TRIES = 3

#: The bounds of a smallint.
_TOP_PRIORITY = 32767
_LOWEST_PRIORITY = -32768

# Who ends a request that is in progress has locked it and waits for the names that we hold.
_LOCK_ONE = "SELECT state FROM inbound_request WHERE id = $1 FOR UPDATE SKIP LOCKED"

_HASTEN = f"""
UPDATE inbound_request SET priority = $2, due_at = NULL, updated_at = now(),
    attempt_history = {note_attempt("'event', 'hastened', 'by', $3::text")}
WHERE id = $1
"""

# A redriven record starts afresh but for its history: its attempts count from zero, and it is not
# taken alone as one that was tried in vain. One that may have to follow others waits for itself,
# until `put_in_place` has found them.
_MAY_FOLLOW = "(inventory_ids IS NOT NULL OR ($4 AND account_id IS NOT NULL))"
_REDRIVE = f"""
UPDATE inbound_request AS request
SET state = CASE WHEN {_MAY_FOLLOW} THEN 'pending' ELSE 'new' END,
    execute_after = CASE WHEN {_MAY_FOLLOW} THEN id END,
    status = NULL, status_code = 202, error = NULL, error_message = NULL,
    priority = greatest(request.priority, $2), due_at = NULL, attempts = 0, claimed_at = NULL,
    ended_at = NULL, interruptions = 0, updated_at = now(),
    attempt_history = {note_attempt("'event', 'redriven', 'by', $3::text")}
WHERE id = ANY($1::uuid[]) AND state = 'error'
RETURNING id, state
"""

_TO_CANCELED = f"""
UPDATE inbound_request
SET state = 'error', status = 'failure', status_code = 400, error = $2, error_message = $3,
    ended_at = now(), updated_at = now(),
    attempt_history = {note_attempt("'event', 'canceled', 'by', $4::text")}
WHERE id = ANY($1::uuid[]) AND state IN ('new', 'pending')
"""

_LAST = "SELECT max(number) FROM inbound_request"

_CANDIDATES = """
SELECT id, number FROM inbound_request
WHERE {where} AND {state} AND number > {after} AND number <= {last}
ORDER BY state, number LIMIT {batch}
"""

# As above.
_LOCK = """
SELECT id FROM inbound_request WHERE id = ANY($1::uuid[]) AND {state} FOR UPDATE SKIP LOCKED
"""

_Change = Callable[[Connection, Sequence[UUID]], Awaitable[None]]


class QueueOperations:
    """The use cases. `ring` wakes who drains the queue; it is called after commits."""

    def __init__(self, database: Database, ring: Callable[[], None], settings: Settings) -> None:
        self._database = database
        self._ring = ring
        self._window = settings.queue_window
        # Whoever cancels knows what they do: listeners are told, but nobody gets an e-mail.
        self._aftermath = Aftermath(by_account=settings.queue_serialise_accounts)
        self._by_account = self._aftermath.by_account

    async def create_order(
        self, text: str, client: str, once: Once[QueuedRequest] | None = None
    ) -> QueuedRequest:
        """Give the record with this id or external id priority over all others.

        One in error is redriven. Returns the record, committed. Raises `NotFoundError`, or
        `ConflictError` where its state is neither `new` nor `error`, or somebody else has it.
        """

        async def work(connection: Connection) -> QueuedRequest:
            if once is not None:
                await begin_once(connection, once.key)
            identity = _found(await find_row(connection, "id", text))["id"]
            await lock_lines(connection, [identity], by_account=self._by_account)
            # One that somebody else has locked is being taken, or made an order.
            state = await connection.fetchval(_LOCK_ONE, identity) or _I.IN_PROGRESS
            if state not in RUNNABLE:
                raise ConflictError([Problem.of(messages.REQUEST_CANNOT_RUN, state=state)])
            if state == _I.ERROR:
                await self._to_their_places(connection, [identity], _TOP_PRIORITY, client)
            else:
                await connection.execute(_HASTEN, identity, _TOP_PRIORITY, client)
            record = _found(await read_request(connection, show_id(identity)))
            if once is not None:
                await keep_answers(connection, [once.kept(record, identity)])
            return record

        record = await self._in_transaction(work)
        self._ring()
        return record

    async def redrive(
        self, which: RequestFilter, client: str, once: Once[int] | None = None
    ) -> int:
        """Put the records in error that fit back to their places in the queue; returns how many.

        That is `new`, or `pending` behind an unfinished one that arrived before and is about the
        same. Their attempts count from zero again, their history stays. Raises
        `InvalidRequestError` for a filter that means everything, or another state.
        """

        async def change(connection: Connection, ids: Sequence[UUID]) -> None:
            await self._to_their_places(connection, ids, _LOWEST_PRIORITY, client)

        return await self._kept(await self._each_batch(which, REDRIVABLE, change), once)

    async def cancel(self, which: RequestFilter, client: str, once: Once[int] | None = None) -> int:
        """End the records that fit and that no worker has taken, in error; returns how many.

        Raises `InvalidRequestError` for a filter that means everything, or another state.
        """
        problem = Problem.of(messages.REQUEST_CANCELED)
        told = (msgspec.json.encode([problem]).decode(), problem.message, client)

        async def change(connection: Connection, ids: Sequence[UUID]) -> None:
            await connection.execute(_TO_CANCELED, ids, *told)
            await self._aftermath.of_failures(connection, ids)

        return await self._kept(await self._each_batch(which, CANCELABLE, change), once)

    async def pause(self, client: str, once: Once[QueueStatus] | None = None) -> QueueStatus:
        """Have no more records claimed; those that are claimed are finished."""
        async with self._database.acquire() as connection:
            await switch(connection, client, paused=True)
        return await self._kept(await self.status(), once)

    async def resume(self, client: str, once: Once[QueueStatus] | None = None) -> QueueStatus:
        """Have records claimed again, at once."""
        async with self._database.acquire() as connection:
            await switch(connection, client, paused=False)
        self._ring()
        return await self._kept(await self.status(), once)

    async def status(self) -> QueueStatus:
        """Count the records of each state, and tell whether they are being claimed."""
        async with self._database.acquire() as connection:
            return await read_status(connection, self._window)

    async def _kept(self, done: T, once: Once[T] | None) -> T:
        """Store the answer to what is done and would do nothing more if it were repeated now."""
        if once is not None:
            async with self._database.transaction() as connection:
                await begin_once(connection, once.key)
                await keep_answers(connection, [once.kept(done)])
        return done

    async def _each_batch(
        self, which: RequestFilter, states: Sequence[InboundState], change: _Change
    ) -> int:
        if problems := list(misfits(which, states)):
            raise InvalidRequestError(problems)
        async with self._database.acquire() as connection:
            where = await make_where(connection, which)
            last = await connection.fetchval(_LAST)
        if where is None or last is None:
            return 0
        changed = 0
        for state in states:
            changed += await self._each_batch_of(where, state, last, change)
        if changed:
            # After a cancellation, too: it may have released who waited.
            self._ring()
        return changed

    async def _each_batch_of(
        self, where: Where, state: InboundState, last: int, change: _Change
    ) -> int:
        """Change the records of one state, a batch per transaction, up to the number `last`."""
        statement, lock = _candidates(where, state), _LOCK.format(state=in_state(state))
        changed, after, full = 0, 0, True

        async def work(connection: Connection) -> tuple[Sequence[Row], int]:
            rows = await connection.fetch(statement, *where.values, after, last, _BATCH)
            if not (candidates := [row["id"] for row in rows]):
                return rows, 0
            await lock_lines(connection, candidates, by_account=self._by_account)
            ids = [row["id"] for row in await connection.fetch(lock, candidates)]
            await change(connection, ids)
            return rows, len(ids)

        while full:
            rows, done = await self._in_transaction(work)
            after = rows[-1]["number"] if rows else last
            full = len(rows) == _BATCH
            changed += done
        return changed

    async def _to_their_places(
        self, connection: Connection, ids: Sequence[UUID], priority: int, client: str
    ) -> None:
        """Redrive records, whose lines are locked, with this priority at least."""
        rows = await connection.fetch(_REDRIVE, ids, priority, client, self._by_account)
        following = [row["id"] for row in rows if row["state"] == _I.PENDING]
        if following:
            await put_in_place(connection, following, by_account=self._by_account)

    async def _in_transaction(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the work in a transaction; once more where others' locks have undone it."""
        for left in reversed(range(_TRIES)):
            try:
                async with self._database.transaction() as connection:
                    return await work(connection)
            except RETRYABLE as error:
                if not left or isinstance(error, OUTAGE):
                    raise
        raise AssertionError


def _found(what: T | None) -> T:
    """Return what was looked for; raises `NotFoundError` where it is not there."""
    if what is None:
        raise NotFoundError([Problem.of(messages.REQUEST_NOT_FOUND)])
    return what


def _candidates(where: Where, state: InboundState) -> str:
    """Write the statement for records of one state: only so are they read in an index's order."""
    first = len(where.values) + 1
    return _CANDIDATES.format(
        where=where.text,
        state=in_state(state),
        after=f"${first}",
        last=f"${first + 1}",
        batch=f"${first + 2}",
    )
