"""Turn claimed records into orders: one transaction for the batch, savepoints if that fails."""

import logging
import random
from collections.abc import Sequence
from typing import NamedTuple

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY, RETRYABLE
from ordering.domain.capture import Circumstances, capture
from ordering.domain.decode import Decoded, decode_order
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.order import Order
from ordering.domain.rules import check
from ordering.domain.states import InboundStatus
from ordering.domain.timestamps import Timestamp
from ordering.inbound.claim import Claim, Claimed, claim, complete, fail, give_back, postpone
from ordering.orders.rows import insert_orders
from ordering.orders.validate import policy_of
from ordering.settings import Settings

__all__ = ["Processor"]

_log = logging.getLogger(__name__)

_BACKOFF_S = 1.0
_MAX_BACKOFF_S = 60.0


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


class Processor:
    """Drains the queue, a batch at a time. `system_id` names the worker in the records."""

    def __init__(
        self, database: Database, keeper: CatalogKeeper, settings: Settings, system_id: str
    ) -> None:
        self._database = database
        self._keeper = keeper
        self._settings = settings
        self._system_id = system_id
        self._policy = policy_of(
            settings, check_references=settings.enable_validation_via_schedule_job
        )

    async def drain_batch(self) -> int:
        """Claim a batch and process it; returns how many records were claimed.

        Raises only what prevents claiming (the database is away). A claim that is interrupted by
        cancellation or by a lost database is given back, at the latest by the rescuer.
        """
        async with self._database.acquire() as connection:
            taken = await claim(
                connection,
                batch=self._settings.queue_batch,
                lease_s=self._settings.queue_lease_s,
                system_id=self._system_id,
            )
        if not taken.records:
            return 0
        try:
            await self._process(taken)
        except BaseException:
            await self._return(taken)
            raise
        return len(taken.records)

    async def _return(self, taken: Claim) -> None:
        try:
            async with self._database.acquire() as connection:
                await give_back(connection, taken.token)
        except DATABASE_AWAY:
            _log.warning("could not give back a claim; its lease will expire", exc_info=True)

    async def _process(self, taken: Claim) -> None:
        ready, refused = await self._prepare(taken.records)
        try:
            async with self._database.transaction() as connection:
                await self._create(connection, taken, ready)
                for record, problems in refused:
                    await fail(connection, taken.token, record.id, problems)
        except Exception as error:  # noqa: BLE001 - sorted out one by one
            _log.warning("a batch failed; its records are processed one by one: %r", error)
            await self._one_by_one(taken, ready, refused)

    async def _prepare(
        self, records: Sequence[Claimed]
    ) -> tuple[list[_Ready], list[tuple[Claimed, Sequence[Problem]]]]:
        """Decode and capture what can be; what cannot is refused with its problems."""
        decoded: list[tuple[Claimed, Decoded]] = []
        refused: list[tuple[Claimed, Sequence[Problem]]] = []
        for record in records:
            try:
                decoded.append((record, decode_order(record.payload.encode())))
            except InvalidRequestError as error:
                refused.append((record, error.problems))
        async with self._database.acquire() as connection:
            drafts = [each.draft for _, each in decoded]
            found = await find_references(connection, self._keeper.catalog, drafts)
        ready: list[_Ready] = []
        for record, each in decoded:
            if problems := check(each, found, self._policy):
                refused.append((record, problems))
                continue
            how = Circumstances(
                order_id=record.id,
                client=record.initiated_by,
                moment=Timestamp.of(record.created_at),
                validate_characteristic_values=not self._settings.disable_char_value_validation,
            )
            ready.append(_Ready(record, capture(each.draft, found, how)))
        return ready, refused

    async def _create(self, connection: Connection, taken: Claim, ready: list[_Ready]) -> None:
        """Complete the records first: that locks them, so that no rescuer can take them."""
        done = [(each.record.id, each.status) for each in ready]
        ours = await complete(connection, taken.token, done)
        await insert_orders(connection, [each.order for each in ready if each.order.id in ours])

    async def _one_by_one(
        self,
        taken: Claim,
        ready: Sequence[_Ready],
        refused: Sequence[tuple[Claimed, Sequence[Problem]]],
    ) -> None:
        for each in ready:
            await self._alone(taken, each)
        async with self._database.transaction() as connection:
            for record, problems in refused:
                await fail(connection, taken.token, record.id, problems)

    async def _alone(self, taken: Claim, each: _Ready) -> None:
        async with self._database.transaction() as connection:
            try:
                async with connection.transaction():
                    await self._create(connection, taken, [each])
            except Exception as error:  # noqa: BLE001 - it becomes the record's reason
                await self._settle(connection, taken, each.record, error)

    async def _settle(
        self, connection: Connection, taken: Claim, record: Claimed, error: Exception
    ) -> None:
        reason = f"{type(error).__name__}: {error}"
        if isinstance(error, RETRYABLE) and record.attempts < self._settings.queue_max_attempts:
            await postpone(
                connection,
                taken.token,
                [record.id],
                wait_s=_backoff_s(record.attempts),
                reason=reason,
            )
            return
        _log.error("record %s ends in error: %s", record.id.hex, reason)
        await fail(connection, taken.token, record.id, [Problem(reason, "", 1)])


def _backoff_s(attempts: int) -> float:
    """Seconds to wait: doubling, at most a minute, and spread so that waits do not end together."""
    return min(_BACKOFF_S * 2 ** (attempts - 1), _MAX_BACKOFF_S) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
