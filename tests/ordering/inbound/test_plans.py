"""Every statement of the queue's operation reads its tables through an index, however long."""

from collections.abc import AsyncGenerator
from datetime import timedelta

import pytest

from ordering.db.engine import Database
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound.control import Gate
from ordering.inbound.filters import RequestFilter
from ordering.inbound.listing import PageRequest, list_requests, read_request
from ordering.inbound.operations import QueueOperations
from ordering.inbound.retention import Retention
from ordering.settings import Settings
from ordering_app.embedded import EmbeddedServers
from support.explaining import ExplainingDatabase
from support.queued import generate
from support.servers import new_database

RECORDS = 100_000
ACCOUNT = "00000000000070008000000000000007"
UNUSED = "00000000000070008000000000009999"
WINDOW = "22:00-06:00"


@pytest.fixture(scope="module")
async def long_queue_url(servers: EmbeddedServers) -> str:
    url = await new_database(servers, "tests_long_queue", demo=False)
    database = Database(url, pool_size=1)
    await database.open()
    await generate(database, RECORDS)
    await database.close()
    return url


@pytest.fixture
async def explaining(long_queue_url: str) -> AsyncGenerator[ExplainingDatabase]:
    database = Database(long_queue_url, pool_size=2)
    await database.open()
    yield ExplainingDatabase(database)
    await database.close()


def indexes(database: ExplainingDatabase) -> set[str]:
    """Return the indexes that were used, beside the one-row switch and places that they led to."""
    through_tables = {
        (scan.kind, scan.table)
        for scan in database.scans
        if scan.table is not None and scan.index is None
    }
    assert through_tables <= {("Seq Scan", "queue_control"), ("Tid Scan", "bulk_line")}
    return {scan.index for scan in database.scans if scan.index is not None}


# `state` is asserted where the planner, left to itself, would walk through the completed records
# to the new ones; the others are those that suit the filter.
@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(
    ("which", "index"),
    [
        (RequestFilter(), "inbound_request_number"),
        (RequestFilter(state=InboundState.NEW), "inbound_request_state"),
        (RequestFilter(state=InboundState.ERROR), "inbound_request_state"),
        (RequestFilter(state=InboundState.COMPLETED), "inbound_request_state"),
        (RequestFilter(status=InboundStatus.SUCCESS), "inbound_request_state"),
        (RequestFilter(status=InboundStatus.FAILURE), "inbound_request_state"),
        (RequestFilter(status=InboundStatus.PARTIAL_SUCCESS), "inbound_request_partial_success"),
        (RequestFilter(external_id="PO-77"), "inbound_request_external_id"),
        (RequestFilter(account=ACCOUNT), "inbound_request_account"),
        (
            RequestFilter(account=ACCOUNT, state=InboundState.COMPLETED),
            "inbound_request_account",
        ),
        (
            RequestFilter(account=UNUSED, status=InboundStatus.SUCCESS),
            "inbound_request_account",
        ),
        (RequestFilter(younger_than=timedelta(hours=1)), "inbound_request_created"),
    ],
)
async def test_a_page_is_read_through_the_index_that_suits_its_filter(
    explaining: ExplainingDatabase, which: RequestFilter, index: str, *, newest_first: bool
) -> None:
    for after in (None, RECORDS // 2):
        explaining.scans.clear()
        page = PageRequest(limit=20, after=after, newest_first=newest_first)
        async with explaining.acquire() as connection:
            await list_requests(connection, which, page)
        assert index in indexes(explaining)


@pytest.mark.parametrize(
    "which",
    [
        RequestFilter(older_than=timedelta(days=5)),
        RequestFilter(older_than=timedelta(days=5), younger_than=timedelta(days=6)),
        RequestFilter(state=InboundState.ERROR, older_than=timedelta(days=5)),
        RequestFilter(state=InboundState.ERROR, account=ACCOUNT),
    ],
)
async def test_any_page_is_read_through_indexes(
    explaining: ExplainingDatabase, which: RequestFilter
) -> None:
    async with explaining.acquire() as connection:
        await list_requests(connection, which, PageRequest(limit=20, payload=True))
    assert indexes(explaining)


async def test_one_record_and_the_figures_are_read_through_indexes(
    explaining: ExplainingDatabase,
) -> None:
    async with explaining.acquire() as connection:
        assert await read_request(connection, "PO-77", payload=True)
        assert await read_request(connection, ACCOUNT) is None
    assert indexes(explaining) == {"inbound_request_pkey", "inbound_request_external_id"}
    explaining.scans.clear()
    await QueueOperations(explaining, lambda: None, Settings(queue_window=WINDOW)).status()
    assert indexes(explaining) == {"inbound_request_state"}
    explaining.scans.clear()
    await Gate(explaining, WINDOW).is_open()
    assert indexes(explaining) == set()


@pytest.mark.parametrize(
    "which",
    [
        RequestFilter(external_id="PO-77"),
        RequestFilter(account=ACCOUNT),
        RequestFilter(older_than=timedelta(days=11)),
        RequestFilter(younger_than=timedelta(hours=1)),
    ],
)
async def test_bulk_operations_find_and_change_records_through_indexes(
    explaining: ExplainingDatabase, which: RequestFilter
) -> None:
    operations = QueueOperations(explaining, lambda: None, Settings())
    await operations.redrive(which, "ann")
    await operations.cancel(which, "ann")
    assert indexes(explaining)


async def test_all_in_error_are_redriven_and_all_that_wait_canceled_through_indexes(
    explaining: ExplainingDatabase,
) -> None:
    operations = QueueOperations(explaining, lambda: None, Settings())
    assert await operations.redrive(RequestFilter(state=InboundState.ERROR), "ann")
    assert await operations.cancel(RequestFilter(state=InboundState.PENDING), "ann")
    used = indexes(explaining)
    assert {"inbound_request_state", "inbound_request_execute_after"} <= used
    explaining.scans.clear()
    await operations.create_order("PO-98", "ann")
    assert indexes(explaining) == {"inbound_request_pkey", "inbound_request_external_id"}


async def test_retention_finds_and_deletes_through_indexes(explaining: ExplainingDatabase) -> None:
    removed = await Retention(
        explaining, Settings(retention_success_days=11, retention_failure_days=11)
    ).sweep()
    assert min(removed.completed, removed.keys, removed.lines, removed.bulks) > 0
    used = indexes(explaining)
    assert {"inbound_request_ended", "idempotency_key_created", "bulk_updated"} <= used
    assert "bulk_line_pkey" in used
