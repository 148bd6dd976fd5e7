"""Watched orders: who wants to know of changes is told, by a notice or a few seconds later.

PostgreSQL sends notices only about orders in `order_watch`, where each process holds leases for
those that it watches. A notice may be lost, or be sent before the lease was seen; so all watched
orders are also looked at from time to time, in one statement
(docs/decisions/0023-subscriptions.md).
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from ordering.background import keep_going
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering.domain.ids import new_id

__all__ = ["Seen", "Subject", "Watcher", "Watches"]

_log = logging.getLogger(__name__)
#: Seconds for which a lease is held without being renewed, and after which it is renewed.
_LEASE_S = 60.0
_RENEW_S = _LEASE_S / 3
_RETRY_S = 1.0


class Subject(Enum):
    """What is watched under an id: the order, or the inbound request that it is made from.

    Table, and an expression that is another one after each change.
    """

    #: The version does not rise with transitions, and moments are cut to milliseconds.
    ORDER = ("customer_order", "xmin::text")
    REQUEST = ("inbound_request", "state || '/' || attempts || '/' || updated_at")

    @property
    def sign(self) -> str:
        """A query for the subject's sign, null if there is none; `{id}` stands for the id."""
        table, sign = self.value
        return f"(SELECT {sign} FROM {table} WHERE id = {{id}})"


class Seen(NamedTuple):
    """The signs of what is under an id; None where there is nothing (yet, or any more)."""

    order: str | None
    request: str | None

    def of(self, subject: Subject) -> str | None:
        """Return the sign of a subject."""
        return self.order if subject is Subject.ORDER else self.request


#: Is told what was seen, with each look; compares it with what it has seen before.
Watcher = Callable[[Seen], None]

_REGISTER = """
INSERT INTO order_watch (order_id, holder, until)
SELECT order_id, $2, now() + $3 FROM unnest($1::uuid[]) AS watched (order_id) ORDER BY order_id
ON CONFLICT (order_id, holder) DO UPDATE SET until = excluded.until
"""
_RELEASE = "DELETE FROM order_watch WHERE holder = $1 AND order_id = ANY($2::uuid[])"
#: Leases of processes that ended without releasing them; who is about to renew one keeps it.
_EXPIRE = """
DELETE FROM order_watch WHERE id IN (
    SELECT id FROM order_watch WHERE until < now() FOR UPDATE SKIP LOCKED)
"""
_LOOK = f"""
SELECT order_id, {Subject.ORDER.sign.format(id="order_id")} AS order_sign,
       {Subject.REQUEST.sign.format(id="order_id")} AS request_sign
FROM unnest($1::uuid[]) AS watched (order_id)
"""


class Watches:
    """What a process watches. `sweep_s` is how often everything watched is looked at."""

    def __init__(self, database: Database, *, sweep_s: float) -> None:
        self._database = database
        self._sweep_s = sweep_s
        self._holder = new_id()
        self._watchers: dict[UUID, list[Watcher]] = {}
        self._fresh: set[UUID] = set()
        self._released: set[UUID] = set()
        self._noticed: set[UUID] = set()
        self._sweep_at = self._renew_at = 0.0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start watching."""
        self._task = asyncio.create_task(
            keep_going("watching orders", self._round, pause_s=_RETRY_S)
        )

    async def close(self) -> None:
        """Stop watching, and release all leases if the database can be reached."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        held = self._watchers.keys() | self._released
        if held:
            with suppress(*DATABASE_AWAY):
                async with self._database.acquire() as connection:
                    await connection.execute(_RELEASE, self._holder, list(held))

    def add(self, order_id: UUID, watcher: Watcher) -> None:
        """Tell a watcher of what is under an id, soon and after each change."""
        watchers = self._watchers.setdefault(order_id, [])
        watchers.append(watcher)
        if len(watchers) == 1:
            self._released.discard(order_id)
            self._fresh.add(order_id)
            self._wake.set()

    def remove(self, order_id: UUID, watcher: Watcher) -> None:
        """Stop telling a watcher."""
        watchers = self._watchers[order_id]
        watchers.remove(watcher)
        if not watchers:
            del self._watchers[order_id]
            self._fresh.discard(order_id)
            self._released.add(order_id)
            self._wake.set()

    def notice(self, payload: str) -> None:
        """Take a notice: the id of an order, or nothing if notices may have been lost."""
        if not payload:
            self._sweep_at = 0.0
            self._wake.set()
        elif (order_id := UUID(payload)) in self._watchers:
            self._noticed.add(order_id)
            self._wake.set()

    async def _round(self) -> None:
        """Wait until there is something to do, and do it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._sweep_s):
                await self._wake.wait()
        self._wake.clear()
        if not self._watchers and not self._released:
            return
        try:
            async with self._database.acquire() as connection:
                await self._lease(connection)
                await self._look(connection)
        except DATABASE_AWAY as error:
            _log.warning("watching orders met a database that is away: %r", error)
            # Whatever was not done, is done when it is back.
            self._sweep_at = self._renew_at = 0.0
            await asyncio.sleep(_RETRY_S)
            self._wake.set()

    async def _lease(self, connection: Connection) -> None:
        """Take, renew and release leases."""
        moment = asyncio.get_running_loop().time()
        renewing = moment >= self._renew_at
        wanted: Collection[UUID] = self._watchers.keys() if renewing else self._fresh
        if wanted:
            ids, lease = list(wanted), timedelta(seconds=_LEASE_S)
            # Looked at once the lease is there: who changed it before could not see the lease.
            self._noticed |= self._fresh
            self._fresh = set()
            await connection.execute(_REGISTER, ids, self._holder, lease)
        if self._released:
            released, self._released = self._released, set()
            await connection.execute(_RELEASE, self._holder, list(released))
        if renewing:
            await connection.execute(_EXPIRE)
            self._renew_at = moment + _RENEW_S

    async def _look(self, connection: Connection) -> None:
        """Look at what may have changed, and tell the watchers."""
        moment = asyncio.get_running_loop().time()
        sweeping = moment >= self._sweep_at
        asked: Iterable[UUID] = self._watchers if sweeping else self._noticed
        ids = list(asked)
        self._noticed = set()
        if ids:
            for row in await connection.fetch(_LOOK, ids):
                seen = Seen(row["order_sign"], row["request_sign"])
                for watcher in tuple(self._watchers.get(row["order_id"], ())):
                    watcher(seen)
        if sweeping:
            self._sweep_at = moment + self._sweep_s
