"""A database and a loop of its own, for tests that are no coroutines; and what is seen in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.change import Event
from ordering.domain.order import Order
from ordering.inbound.failures import REQUEST_FAILED
from support.operated import World
from support.queue_model import Seen
from support.servers import DYNAMIC_TABLES

__all__ = ["Bench", "raising"]

T = TypeVar("T")

_SEEN = """
SELECT id, state, attempts, priority, claim_token,
       CASE WHEN lease_expires_at IS NULL THEN 'none'
           WHEN lease_expires_at < now() THEN 'expired' ELSE 'alive' END,
       CASE WHEN due_at IS NULL THEN 'always' WHEN due_at > now() THEN 'later' ELSE 'now' END,
       execute_after, status, status_code, ended_at IS NOT NULL,
       coalesce((SELECT jsonb_agg(jsonb_build_array(
           each -> 'attempt', coalesce(each ->> 'event', 'error')) ORDER BY place)
           FROM jsonb_array_elements(attempt_history) WITH ORDINALITY AS h (each, place)), '[]')
FROM inbound_request
"""

_ORDERS = """
SELECT (SELECT array_agg(id ORDER BY id) FROM customer_order),
       (SELECT array_agg(order_id ORDER BY order_id) FROM order_revision),
       (SELECT array_agg(order_id ORDER BY order_id) FROM order_event WHERE event_type = $1),
       (SELECT array_agg(DISTINCT order_id ORDER BY order_id) FROM order_line_item)
"""

_POSTPONE_FOR_LONG = """
UPDATE inbound_request SET due_at = now() + interval '1 day'
WHERE due_at > now() - interval '1 h'
"""

_LET_TIME_PASS = """
UPDATE inbound_request SET due_at = timestamptz '2000-01-01' + number * interval '1 s'
WHERE due_at > now()
"""


class Bench:
    """The world that the machines work on, one after the other, and the loop that it lives in."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self.database = Database(url, pool_size=5)
        self.run(self.database.open())
        keeper = CatalogKeeper(self.database, check_s=60)
        self.run(keeper.refresh())
        self.world = World(self.database, keeper)

    def run(self, work: Awaitable[T]) -> T:
        """Run something in the loop."""
        return self._loop.run_until_complete(work)

    def execute(self, statement: str, *values: object) -> list[Any]:
        """Run a statement; returns its rows."""

        async def execute() -> list[Any]:
            async with self.database.acquire() as connection:
                return await connection.fetch(statement, *values)

        return self.run(execute())

    def clear(self) -> None:
        """Delete all orders, requests and what belongs to them."""
        for table in DYNAMIC_TABLES:
            self.execute(f"DELETE FROM {table}")

    def requests(self) -> dict[UUID, Seen]:
        """Look at all records of the queue."""
        seen: dict[UUID, Seen] = {}
        for row in self.execute(_SEEN):
            identity, *columns, history = row
            attempts = msgspec.json.decode(history, type=list[tuple[int, str]])
            seen[identity] = Seen._make([*columns, attempts])
        return seen

    def orders(self) -> list[list[UUID]]:
        """List the orders, those that have revisions, events, and lines; each as often as it is."""
        (made,) = self.execute(_ORDERS, Event.CREATED)
        return [each or [] for each in made]

    def failures(self) -> list[UUID]:
        """List the records whose end in error was told, each as often as it was."""
        rows = self.execute(
            "SELECT order_id FROM order_event WHERE event_type = $1", REQUEST_FAILED
        )
        return sorted(row["order_id"] for row in rows)

    def postpone_for_long(self) -> None:
        """Have no wait for another attempt end while the test goes on."""
        self.execute(_POSTPONE_FOR_LONG)

    def let_time_pass(self) -> None:
        """Have all waits for another attempt ended."""
        self.execute(_LET_TIME_PASS)

    def close(self) -> None:
        """Close the database and the loop."""
        self.run(self.database.close())
        self._loop.close()


def raising(error: BaseException, real: Callable[..., Any]) -> Callable[..., Any]:
    """Make of a function one that raises, unless it is given no orders to write."""

    def capture(*_: Any) -> Order:
        raise error

    async def insert(connection: Connection, orders: Sequence[Order]) -> Sequence[Order]:
        if orders:
            raise error
        return await real(connection, orders)

    return insert if iscoroutinefunction(real) else capture
