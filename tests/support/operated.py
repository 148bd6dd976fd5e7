"""What the queue is asked to do, each kind of it on any database: for tests that make it fail."""

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.domain.order import Order
from ordering.domain.states import InboundState
from ordering.inbound.accept import AcceptOrder
from ordering.inbound.filters import RequestFilter
from ordering.inbound.lookup import find_request_owners
from ordering.inbound.operations import QueueOperations
from ordering.orders.create import CreateOrder
from ordering.orders.external_ids import ExternalIds, find_order_owners
from ordering.orders.idempotency import Answer, AnsweredError, Once, RequestKey
from ordering.settings import Settings
from support import payloads
from support.faults import Fault, Given
from support.queue import make_processor, put, take

__all__ = ["OPERATIONS", "World", "about"]

T = TypeVar("T")

UNIQUE = ExternalIds(requests=find_request_owners, orders=find_order_owners)
KEY = "k-1"
NAMED = payloads.to_json(payloads.order(externalId="PO-1"))
BAD = b"{no json"

_INSERT = "INSERT INTO customer_order"


def about(*inventories: str, **members: Any) -> bytes:
    """Write an order whose lines change these product inventories."""
    items = [payloads.change_item(str(n), inventory=each) for n, each in enumerate(inventories)]
    return payloads.to_json(payloads.order(items=items, **members))


class World(NamedTuple):
    """A database, healthy or not, and the catalog that was read from it."""

    database: Database
    keeper: CatalogKeeper

    async def accept(self, body: bytes, key: str | None = None) -> UUID:
        """Accept an order; one with a key gets the answer of before, or an external id alone."""
        accepting = AcceptOrder(
            self.database,
            ReferenceFinder(self.database, self.keeper),
            Settings(create_product_order_validations_async=False),
            lambda: None,
            UNIQUE if key else None,
        )
        try:
            return await accepting(body, "cpq", _once(key, body, _itself))
        except AnsweredError as error:
            return UUID(error.answer.headers["id"])
        finally:
            await accepting.close()

    async def create(self, body: bytes, key: str | None = None) -> UUID:
        """Create an order; one with a key gets the answer of before, or an external id alone."""
        creating = CreateOrder(
            self.database,
            ReferenceFinder(self.database, self.keeper),
            Settings(),
            UNIQUE if key else None,
        )
        try:
            once = _once(key, body, _id_of)
            order = await creating(body, "cpq", once=once)
        except AnsweredError as error:
            return UUID(error.answer.headers["id"])
        finally:
            await creating.close()
        return order.id

    async def drain(self, **settings: Any) -> int:
        """Claim a batch and process it."""
        return await make_processor(self.database, self.keeper, **settings).drain_batch()

    async def rescue(self, **settings: Any) -> int:
        """Give back what nobody works on."""
        return await make_processor(self.database, self.keeper, **settings).rescue()

    @property
    def queue(self) -> QueueOperations:
        """What operators do."""
        return QueueOperations(self.database, lambda: None, Settings())


def _id_of(order: Order) -> UUID:
    return order.id


def _itself(identity: UUID) -> UUID:
    return identity


def _once(key: str | None, body: bytes, id_of: Callable[[T], UUID]) -> Once[T] | None:
    def answer(result: T) -> Answer:
        return Answer(status_code=202, body=b"{}", headers={"id": str(id_of(result))})

    if key is None:
        return None
    return Once(RequestKey("cpq", "/orders", key, sha256(body).digest()), answer)


class Operation(NamedTuple):
    """Something that is asked of the queue.

    `statements` is how many it sends when nothing fails. `created` are the orders that there are
    once it was done, and done again where it failed, and the queue is empty; `failed` the records
    in error. `given` is what goes wrong in any case. `repeated` tells that who asked, asks again
    where it failed. Where nobody does, `unsure` of the orders may be missing; with a `given` that
    another fault may keep from happening, `lucky` records may be created instead of in error. Its
    first statements, up to number `same`, are those of another operation.
    """

    statements: int
    prepare: Callable[[World], Awaitable[Any]]
    run: Callable[[World], Awaitable[Any]]
    created: int
    failed: int = 0
    given: Given | None = None
    repeated: bool = False
    unsure: int = 0
    lucky: int = 0
    same: int = 0


