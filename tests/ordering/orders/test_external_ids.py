"""One order per external id, where the setting says so."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection, Row
from ordering.db.engine import Database
from ordering.domain.errors import InvalidRequestError
from ordering.domain.ids import show_id
from ordering.inbound.accept import AcceptOrder
from ordering.inbound.lookup import find_request_owners
from ordering.orders.create import CreateOrder
from ordering.orders.external_ids import ExternalIds, FindOwners, find_order_owners
from ordering.orders.revise import ReviseOrder
from ordering.settings import Settings
from support import payloads
from support.placed import in_state, place, snapshot
from support.queue import make_processor

UNIQUE = ExternalIds(requests=find_request_owners, orders=find_order_owners)


class Placing:
    """Both ways to place an order; each returns its id."""

    def __init__(
        self, database: Database, finder: ReferenceFinder, unique: ExternalIds | None
    ) -> None:
        self._create = CreateOrder(database, finder, Settings(), unique)
        self._accept = AcceptOrder(database, finder, Settings(), lambda: None, unique)

    async def create(self, **members: Any) -> str:
        order = await self._create(payloads.to_json(payloads.order(**members)), "cpq")
        return show_id(order.id)

    async def accept(self, **members: Any) -> str:
        return show_id(await self._accept(payloads.to_json(payloads.order(**members)), "cpq"))

    async def close(self) -> None:
        await self._create.close()
        await self._accept.close()


@pytest.fixture
async def placing(demo_database: Database, finder: ReferenceFinder) -> AsyncGenerator[Placing]:
    ways = Placing(demo_database, finder, UNIQUE)
    yield ways
    await ways.close()


def told(error: BaseException) -> list[tuple[str, str]]:
    assert isinstance(error, InvalidRequestError)
    return [(each.message, each.pointer) for each in error.problems]


def taken(external_id: str, owner: str) -> list[tuple[str, str]]:
    return [(f"externalId {external_id} is that of the order {owner}", "/externalId")]


async def made(database: Database) -> list[int]:
    """Count orders and queued requests."""
    async with database.acquire() as connection:
        return [
            await connection.fetchval(f"SELECT count(*) FROM {table}")
            for table in ("customer_order", "inbound_request")
        ]


@pytest.mark.parametrize("first", ["create", "accept"])
@pytest.mark.parametrize("second", ["create", "accept"])
async def test_the_second_order_is_refused_with_the_id_of_the_first(
    placing: Placing, demo_database: Database, first: str, second: str
) -> None:
    owner = await getattr(placing, first)(externalId="PO-1")
    before = await made(demo_database)
    with pytest.raises(InvalidRequestError) as caught:
        await getattr(placing, second)(externalId="PO-1")
    assert told(caught.value) == taken("PO-1", owner)
    assert await made(demo_database) == before


async def test_a_drained_order_still_has_its_external_id(
    placing: Placing, demo_database: Database, keeper: CatalogKeeper
) -> None:
    owner = await placing.accept(externalId="PO-1")
    await make_processor(demo_database, keeper).drain_batch()
    with pytest.raises(InvalidRequestError) as caught:
        await placing.create(externalId="PO-1")
    assert told(caught.value) == taken("PO-1", owner)


async def test_an_order_that_is_created_between_the_two_looks_has_its_external_id(
    placing: Placing, demo_database: Database, finder: ReferenceFinder, keeper: CatalogKeeper
) -> None:
    owner = await placing.accept(externalId="PO-1")
    looks: list[str] = []

    def looking(name: str, find: FindOwners) -> FindOwners:
        async def look(
            connection: Connection, systems: Sequence[str | None], ids: Sequence[str | None]
        ) -> Sequence[Row]:
            if looks:
                assert await make_processor(demo_database, keeper).drain_batch() == 1
            looks.append(name)
            return await find(connection, systems, ids)

        return look

    interrupted = ExternalIds(
        requests=looking("requests", find_request_owners),
        orders=looking("orders", find_order_owners),
    )
    second = Placing(demo_database, finder, interrupted)
    with pytest.raises(InvalidRequestError) as caught:
        await second.accept(externalId="PO-1")
    assert told(caught.value) == taken("PO-1", owner)
    assert looks == ["requests", "orders"]
    await second.close()


async def test_a_failed_request_leaves_its_external_id(
    placing: Placing, demo_database: Database
) -> None:
    await placing.accept(externalId="PO-1")
    async with demo_database.acquire() as connection:
        await connection.execute("UPDATE inbound_request SET state = 'error', ended_at = now()")
    await placing.create(externalId="PO-1")
    assert await made(demo_database) == [1, 1]


async def test_other_systems_and_orders_without_external_id_are_free(
    placing: Placing, demo_database: Database
) -> None:
    for members in (
        {"externalId": "PO-1"},
        {"externalId": "PO-1", "externalSystem": "cpq"},
        {"externalId": "PO-1", "externalSystem": "shop"},
        {"externalSystem": "shop"},
        {"externalSystem": "shop"},
        {},
        {},
    ):
        await placing.create(**members)
    assert await made(demo_database) == [7, 0]


async def test_of_many_at_once_one_wins(placing: Placing, demo_database: Database) -> None:
    results = await asyncio.gather(
        *(way(externalId="PO-1") for _ in range(10) for way in (placing.create, placing.accept)),
        *(placing.create(externalId=str(n)) for n in range(5)),
        return_exceptions=True,
    )
    (owner,) = [each for each in results[:20] if isinstance(each, str)]
    refused = [each for each in results[:20] if isinstance(each, BaseException)]
    assert [told(each) for each in refused] == [taken("PO-1", owner)] * 19
    assert sum(await made(demo_database)) == 6


async def test_without_the_setting_external_ids_may_repeat(
    demo_database: Database, finder: ReferenceFinder
) -> None:
    ways = Placing(demo_database, finder, None)
    for way in (ways.create, ways.create, ways.accept, ways.accept):
        await way(externalId="PO-1")
    assert await made(demo_database) == [2, 2]


@pytest.mark.parametrize("first", ["create", "accept"])
async def test_a_revision_cannot_take_the_external_id_of_another_order(
    placing: Placing,
    demo_database: Database,
    finder: ReferenceFinder,
    keeper: CatalogKeeper,
    first: str,
) -> None:
    owner = await getattr(placing, first)(externalId="PO-1")
    (order,) = await place(demo_database, keeper, payloads.order(externalId="PO-2"))
    await in_state(demo_database, order, "in_progress")
    revise = ReviseOrder(demo_database, finder, Settings(), UNIQUE)
    before = await snapshot(demo_database)
    with pytest.raises(InvalidRequestError) as caught:
        await revise(show_id(order.id), b'{"externalId": "PO-1"}', "portal")
    assert told(caught.value) == taken("PO-1", owner)
    assert await snapshot(demo_database) == before
    revised = await revise(show_id(order.id), b'{"externalId": "PO-3"}', "portal")
    assert (await revise("PO-3", b'{"externalId": "PO-3"}', "portal")).id == revised.id
