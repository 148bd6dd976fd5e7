"""An engine over the demo database, asked without HTTP."""

from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from ordering.access.roles import Permission
from ordering.db.engine import Database
from ordering.settings import Settings
from ordering_graphql.engine import Engine, Question, make_engine
from support.asking import Ask


@pytest.fixture(scope="session")
def engine() -> Engine:
    """An engine as in production, but for its limit of costs."""
    return make_engine(Settings(graphql_max_cost=10**12))


@pytest.fixture
def ask(engine: Engine, demo_database: Database) -> Ask:
    """Ask as somebody who may do everything, unless told otherwise."""

    async def asked(
        query: str, *, permissions: Collection[Permission] = tuple(Permission), **variables: Any
    ) -> Any:
        answer = await engine.answer(Question(query, variables), demo_database, permissions)
        return msgspec.json.decode(answer.body)

    return asked