async def _nothing(_world: World) -> None:
    """Begin with an empty queue."""


async def _line(world: World) -> None:
    await world.accept(about(payloads.INVENTORY))


async def _batch(world: World) -> None:
    """Queue two good ones, one that another waits for, and a bad one."""
    await put(world.database, NAMED, NAMED, BAD)
    await _line(world)
    await _line(world)


async def _with_culprit(world: World) -> None:
    """Queue a line of two, the first of which the database will refuse, and a good one."""
    first = await world.accept(about(payloads.INVENTORY))
    await _line(world)
    await put(world.database, NAMED)
    await _occupy(world, first)


async def _occupy(world: World, identity: UUID) -> None:
    async with world.database.acquire() as connection:
        await connection.execute(
            """INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
               VALUES ($1, 'new', 'x', now(), now())""",
            identity,
        )


async def _deserted(world: World) -> None:
    """Leave two claims to expire, one of which was the last attempt, and strand one that waits."""
    await put(world.database, NAMED)
    await _line(world)
    await _line(world)
    await take(world.database, lease_s=-1)
    gone = await world.accept(about(payloads.EDGE_INVENTORY))
    await world.accept(about(payloads.EDGE_INVENTORY))
    async with world.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET attempts = 5 WHERE inventory_ids IS NOT NULL AND"
            " state = 'in_progress'"
        )
        await connection.execute("DELETE FROM inbound_request WHERE id = $1", gone)


async def _in_error(world: World) -> None:
    """Have two records in error that could be made orders."""
    await put(world.database, NAMED, NAMED)
    async with world.database.acquire() as connection:
        await connection.execute(
            "UPDATE inbound_request SET state = 'error', status = 'failure', status_code = 400,"
            " external_id = 'PO-1', ended_at = now()"
        )


async def _accept(world: World) -> UUID:
    return await world.accept(NAMED)


async def _accept_once(world: World) -> UUID:
    return await world.accept(about(payloads.INVENTORY, externalId="PO-1"), KEY)


async def _create(world: World) -> UUID:
    return await world.create(NAMED)


async def _create_once(world: World) -> UUID:
    return await world.create(NAMED, KEY)


async def _drain(world: World) -> int:
    return await world.drain()


async def _drain_without_patience(world: World) -> int:
    return await world.drain(queue_max_interruptions=1)


async def _rescue(world: World) -> int:
    return await world.rescue()


async def _redrive(world: World) -> int:
    return await world.queue.redrive(RequestFilter(state=InboundState.ERROR), "ann")


async def _cancel(world: World) -> int:
    return await world.queue.cancel(RequestFilter(account=payloads.ACCOUNT), "ann")


async def _create_now(world: World) -> None:
    await world.queue.create_order("PO-1", "ann")


async def _pause(world: World) -> None:
    await world.queue.pause("ann")


#: What is asked of the queue, by its name in the tests.
OPERATIONS: Mapping[str, Operation] = {
    "accept": Operation(2, _nothing, _accept, 1, unsure=1),
    "accept once": Operation(12, _line, _accept_once, 2, repeated=True),
    "create": Operation(2, _nothing, _create, 1, unsure=1),
    "create once": Operation(10, _nothing, _create_once, 1, repeated=True),
    "drain": Operation(10, _batch, _drain, 4, failed=1),
    "drain one by one": Operation(20, _with_culprit, _drain, 3, failed=1, same=5),
    "postpone": Operation(12, _line, _drain, 1, given=Given(_INSERT, Fault.DEADLOCK), same=9),
    "release": Operation(
        12,
        _batch,
        _drain_without_patience,
        1,
        failed=4,
        lucky=3,
        given=Given(_INSERT, Fault.LOST_BEFORE),
        same=5,
    ),
    "give back": Operation(
        6, _line, _drain, 1, given=Given(_INSERT, Fault.CANCELED_BEFORE), same=5
    ),
    "rescue": Operation(11, _deserted, _rescue, 3, failed=1),
    "redrive": Operation(7, _in_error, _redrive, 2, repeated=True),
    "cancel": Operation(20, _batch, _cancel, 2, failed=3, repeated=True),
    "create on demand": Operation(7, _in_error, _create_now, 1, failed=1, repeated=True),
    "pause": Operation(3, _nothing, _pause, 0),
}
