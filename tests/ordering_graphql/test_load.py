"""What the statements of GraphQL leave to the other faces, and what PostgreSQL refuses."""

import asyncio
from typing import Any

import msgspec
import pytest

from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_graphql.engine import Engine, Question, make_engine

QUERY = Question("{ orders { totalCount } }")
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT concat(%' AND state = $1"


def planned(engine: Engine, monkeypatch: pytest.MonkeyPatch, **members: Any) -> None:
    """Let an engine run another plan than that of the document."""
    plan = engine.documents.plan

    def replaced(*asked: Any) -> Any:
        return msgspec.structs.replace(plan(*asked), **members)

    monkeypatch.setattr(engine.documents, "plan", replaced)


async def test_documents_leave_connections_to_the_other_faces(demo_database: Database) -> None:
    engine = make_engine(Settings(database_pool_size=7, graphql_timeout_ms=30_000))
    async with demo_database.transaction() as locking:
        await locking.execute("LOCK TABLE customer_order")
        asked = [asyncio.create_task(engine.answer(QUERY, demo_database, ())) for _ in range(12)]
        async with asyncio.timeout(20), demo_database.acquire() as free:
            seen = [await free.fetchval(RUNNING, "active") for _ in range(100)]
        assert max(seen) == 3
    answers = await asyncio.gather(*asked)
    assert [b'"totalCount":0' in answer.body for answer in answers] == [True] * 12


async def test_the_wait_for_a_connection_belongs_to_the_time(demo_database: Database) -> None:
    engine = make_engine(Settings(database_pool_size=1, graphql_timeout_ms=200))
    async with demo_database.transaction() as locking:
        await locking.execute("LOCK TABLE customer_order")
        answers = await asyncio.gather(*(engine.answer(QUERY, demo_database, ()) for _ in range(2)))
    codes = [msgspec.json.decode(each.body)["errors"][0]["extensions"]["code"] for each in answers]
    assert codes == ["Timeout", "Retryable"]


async def test_an_answer_that_postgresql_cannot_hold_is_refused(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(Settings())
    planned(engine, monkeypatch, sql="SELECT repeat('x', 1 << 30)")
    answer = await engine.answer(QUERY, demo_database, ())
    assert answer.status == 200
    assert msgspec.json.decode(answer.body)["errors"] == [
        {
            "message": "The answer is too large: ask for less at once",
            "extensions": {"code": "CostExceeded"},
        }
    ]
