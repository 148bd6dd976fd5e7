"""The engine against an oracle: any document, over odd orders, is answered the same by both.

`GRAPHQL_EXAMPLES` documents are tried, always the same ones; with `GRAPHQL_SEED=random` others.
"""

import os
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

import msgspec
import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from ordering.access.roles import Permission
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import Engine, Question
from support.graphql_documents import Asked, Pool, documents
from support.graphql_oracle import SCHEMA, Oracle, comparable
from support.graphql_orders import make_orders, make_pool
from support.graphql_world import exact, load_world
from support.servers import DYNAMIC_TABLES, empty, new_database

EXAMPLES = int(os.environ.get("GRAPHQL_EXAMPLES", "400"))
SAME = os.environ.get("GRAPHQL_SEED") != "random"


class Prepared(NamedTuple):
    """A database with odd orders, the oracle over the same, and what to ask for."""

    database: Database
    oracle: Oracle
    pool: Pool


@pytest.fixture(scope="module")
async def prepared(servers: EmbeddedServers) -> AsyncGenerator[Prepared]:
    """Read once: nothing of it is changed."""
    url = await new_database(servers, "tests_differential", demo=True)
    async with empty(url, DYNAMIC_TABLES) as database:
        keeper = CatalogKeeper(database, check_s=60)
        await keeper.refresh()
        await make_orders(database, keeper)
        world = await load_world(database)
        yield Prepared(database, Oracle(world), make_pool(world))


@settings(
    max_examples=EXAMPLES,
    derandomize=SAME,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)
@given(data=st.data())
async def test_any_document_is_answered_as_the_oracle_answers_it(
    engine: Engine, prepared: Prepared, data: st.DataObject
) -> None:
    asked = data.draw(documents(SCHEMA, prepared.pool))
    may = tuple(Permission)
    if data.draw(st.integers(0, 9)) == 0:
        may = (Permission.READ_ORDERS,)
    document = parse(asked.query)
    answer = await _ask(engine, prepared.database, asked, may)
    if validate(SCHEMA, document):
        event("refused")
        assert _codes(answer) == {"InvalidDocument"}, answer
        return
    expected = prepared.oracle.answer(asked.query, asked.variables, may)
    event("errors" if expected.errors else "data")
    if expected.errors:
        assert _arguments(answer) == expected.errors
        assert "data" not in answer
    else:
        assert "errors" not in answer, answer["errors"]
        assert comparable(answer["data"]) == expected.data


async def _ask(engine: Engine, database: Database, asked: Asked, may: Any) -> Any:
    sent = msgspec.json.decode(msgspec.json.encode(asked.variables))
    answered = await engine.answer(Question(asked.query, sent), database, may)
    return exact(answered.body)


def _codes(answer: Any) -> set[str]:
    return {error["extensions"]["code"] for error in answer["errors"]}


def _arguments(answer: Any) -> set[tuple[str, str]]:
    found = [error["extensions"] for error in answer["errors"]]
    return {(each["code"], each.get("argument")) for each in found}
