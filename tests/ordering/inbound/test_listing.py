"""Pages of the queue: what fits, in which order, and where the next one begins."""

from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from ordering.db.engine import Database
from ordering.domain.ids import new_id, show_id
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound.filters import RequestFilter
from ordering.inbound.listing import PageRequest, QueuedRequest, list_requests, read_request
from support import payloads
from support.queue import put
from support.queued import queued

ACCOUNT = UUID(payloads.ACCOUNT)
OTHER = UUID(int=7)


async def ids(database: Database, which: RequestFilter, limit: int = 100) -> list[UUID]:
    async with database.acquire() as connection:
        found, following = await list_requests(connection, which, PageRequest(limit=limit))
    assert following is None
    return [each.id for each in found]


async def numbers(database: Database, limit: int, *, newest_first: bool) -> list[list[int]]:
    pages: list[list[int]] = []
    after: int | None = None
    while not pages or after is not None:
        page = PageRequest(limit=limit, after=after, newest_first=newest_first)
        async with database.acquire() as connection:
            found, after = await list_requests(connection, RequestFilter(), page)
        pages.append([each.number for each in found])
    return pages


async def test_each_condition_is_one_and_all_must_hold(demo_database: Database) -> None:
    new = await queued(demo_database, external_id="PO-1", account_id=ACCOUNT)
    failed = await queued(demo_database, "error", age="2 h", external_id="PO-2", account_id=OTHER)
    done = await queued(demo_database, "completed", age="2 d", account_id=ACCOUNT)
    partial = await queued(demo_database, "completed", age="2 d", status="partial_success")
    waiting = await queued(demo_database, "pending", external_id="PO-1")
    cases: list[tuple[RequestFilter, list[UUID]]] = [
        (RequestFilter(), [new, failed, done, partial, waiting]),
        (RequestFilter(id=done), [done]),
        (RequestFilter(state=InboundState.NEW), [new]),
        (RequestFilter(state=InboundState.PENDING), [waiting]),
        (RequestFilter(state=InboundState.COMPLETED), [done, partial]),
        (RequestFilter(status=InboundStatus.SUCCESS), [done]),
        (RequestFilter(status=InboundStatus.PARTIAL_SUCCESS), [partial]),
        (RequestFilter(status=InboundStatus.FAILURE), [failed]),
        (RequestFilter(older_than=timedelta(hours=1)), [failed, done, partial]),
        (RequestFilter(younger_than=timedelta(hours=1)), [new, waiting]),
        (
            RequestFilter(older_than=timedelta(hours=1), younger_than=timedelta(days=1)),
            [failed],
        ),
        (RequestFilter(external_id="PO-1"), [new, waiting]),
        (RequestFilter(account=payloads.ACCOUNT), [new, done]),
        (RequestFilter(account=show_id(OTHER)), [failed]),
        (RequestFilter(account=payloads.ACCOUNT, state=InboundState.COMPLETED), [done]),
        (RequestFilter(state=InboundState.NEW, status=InboundStatus.SUCCESS), []),
        (RequestFilter(external_id="PO-3"), []),
        (RequestFilter(account="nobody"), []),
    ]
    assert [await ids(demo_database, which) for which, _ in cases] == [each for _, each in cases]


async def test_an_account_may_be_named_by_its_external_id(demo_database: Database) -> None:
    mine = await queued(demo_database, account_id=OTHER)
    await queued(demo_database, account_id=ACCOUNT)
    async with demo_database.acquire() as connection:
        await connection.execute(
            "INSERT INTO party (id, external_id, kind) VALUES ($1, 'ACC-7', 'account')", OTHER
        )
    try:
        assert await ids(demo_database, RequestFilter(account="ACC-7")) == [mine]
    finally:
        async with demo_database.acquire() as connection:
            await connection.execute("DELETE FROM party WHERE id = $1", OTHER)


