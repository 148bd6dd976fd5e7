"""Real processes, killed at the worst moment: nothing is lost, nothing is created twice."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest
from arq.connections import create_pool

from ordering.db.engine import Database
from ordering_app.embedded import Embedded, EmbeddedServers
from ordering_jobs.redis_settings import redis_settings
from support import payloads
from support.api import ORDERS, Api, running_api
from support.processes import kill, started, until
from support.queue import put, record, states

GOOD = payloads.order(items=[payloads.item("1"), payloads.item("2")])


async def created(database: Database) -> list[UUID]:
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT id FROM customer_order ORDER BY number")
    return [row["id"] for row in rows]


async def all_created_once(database: Database, ids: list[UUID], *, lines: int = 2) -> None:
    """Wait until every record has ended, then check that each made exactly one order."""

    async def ended() -> bool:
        return await states(database) == {"completed": len(ids)}

    await until(ended)
    assert sorted(await created(database)) == sorted(ids)
    async with database.acquire() as connection:
        counts = [
            await connection.fetchval(f"SELECT count(*) FROM {table}")
            for table in ("order_line_item", "order_revision", "order_event")
        ]
    assert counts == [len(ids) * lines, len(ids), len(ids)]


@asynccontextmanager
async def stuck_inserts(database: Database) -> AsyncGenerator[None]:
    """Keep every insert of an order waiting until the block is left."""
    async with database.transaction() as connection:
        await connection.execute("LOCK TABLE customer_order IN SHARE MODE")
        yield


async def waiting_inserts(database: Database) -> int:
    async with database.acquire() as connection:
        return await connection.fetchval(
            """SELECT count(*) FROM pg_locks
               WHERE relation = 'customer_order'::regclass AND NOT granted"""
        )


async def have_inserts_waiting(database: Database, number: int) -> bool:
    return await waiting_inserts(database) == number


@pytest.fixture
def environment(demo_url: str, servers: EmbeddedServers) -> dict[str, str]:
    return {"database_url": demo_url, "redis_url": servers.redis_url, "queue_lease_s": "1"}


async def test_a_worker_killed_in_the_middle_of_a_batch(
    demo_database: Database, environment: dict[str, str]
) -> None:
    ids = await put(demo_database, *[GOOD] * 1500)
    with started("worker", **environment) as worker:

        async def half_way() -> bool:
            return len(await created(demo_database)) >= 300

        await until(half_way)
        async with stuck_inserts(demo_database):
            # Three batches are being written.
            await until(lambda: have_inserts_waiting(demo_database, 3))
            kill(worker)
            before = await states(demo_database)
            assert before["in_progress"] == 300
            assert before["completed"] < 1500
    with started("worker", **environment):
        await all_created_once(demo_database, ids)


async def test_workers_killed_again_and_again(
    demo_database: Database, environment: dict[str, str]
) -> None:
    ids = await put(demo_database, *[GOOD] * 600)
    for share in (100, 300):
        with (
            started("worker", queue_batch="20", **environment) as one,
            started("worker", queue_batch="20", **environment) as other,
        ):

            async def progress(share: int = share) -> bool:
                return len(await created(demo_database)) >= share

            await until(progress)
            kill(one)
            kill(other)
    with started("worker", **environment):
        await all_created_once(demo_database, ids)


async def test_a_flushed_valkey_loses_nothing(
    demo_database: Database, demo_url: str, environment: dict[str, str]
) -> None:
    redis = await create_pool(redis_settings(environment["redis_url"], retries=3))
    async with running_api(demo_database, demo_url, environment["redis_url"]) as api:
        identities: list[UUID] = []

        async def accept() -> None:
            response = await api.post(f"{ORDERS}?mode=async", GOOD)
            assert response.status_code == 202
            identities.append(UUID(response.json()["orderId"]))

        for _ in range(50):
            await asyncio.gather(*(accept() for _ in range(10)))
        await cast("Any", redis).flushall()
        with started("worker", **environment):
            for _ in range(50):
                await asyncio.gather(*(accept() for _ in range(10)))
                await cast("Any", redis).flushall()
            await all_created_once(demo_database, identities)
    await redis.aclose(close_connection_pool=True)


async def test_while_valkey_is_dead_orders_are_accepted_and_created_when_it_is_back(
    demo_database: Database,
    demo_url: str,
    embedded: Embedded,
    environment: dict[str, str],
) -> None:
    async with running_api(demo_database, demo_url, environment["redis_url"]) as api:
        with started("worker", **environment) as worker:
            os.kill(embedded.servers.valkey_pid, signal.SIGKILL)
            try:
                identities = [
                    UUID((await api.post(f"{ORDERS}?mode=async", GOOD)).json()["orderId"])
                    for _ in range(20)
                ]
                assert (await api.http.get("/readyz")).status_code == 200
            finally:
                await asyncio.to_thread(embedded.restart_valkey)
            await all_created_once(demo_database, identities)
            assert worker.poll() is None


async def test_postgres_restarted_under_the_worker(
    demo_database: Database, embedded: Embedded, environment: dict[str, str]
) -> None:
    ids = await put(demo_database, *[GOOD] * 300)
    with started("worker", queue_batch="10", **environment) as worker:

        async def some() -> bool:
            return len(await created(demo_database)) >= 30

        await until(some)
        await asyncio.to_thread(embedded.restart_postgres)
        await until(lambda: _answers(demo_database))
        await all_created_once(demo_database, ids)
        assert worker.poll() is None


async def _answers(database: Database) -> bool:
    try:
        await states(database)
    except Exception:  # noqa: BLE001 - any failure means: not yet
        return False
    return True


async def test_sigterm_finishes_the_batches_in_hand(
    demo_database: Database, environment: dict[str, str]
) -> None:
    ids = await put(demo_database, *[GOOD] * 500)
    with started("worker", **environment) as worker:
        async with stuck_inserts(demo_database):
            await until(lambda: have_inserts_waiting(demo_database, 3))
            worker.send_signal(signal.SIGTERM)
        worker.wait(30)
        assert worker.returncode == 0
    left = await states(demo_database)
    assert "in_progress" not in left
    assert left["completed"] >= 300
    # Of the batches in hand any may be the first to be written.
    assert set(await created(demo_database)) == set(ids[: left["completed"]])


async def test_two_thousand_lines_are_accepted_and_created(
    api: Api, environment: dict[str, str]
) -> None:
    large = payloads.order(items=[payloads.item(str(number)) for number in range(2000)])
    response = await api.post(f"{ORDERS}?mode=async", large)
    assert response.status_code == 202
    identity = UUID(response.json()["orderId"])
    with started("worker", **environment):
        await all_created_once(api.database, [identity], lines=2000)
    order = (await api.get(f"{ORDERS}/{identity.hex}")).json()
    assert [item["id"] for item in order["productOrderItem"]] == [str(n) for n in range(2000)]
    assert (await record(api.database, identity))["attempts"] == 1
