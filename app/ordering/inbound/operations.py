"""What operators do to records of the inbound queue: create an order now, redrive, cancel.

Bulk operations go through the records in the order of their arrival, a bounded batch per
transaction, so that however many fit the filter, only few are locked, and those shortly. A record
that a worker is taking at that moment is passed over: it is being made an order. Records that
arrive, or end, after the start are left alone.
"""

from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain import messages
from ordering.domain.errors import ConflictError, InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import parse_id, show_id
from ordering.domain.states import InboundState
from ordering.inbound.control import QueueStatus, read_status, switch
from ordering.inbound.failures import Aftermath, note_attempt
from ordering.inbound.filters import RequestFilter, Where, in_state, make_where, misfits
from ordering.inbound.listing import QueuedRequest, read_request
from ordering.settings import Settings

__all__ = ["CANCELABLE", "REDRIVABLE", "QueueOperations"]

_I = InboundState

#: What `createOrder` takes. A pending record waits for another one about the same product
#: inventory: to run it now would apply the two in the wrong order.
RUNNABLE = (_I.NEW, _I.ERROR)

#: What a redrive takes, and what a cancellation does, in this order: a record that waits for
#: another is to be canceled before the end of that one makes it `new`.
REDRIVABLE = (_I.ERROR,)
CANCELABLE = (_I.PENDING, _I.NEW)

_BATCH = 1000

#: The bounds of a smallint.
_TOP_PRIORITY = 32767
_LOWEST_PRIORITY = -32768

_LOCK_ONE = """
SELECT id, state FROM inbound_request WHERE id = $1 OR external_id = $2
ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1 FOR UPDATE
"""

_HASTEN = """
UPDATE inbound_request SET priority = $2, due_at = NULL, updated_at = now() WHERE id = $1
"""

# A redriven record starts afresh but for its history: its attempts count from zero, and it is not
# taken alone as one that was tried in vain.
_BACK_TO_NEW = f"""
UPDATE inbound_request AS request
SET state = 'new', status = NULL, status_code = 202, error = NULL, error_message = NULL,
    priority = greatest(request.priority, $2), due_at = NULL, attempts = 0, claimed_at = NULL,
    execute_after = NULL, ended_at = NULL, interruptions = 0, updated_at = now(),
    attempt_history = {note_attempt("'event', 'redriven', 'by', $3::text")}
WHERE id = ANY($1::uuid[]) AND state = 'error'
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
ORDER BY state, number LIMIT {batch} FOR UPDATE SKIP LOCKED
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

    async def create_order(self, text: str, client: str) -> QueuedRequest:
        """Have the record with this id or external id made an order before all others.

        One in error is redriven. Returns the record, committed. Raises `NotFoundError`, or
        `ConflictError` where its state is neither `new` nor `error`.
        """
        async with self._database.transaction() as connection:
            row = None
            if "\0" not in text:
                row = await connection.fetchrow(_LOCK_ONE, parse_id(text), text)
            if row is None:
                raise NotFoundError([Problem.of(messages.REQUEST_NOT_FOUND)])
            if row["state"] not in RUNNABLE:
                state = row["state"]
                raise ConflictError([Problem.of(messages.REQUEST_CANNOT_RUN, state=state)])
            if row["state"] == _I.ERROR:
                await connection.execute(_BACK_TO_NEW, [row["id"]], _TOP_PRIORITY, client)
            else:
                await connection.execute(_HASTEN, row["id"], _TOP_PRIORITY)
            record = await read_request(connection, show_id(row["id"]))
        if record is None:
            raise NotFoundError([Problem.of(messages.REQUEST_NOT_FOUND)])
        self._ring()
        return record

    async def redrive(self, which: RequestFilter, client: str) -> int:
        """Put the records in error that fit back to `new`; returns how many.

        Their attempts count from zero again, their history stays. Raises `InvalidRequestError`
        for a filter that means everything, or another state.
        """

        async def change(connection: Connection, ids: Sequence[UUID]) -> None:
            await connection.execute(_BACK_TO_NEW, ids, _LOWEST_PRIORITY, client)

        return await self._each_batch(which, REDRIVABLE, change)

    async def cancel(self, which: RequestFilter, client: str) -> int:
        """End the records that fit and that no worker has taken, in error; returns how many.

        Raises `InvalidRequestError` for a filter that means everything, or another state.
        """
        problem = Problem.of(messages.REQUEST_CANCELED, client=client)
        told = (msgspec.json.encode([problem]).decode(), problem.message, client)

        async def change(connection: Connection, ids: Sequence[UUID]) -> None:
            await connection.execute(_TO_CANCELED, ids, *told)
            await self._aftermath.of_failures(connection, ids)

        return await self._each_batch(which, CANCELABLE, change)

    async def pause(self, client: str) -> QueueStatus:
        """Have no more records claimed; those that are claimed are finished."""
        async with self._database.acquire() as connection:
            await switch(connection, client, paused=True)
        return await self.status()

    async def resume(self, client: str) -> QueueStatus:
        """Have records claimed again, at once."""
        async with self._database.acquire() as connection:
            await switch(connection, client, paused=False)
        self._ring()
        return await self.status()

    async def status(self) -> QueueStatus:
        """Count the records of each state, and tell whether they are being claimed."""
        async with self._database.acquire() as connection:
            return await read_status(connection, self._window)

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
        statement = _candidates(where, state)
        changed, after, full = 0, 0, True
        while full:
            async with self._database.transaction() as connection:
                rows = await connection.fetch(statement, *where.values, after, last, _BATCH)
                if rows:
                    await change(connection, [row["id"] for row in rows])
                    after = rows[-1]["number"]
            full = len(rows) == _BATCH
            changed += len(rows)
        return changed


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
