"""How SQL values are written as JSON."""

from typing import cast

import pytest
from graphql import GraphQLScalarType

from ordering.db.engine import Database
from ordering.db.json_text import chain
from ordering_graphql.plan.forms import show
from ordering_graphql.schema import make_schema


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        ("'2026-11-22T10:00:00.5Z'", '"2026-11-22T10:00:00.500Z"'),
        ("'-infinity'", '"0001-01-01T00:00:00.000Z"'),
        # Nothing of ours writes it, but a row that somebody wrote by hand must not vanish.
        ("'infinity'", "null"),
        ("NULL", "null"),
    ],
)
async def test_a_moment_that_need_not_be_there(
    database: Database, moment: str, written: str
) -> None:
    kind = cast("GraphQLScalarType", make_schema().type_map["DateTime"])
    text = chain(show(f"({moment}::timestamptz)", kind))
    async with database.acquire() as connection:
        assert await connection.fetchval(f"SELECT {text}") == written
