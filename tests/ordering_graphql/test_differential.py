"""The engine against an oracle: any document, over odd orders, is answered the same by both.

Always the same documents are tried; `GRAPHQL_EXAMPLES` says how many, `GRAPHQL_SEED` which others.
"""

import os
from collections.abc import AsyncGenerator
from random import Random
from typing import Any, NamedTuple, cast

import msgspec
import pytest
from graphql import GraphQLObjectType, parse, validate

from ordering.access.roles import Permission
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering_app.embedded import EmbeddedServers
from ordering_graphql.engine import ASKERS, Engine, Question
from support.graphql_documents import Asked, Pool, any_document, every_field
from support.graphql_oracle import SCHEMA, Oracle, comparable
from support.graphql_orders import make_orders, make_pool
from support.graphql_world import exact, load_world
from support.servers import DYNAMIC_TABLES, empty, new_database

EXAMPLES = int(os.environ.get("GRAPHQL_EXAMPLES", "250"))
SEED = int(os.environ.get("GRAPHQL_SEED", "0"))


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


async def test_any_document_is_answered_as_the_oracle_answers_it(
    engine: Engine, prepared: Prepared
) -> None:
    different: list[tuple[Asked, Any]] = []
    for number in range(EXAMPLES):
        dice = Random(f"{SEED} {number}")
        asked = any_document(dice, SCHEMA, prepared.pool)
        may = tuple(Permission) if dice.random() < 0.8 else (dice.choice(ASKERS),)
        difference = await _compare(engine, prepared, asked, may)
        if difference is not None:
            different.append((asked, difference))
    shortest = min(different, key=lambda each: len(each[0].query), default=None)
    assert shortest is None, f"{len(different)} differ: {shortest[1]} for {shortest[0]}"


@pytest.mark.parametrize("query", list(every_field(SCHEMA)))
async def test_every_field_is_answered_as_the_oracle_answers_it(
    engine: Engine, prepared: Prepared, query: str
) -> None:
    assert await _compare(engine, prepared, Asked(query, {}), tuple(Permission)) is None


def test_every_field_had_a_value(prepared: Prepared) -> None:
    fields = {
        (kind.name, name)
        for kind in SCHEMA.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        if kind is not SCHEMA.subscription_type
        for name in kind.fields
    }
    assert fields - prepared.oracle.shown == set()


async def _compare(engine: Engine, prepared: Prepared, asked: Asked, may: Any) -> Any:
    """Ask both; return what is different, None if nothing is."""
    sent = msgspec.json.decode(msgspec.json.encode(asked.variables))
    answered = await engine.answer(Question(asked.query, sent), prepared.database, may)
    answer = exact(answered.body)
    errors = {_shown(error) for error in answer.get("errors", ())}
    if validate(SCHEMA, parse(asked.query)):
        return None if {code for code, _ in errors} == {"InvalidDocument"} else errors
    expected = prepared.oracle.answer(asked.query, asked.variables, may)
    if errors != expected.errors:
        return errors, expected.errors
    return _difference(comparable(answer.get("data")), expected.data, "data")


def _shown(error: Any) -> tuple[str, str | None]:
    return error["extensions"]["code"], error["extensions"].get("argument")


def _difference(one: Any, other: Any, at: str) -> Any:
    """Find where two answers differ first; the order of members counts too."""
    pairs: list[tuple[str, Any, Any]] = []
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        if list(ours) != list(theirs):
            return at, list(ours), list(theirs)
        pairs = [(f"{at}.{name}", ours[name], theirs[name]) for name in ours]
    elif isinstance(one, list) and isinstance(other, list):
        rows, others = cast("list[Any]", one), cast("list[Any]", other)
        if len(rows) != len(others):
            return at, len(rows), len(others)
        pairs = [(f"{at}[{n}]", row, others[n]) for n, row in enumerate(rows)]
    else:
        return None if one == other else (at, one, other)
    found = (_difference(left, right, path) for path, left, right in pairs)
    return next((each for each in found if each is not None), None)
