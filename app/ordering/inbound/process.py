"""Turn claimed records into orders: one transaction for the batch, one each if that fails."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from uuid import UUID

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, OUTAGE, RETRYABLE, UNCERTAIN
from ordering.domain import messages
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import Decoded
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.order import Order
from ordering.domain.rules import check
from ordering.domain.states import InboundStatus
from ordering.domain.timestamps import Timestamp
from ordering.inbound.backoff import Backoff, spread_evenly
from ordering.inbound.claim import (
    Claim,
    Claimed,
    Rotation,
    claim,
    complete,
    fail,
    give_back,
    postpone,
    renew,
    rescue,
)
from ordering.inbound.failures import Aftermath, tell_of_failures
from ordering.inbound.interruption import Interruptions, Patience
from ordering.inbound.pending import free_waiting, heal
from ordering.orders.rows import insert_batch
from ordering.orders.validate import policy_of, read_order
from ordering.settings import Settings

__all__ = ["Processor"]

_log = logging.getLogger(__name__)

#: Attributes of an error of the database, or of a plug-in, that name its kind and place, but quote
#: no data.
_TELLING = ("sqlstate", "constraint_name", "column_name", "plugin")

#: How many seconds of preparing may pass until the others run.
_BREATH_S = 0.0005


class _Ready(NamedTuple):
    """An order to be created for a record."""

    record: Claimed
    order: Order

    @property
    def status(self) -> InboundStatus:
        """How the record ends when the order is created."""
        if self.order.has_work_notes:
            return InboundStatus.PARTIAL_SUCCESS
        return InboundStatus.SUCCESS


class _Prepared(NamedTuple):
    """What claimed records came to: orders to be created, and refusals with their problems."""

    ready: list[_Ready]
    refused: list[tuple[Claimed, Sequence[Problem]]]


class _Breath:
    """Lets others run now and then: the batches that are being written, and renewals of leases.

    Not after each record: to hand over takes some microseconds, and few of them are needed.
    """

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def take(self) -> None:
        """Let the others run if it is time."""
        if time.perf_counter() - self._since >= _BREATH_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()


class Processor:
    """Drains the queue by batches.

    Several may be processed at once. They are prepared one after the other, so that one is prepared
    while PostgreSQL writes others, instead of all being prepared and then all written.

    `system_id` names the worker in the records. `spread` draws the factor of a wait before another
    attempt, so that waits do not end together.
    """

    def __init__(
        self,
        database: Database,
        keeper: CatalogKeeper,
        settings: Settings,
        system_id: str,
        spread: Callable[[], float] = spread_evenly,
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._settings = settings
        self._system_id = system_id
        self._rotation = Rotation()
        self._healed = UUID(int=0)
        self._preparing = asyncio.Lock()
        self._by_account = settings.queue_serialise_accounts
        self._aftermath = Aftermath.of(settings)
        self._backoff = Backoff(settings.queue_retry_s, settings.queue_retry_max_s, spread)
        patience = Patience(self._backoff, settings.queue_max_interruptions)
        self._interruptions = Interruptions(database, patience, self._aftermath)
        self._policy = policy_of(
            settings, check_references=settings.enable_validation_via_schedule_job
        )

    async def drain_batch(self) -> int:
        """Claim a batch and process it; returns how many records were claimed."""
        taken = await self.claim_batch()
        if taken.records:
            await self.process_batch(taken)
        return len(taken.records)

    async def claim_batch(self) -> Claim:
        """Take records, if there are any; whoever does so has to process them.

        What an outage interrupted here, and could not be given back yet, is given back first.
        Raises only what the database's absence raises.
        """
        await self._interruptions.release()
        async with self._database.acquire() as connection:
            return await claim(
                connection,
                batch=self._settings.queue_batch,
                max_bytes=self._settings.queue_batch_bytes,
                lease_s=self._settings.queue_lease_s,
                system_id=self._system_id,
                rotation=self._rotation,
            )

    async def process_batch(self, taken: Claim) -> None:
        """Make orders of claimed records.

        Raises only what the database's absence raises. A claim that is interrupted by cancellation
        is undone; one that the database's absence interrupts is tried again later.
        """
        renewing = asyncio.create_task(self._keep_lease(taken))
        try:
            await self._process(taken)
        except asyncio.CancelledError:
            async with self._database.acquire() as connection:
                await give_back(connection, taken.token)
            raise
        except DATABASE_AWAY as error:
            self._interruptions.note(taken.token, _describe(error))
            await self._interruptions.release()
            raise
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)

    async def rescue(self) -> int:
        """Give back what workers hold that no longer answer; returns how many records.

        Also gives back what an outage interrupted here, and frees what waits for requests that
        have ended.
        """
        await self._interruptions.release()
        async with self._database.transaction() as connection:
            rescued = await rescue(
                connection,
                max_attempts=self._settings.queue_max_attempts,
                aftermath=self._aftermath,
            )
        if rescued:
            _log.warning("rescued %s records of the inbound queue from expired claims", rescued)
        async with self._database.transaction() as connection:
            self._healed = await heal(connection, self._healed, by_account=self._by_account)
        return rescued

    async def _keep_lease(self, taken: Claim) -> None:
        lease_s = self._settings.queue_lease_s
        while True:
            await asyncio.sleep(lease_s / 3)
            try:
                async with self._database.acquire() as connection:
                    await renew(connection, taken.token, lease_s=lease_s)
            except DATABASE_AWAY:
                _log.warning("could not renew a lease", exc_info=True)

    async def _process(self, taken: Claim) -> None:
        try:
            async with self._preparing:
                prepared = await self._prepare(taken.records)
            async with self._database.transaction() as connection:
                await self._write(connection, taken, prepared)
        except OUTAGE:
            raise
        except Exception as error:  # noqa: BLE001 - sorted out one by one
            _log.warning("a batch failed, its records go one by one: %s", _describe(error))
            for record in taken.records:
                await self._alone(taken, record)

    async def _prepare(self, records: Sequence[Claimed]) -> _Prepared:
        """Decode and capture what can be; what cannot is refused with its problems."""
        decoded: list[tuple[Claimed, Decoded[OrderDraft]]] = []
        prepared = _Prepared([], [])
        breath = _Breath()
        for record in records:
            try:
                decoded.append((record, read_order(record.payload.encode(), self._policy)))
            except InvalidRequestError as error:
                prepared.refused.append((record, error.problems))
            await breath.take()
        async with self._database.acquire() as connection:
            drafts = [each.draft for _, each in decoded]
            found = await find_references(connection, self._keeper.catalog, drafts)
        for record, each in decoded:
            if problems := check(each, found, self._policy):
                prepared.refused.append((record, problems))
                continue
            how = Circumstances(
                order_id=record.id,
                client=record.initiated_by,
                moment=Timestamp.of(record.created_at),
                validate_characteristic_values=not self._settings.disable_char_value_validation,
            )
            prepared.ready.append(_Ready(record, capture(each.draft, found, how)))
            await breath.take()
        return prepared

    async def _write(self, connection: Connection, taken: Claim, prepared: _Prepared) -> None:
        """Complete the records first: that locks them, so that no rescuer can take them."""
        done = [(each.record.id, each.status) for each in prepared.ready]
        ours = await complete(connection, taken.token, done)
        orders = [each.order for each in prepared.ready if each.order.id in ours]
        await insert_batch(connection, orders)
        ended = [each.record for each in prepared.ready if each.record.id in ours]
        failed = [
            record
            for record, problems in prepared.refused
            if await fail(connection, taken.token, record.id, problems)
        ]
        if failed:
            await self._tell(connection, failed)
        await self._let_go_on(connection, [*ended, *failed])

    async def _tell(self, connection: Connection, failed: Sequence[Claimed]) -> None:
        ids = [each.id for each in failed]
        await tell_of_failures(connection, ids, mail_after_s=self._aftermath.mail_after_s)

    async def _let_go_on(self, connection: Connection, ended: Sequence[Claimed]) -> None:
        """Free what waited for these records; most are such as nothing can wait for."""
        awaited = [each.id for each in ended if each.names_inventory or self._by_account]
        if awaited:
            await free_waiting(connection, awaited, by_account=self._by_account)

    async def _alone(self, taken: Claim, record: Claimed) -> None:
        try:
            async with self._preparing:
                prepared = await self._prepare([record])
            async with self._database.transaction() as connection:
                await self._write(connection, taken, prepared)
        except OUTAGE:
            raise
        except Exception as error:  # noqa: BLE001 - it becomes the record's reason
            await self._settle(taken, record, error)

    async def _settle(self, taken: Claim, record: Claimed, error: Exception) -> None:
        """Try a record again later if that may help, else end it in error."""
        reason = _describe(error)
        again = isinstance(error, RETRYABLE) and record.attempts < self._settings.queue_max_attempts
        async with self._database.transaction() as connection:
            if again:
                wait_s = self._backoff.wait_s(record.attempts)
                await postpone(connection, taken.token, [record.id], wait_s=wait_s, reason=reason)
                return
            _log.error("record %s ends in error: %s", record.id.hex, reason)
            problems = [Problem.of(messages.CREATION_FAILED)]
            if await fail(connection, taken.token, record.id, problems, reason):
                await self._tell(connection, [record])
                await self._let_go_on(connection, [record])


def _describe(error: BaseException) -> str:
    """Name an error for operators, without the data that PostgreSQL's details quote.

    On a connection that was lost the rolling back fails too; what lost it tells more.
    """
    while isinstance(error, UNCERTAIN) and isinstance(error.__context__, DATABASE_AWAY):
        error = error.__context__
    parts = [type(error).__name__, *(getattr(error, name, None) for name in _TELLING)]
    return " ".join(str(part) for part in parts if part)