@pytest.mark.parametrize("newest_first", [False, True])
async def test_pages_follow_each_other_without_gap_or_repetition(
    demo_database: Database, *, newest_first: bool
) -> None:
    await put(demo_database, *[payloads.order()] * 5)
    pages = await numbers(demo_database, 2, newest_first=newest_first)
    whole = [5, 4, 3, 2, 1] if newest_first else [1, 2, 3, 4, 5]
    assert pages == [whole[:2], whole[2:4], whole[4:]]
    assert await numbers(demo_database, 5, newest_first=newest_first) == [whole]


async def test_what_arrives_between_pages_moves_nothing(demo_database: Database) -> None:
    await put(demo_database, *[payloads.order()] * 3)
    page = PageRequest(limit=2, newest_first=True)
    async with demo_database.acquire() as connection:
        _, after = await list_requests(connection, RequestFilter(), page)
        await put(demo_database, *[payloads.order()] * 3)
        page = PageRequest(limit=2, newest_first=True, after=after)
        found, following = await list_requests(connection, RequestFilter(), page)
    assert ([each.number for each in found], following) == ([1], None)


async def test_a_page_of_large_payloads_ends_early(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = [payloads.to_json(payloads.order(externalId=f"PO-{each}")) for each in range(3)]
    await put(demo_database, *bodies)
    for most, shown in ((len(bodies[0]) * 2, 2), (1, 1)):
        monkeypatch.setattr("ordering.inbound.listing._MOST_BYTES", most)
        async with demo_database.acquire() as connection:
            found, following = await list_requests(
                connection, RequestFilter(), PageRequest(limit=3, payload=True)
            )
        assert [each.payload for each in found] == [body.decode() for body in bodies[:shown]]
        assert following == shown


async def test_a_list_has_no_payload_unless_asked_and_the_first_problems_only(
    demo_database: Database,
) -> None:
    problems = ",".join(f'{{"message": "{n}", "pointer": "", "code": 24}}' for n in range(25))
    identity = await queued(demo_database, "error", error=f"[{problems}]")
    async with demo_database.acquire() as connection:
        found, _ = await list_requests(connection, RequestFilter(), PageRequest(limit=1))
        whole = await read_request(connection, show_id(identity))
    assert whole is not None
    listed = found[0]
    assert (listed.payload, whole.payload) == (None, None)
    assert [len(msgspec.json.decode(each.error or "[]")) for each in (listed, whole)] == [20, 25]
    assert [each.problem_count for each in (listed, whole)] == [25, 25]


async def test_a_list_has_the_first_inventories_and_the_latest_history_only(
    demo_database: Database,
) -> None:
    inventories = [str(n) for n in range(25)]
    history = [{"attempt": n, "at": "2026-01-01T00:00:00Z"} for n in range(25)]
    identity = await queued(
        demo_database,
        inventory_ids=msgspec.json.encode(inventories).decode(),
        attempt_history=msgspec.json.encode(history).decode(),
    )
    await queued(demo_database, attempt_history="[{}]")
    async with demo_database.acquire() as connection:
        found, _ = await list_requests(connection, RequestFilter(), PageRequest(limit=2))
        whole = await read_request(connection, show_id(identity))
    assert whole is not None
    shown = [
        [msgspec.json.decode(each.inventory_ids or "0"), msgspec.json.decode(each.attempt_history)]
        for each in (found[0], whole)
        if each.attempt_history
    ]
    assert shown == [[inventories[:20], history[5:]], [inventories, history]]
    assert (found[1].inventory_ids, found[1].attempt_history) == (None, "[{}]")


async def test_one_is_found_by_id_or_as_the_newest_with_an_external_id(
    demo_database: Database,
) -> None:
    first = await queued(demo_database, external_id="PO-1")
    second = await queued(demo_database, external_id="PO-1")
    third = await queued(demo_database, external_id=show_id(first))

    async def find(text: str) -> QueuedRequest | None:
        async with demo_database.acquire() as connection:
            return await read_request(connection, text)

    for text, expected in (
        ("PO-1", second),
        (show_id(first), first),
        (show_id(third), third),
    ):
        found = await find(text)
        assert found is not None
        assert found.id == expected
    for text in ("PO-2", show_id(new_id()), "a\0"):
        assert await find(text) is None
