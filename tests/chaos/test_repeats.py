"""An API process killed around the commit of a request with a key: the repeat does what is left."""

import asyncio

import httpx
import pytest

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from support import payloads
from support.api import ORDERS, PASSWORD
from support.locks import waiters
from support.processes import kill, until
from support.serving import serving

PATHS = [ORDERS, f"{ORDERS}?mode=async"]
GATE = 4711


async def send(url: str, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        return await http.post(
            path,
            auth=("cpq", PASSWORD),
            content=payloads.to_json(payloads.order(externalId="PO-1")),
            headers={"Content-Type": "application/json", "Idempotency-Key": "k-1"},
        )


async def made(database: Database) -> list[int]:
    """Count orders, queued requests and kept answers."""
    tables = ("customer_order", "inbound_request", "idempotency_key")
    async with database.acquire() as connection:
        return [await connection.fetchval(f"SELECT count(*) FROM {each}") for each in tables]


async def gone(database: Database) -> bool:
    """Tell whether nobody but this test is at work in the database."""
    async with database.acquire() as connection:
        others = await connection.fetchval(
            """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()
                 AND state <> 'idle'"""
        )
    return others == 0


@pytest.fixture(autouse=True)
async def client(demo_database: Database) -> None:
    await save_client(demo_database, "cpq", PASSWORD, [Role.ORDER_INTEGRATOR])


@pytest.mark.parametrize("path", PATHS)
async def test_killed_before_the_commit_nothing_is_left(
    demo_database: Database, demo_url: str, servers: EmbeddedServers, path: str
) -> None:
    table = "inbound_request" if "async" in path else "customer_order"
    async with serving(demo_url, servers.redis_url) as (url, process):
        async with demo_database.transaction() as connection:
            await connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
            sending = asyncio.create_task(send(url, path))
            async with demo_database.acquire() as watching:
                await waiters(watching, 1)
            kill(process)
        with pytest.raises(httpx.HTTPError):
            await sending
        await until(lambda: gone(demo_database))
        assert await made(demo_database) == [0, 0, 0]
    async with serving(demo_url, servers.redis_url) as (url, _):
        repeat = await send(url, path)
    assert repeat.status_code in (201, 202)
    assert "idempotency-replayed" not in repeat.headers


@pytest.mark.parametrize("path", PATHS)
async def test_killed_between_commit_and_answer_the_repeat_is_answered(
    demo_database: Database, demo_url: str, servers: EmbeddedServers, path: str
) -> None:
    async with demo_database.acquire() as connection:
        # Runs when the transaction is committing: the order of the client to commit is given.
        await connection.execute(
            f"""CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_advisory_xact_lock({GATE}); RETURN NULL; END $$"""
        )
        await connection.execute(
            """CREATE CONSTRAINT TRIGGER wait_at_commit AFTER INSERT ON idempotency_key
               DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_at_commit()"""
        )
        try:
            async with serving(demo_url, servers.redis_url) as (url, process):
                async with demo_database.transaction() as gate:
                    await gate.execute(f"SELECT pg_advisory_xact_lock({GATE})")
                    sending = asyncio.create_task(send(url, path))
                    await waiters(connection, 1)
                    kill(process)
                with pytest.raises(httpx.HTTPError):
                    await sending
                await until(lambda: gone(demo_database))
        finally:
            await connection.execute("DROP FUNCTION wait_at_commit CASCADE")
    before = await made(demo_database)
    assert before == ([0, 1, 1] if "async" in path else [1, 0, 1])
    async with serving(demo_url, servers.redis_url) as (url, _):
        repeat = await send(url, path)
    assert repeat.status_code in (201, 202)
    assert repeat.headers["idempotency-replayed"] == "true"
    assert await made(demo_database) == before
