"""The use cases and what they share, opened and closed together: what the faces are handed."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import msgspec

from ordering.access.clients import Clients
from ordering.catalog.lookups import ReferenceFinder
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import COMMAND_TIMEOUT_S, Database
from ordering.db.notices import CATALOG_CHANGED, CLIENT_CHANGED, ORDER_CHANGED, Notices
from ordering.events.watch import Watches
from ordering.inbound.accept import AcceptOrder
from ordering.inbound.bulk import AcceptBulk
from ordering.inbound.lookup import find_request_owners
from ordering.inbound.operations import QueueOperations
from ordering.orders.cancel import CancelOrder
from ordering.orders.create import CreateOrder
from ordering.orders.external_ids import ExternalIds, find_order_owners
from ordering.orders.idempotency import RequestKeys
from ordering.orders.progress import ProgressOrder
from ordering.orders.revise import ReviseOrder
from ordering.settings import Settings

__all__ = ["Services", "open_services"]


class Services(msgspec.Struct, frozen=True, kw_only=True):
    """What a face needs to answer a request."""

    settings: Settings
    database: Database
    keeper: CatalogKeeper
    clients: Clients
    request_keys: RequestKeys
    create_order: CreateOrder
    accept_order: AcceptOrder
    accept_bulk: AcceptBulk
    revise_order: ReviseOrder
    cancel_order: CancelOrder
    progress_order: ProgressOrder
    queue: QueueOperations
    watches: Watches


@asynccontextmanager
async def open_services(
    settings: Settings, database_url: str, ring: Callable[[], None]
) -> AsyncGenerator[Services]:
    """Open everything; on leaving, finish the writes under way and close it.

    `ring` wakes whoever drains the inbound queue; it is called after commits and must not block.
    """
    database = Database(
        database_url,
        pool_size=settings.database_pool_size,
        command_timeout_s=COMMAND_TIMEOUT_S,
    )
    await database.open()
    keeper = CatalogKeeper(database, check_s=settings.catalog_check_s)
    await keeper.open()
    clients = Clients(database, memory_s=settings.credential_memory_s)
    watches = Watches(database, sweep_s=settings.graphql_sweep_s)
    await watches.open()
    notices = Notices(
        database_url,
        {
            CATALOG_CHANGED: lambda _: keeper.notice(),
            CLIENT_CHANGED: lambda _: clients.forget(),
            ORDER_CHANGED: watches.notice,
        },
    )
    await notices.open()
    finder = ReferenceFinder(database, keeper)
    known_ids = ExternalIds(requests=find_request_owners, orders=find_order_owners)
    external_ids = known_ids if settings.unique_external_ids else None
    services = Services(
        settings=settings,
        database=database,
        keeper=keeper,
        clients=clients,
        request_keys=RequestKeys(database),
        create_order=CreateOrder(database, finder, settings, external_ids),
        accept_order=AcceptOrder(database, finder, settings, ring, external_ids),
        accept_bulk=AcceptBulk(database, keeper, settings, ring, known_ids),
        revise_order=ReviseOrder(database, finder, settings, external_ids),
        cancel_order=CancelOrder(database, settings),
        progress_order=ProgressOrder(database),
        queue=QueueOperations(database, ring, settings),
        watches=watches,
    )
    try:
        yield services
    finally:
        await services.create_order.close()
        await services.accept_order.close()
        await services.accept_bulk.close()
        await notices.close()
        await watches.close()
        await keeper.close()
        await database.close()
