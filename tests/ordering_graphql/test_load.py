"""What the statements of GraphQL leave to the other faces, and what PostgreSQL refuses."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import msgspec
import pytest

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_graphql.engine import ASKERS, Engine, MisuseError, Question, make_engine
from support.wrapping import WrappedConnection, WrappedDatabase

T = TypeVar("T")
QUERY = Question("{ orders { totalCount nodes { id } } }")
RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT CASE%' AND state = $1"


class Arrivals(WrappedConnection):
    """A connection that notes what arrives from PostgreSQL."""

    def __init__(self, inner: Connection, arrived: list[object]) -> None:
        super().__init__(inner)
        self._arrived = arrived

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        del query, args
        answer = await send()
        self._arrived.append(answer)
        return answer


class Closing(WrappedConnection):
    """A connection that is closed before its statement."""

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        del query, args
        await cast("Any", self.inner).close()
        return await send()


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
        asked = [
            asyncio.create_task(engine.answer(QUERY, demo_database, ASKERS)) for _ in range(12)
        ]
        async with asyncio.timeout(20), demo_database.acquire() as free:
            seen = [await free.fetchval(RUNNING, "active") for _ in range(100)]
        assert max(seen) == 3
    answers = await asyncio.gather(*asked)
    assert [b'"totalCount":0' in answer.body for answer in answers] == [True] * 12


async def test_the_wait_for_a_connection_belongs_to_the_time(demo_database: Database) -> None:
    engine = make_engine(Settings(database_pool_size=1, graphql_timeout_ms=200))
    async with demo_database.transaction() as locking:
        await locking.execute("LOCK TABLE customer_order")
        answers = await asyncio.gather(
            *(engine.answer(QUERY, demo_database, ASKERS) for _ in range(2))
        )
    codes = [msgspec.json.decode(each.body)["errors"][0]["extensions"]["code"] for each in answers]
    assert codes == ["Timeout", "Retryable"]


#: Functions refuse to make a gigabyte, operators to ask for the memory.
GIGABYTES = [
    "SELECT repeat('x', 1 << 30)",
    "SELECT half || half FROM (SELECT repeat('x', 1 << 29) AS half OFFSET 0) AS made",
]


@pytest.mark.parametrize("gigabyte", GIGABYTES)
async def test_an_answer_that_postgresql_cannot_hold_is_refused(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch, gigabyte: str
) -> None:
    engine = make_engine(Settings())
    planned(engine, monkeypatch, sql=gigabyte)
    answer = await engine.answer(QUERY, demo_database, ASKERS)
    assert answer.status == 200
    assert msgspec.json.decode(answer.body)["errors"] == [
        {
            "message": "The answer is larger than 33554432 bytes: ask for less at once",
            "extensions": {"code": "CostExceeded"},
        }
    ]


@pytest.mark.parametrize(("letters", "codes"), [(1_000, []), (1_001, ["CostExceeded"])])
async def test_an_answer_has_as_many_bytes_as_it_may(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch, letters: int, codes: list[str]
) -> None:
    engine = make_engine(Settings(graphql_max_answer_bytes=2_002))
    planned(engine, monkeypatch, sql=f"SELECT concat('\"', repeat('é', {letters}), '\"')")
    answer = msgspec.json.decode((await engine.answer(QUERY, demo_database, ASKERS)).body)
    assert answer.get("data") == (None if codes else "é" * letters)
    assert [each["extensions"]["code"] for each in answer.get("errors", ())] == codes


async def test_an_answer_that_is_too_large_is_not_sent(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(Settings(graphql_max_answer_bytes=10))
    arrived: list[object] = []
    planned(engine, monkeypatch, sql="SELECT repeat('x', 11)")
    database = WrappedDatabase(demo_database, lambda inner: Arrivals(inner, arrived))
    await engine.answer(QUERY, database, ASKERS)
    assert arrived == [None]


async def test_values_that_do_not_fit_their_statement_are_a_defect(
    demo_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(Settings())
    planned(engine, monkeypatch, sql="SELECT $1::int::text")
    with pytest.raises(MisuseError):
        await engine.answer(QUERY, demo_database, ASKERS)


async def test_a_connection_that_is_closed_is_an_outage(demo_database: Database) -> None:
    engine = make_engine(Settings())
    answer = await engine.answer(QUERY, WrappedDatabase(demo_database, Closing), ASKERS)
    assert answer.status == 503
    (error,) = msgspec.json.decode(answer.body)["errors"]
    assert error["extensions"] == {"code": "Retryable"}
