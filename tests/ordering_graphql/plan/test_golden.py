"""The statements of documents that portals use, as files: a change of the compiler is seen in them.

`GOLDEN=write pytest tests/ordering_graphql/plan/test_golden.py` writes them anew.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest

from ordering.access.roles import Permission
from ordering.db.engine import Database
from ordering_graphql.documents import Documents
from ordering_graphql.engine import ASKERS, Engine, Question
from ordering_graphql.plan.binding import Asker
from ordering_graphql.schema import NODE_SOURCES, make_schema
from support.counting import CountingDatabase

FOLDER = Path(__file__).parent.parent / "golden"
VARIABLES: dict[str, dict[str, Any]] = {
    "order-list": {
        "first": 20,
        "after": "WzEsIkNSRUFURURfREVTQyIsN10",
        "filter": {"state": {"in": ["new", "in_progress"]}, "party": "P"},
    },
    "order-tree": {"id": "0" * 32},
    "tracking": {"externalId": "PO-1"},
    "failed-requests": {},
}
DOCUMENTS = Documents(make_schema(), NODE_SOURCES, introspection=False)


def laid_out(sql: str) -> str:
    """Put each clause in a line of its own, so that differences can be read."""
    return re.sub(r" (?=FROM |WHERE |ORDER BY |LEFT JOIN )|(?=\(SELECT )", "\n", sql) + "\n"


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_the_statement_is_as_kept(name: str) -> None:
    operation = DOCUMENTS.operation((FOLDER / f"{name}.graphql").read_text(encoding="utf-8"))
    plan = DOCUMENTS.plan(operation, DOCUMENTS.variables(operation, VARIABLES[name]))
    kept = FOLDER / f"{name}.sql"
    if os.environ.get("GOLDEN") == "write":
        kept.write_text(laid_out(plan.sql), encoding="utf-8")
    assert laid_out(plan.sql) == kept.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", sorted(VARIABLES))
async def test_the_statement_is_the_only_one(
    name: str, engine: Engine, demo_database: Database
) -> None:
    counting = CountingDatabase(demo_database)
    query = (FOLDER / f"{name}.graphql").read_text(encoding="utf-8")
    answer = await engine.answer(Question(query, VARIABLES[name]), counting, tuple(Permission))
    assert answer.body.startswith(b'{"data":{"')
    assert len(counting.statements) == 1


def test_a_plan_serves_all_values_of_one_shape() -> None:
    operation = DOCUMENTS.operation(
        "query ($f: OrderFilter, $n: Int, $yes: Boolean = true) {"
        " orders(filter: $f, first: $n) { totalCount @include(if: $yes) nodes { id } } }"
    )

    def plan_of(**sent: Any) -> object:
        return DOCUMENTS.plan(operation, DOCUMENTS.variables(operation, sent))

    one = plan_of(f={"externalId": {"in": ["a"]}}, n=5)
    assert plan_of(f={"externalId": {"in": ["b", "c"]}}, n=5) is one
    assert plan_of(f={"externalId": {"in": ["a"]}}, n=5, yes=True) is one
    for other in (
        {"f": {"externalId": {"in": ["a"]}}, "n": 6},
        {"f": {"externalId": {"in": ["a"]}}},
        {"f": {"externalId": {"in": None}}, "n": 5},
        {"f": {"externalId": {"eq": "a"}}, "n": 5},
        {"f": {"or": [{"externalId": {"in": ["a"]}}]}, "n": 5},
        {"f": {"externalId": {"in": ["a"]}}, "n": 5, "yes": False},
    ):
        assert plan_of(**other) is not one


def test_values_of_json_and_wrong_sizes_make_no_plans() -> None:
    operation = DOCUMENTS.operation(
        "query ($v: JSON, $n: Int) { orders(first: $n,"
        " filter: {lineItem: {characteristic: {value: $v}}}) { totalCount } }"
    )

    def plan_of(**sent: Any) -> object:
        return DOCUMENTS.plan(operation, DOCUMENTS.variables(operation, sent))

    one = plan_of(v=1, n=20_000)
    for value in (2, True, "a", [1], [{"a": 1}], {"a": {"b": 1}}):
        assert plan_of(v=value, n=20_001) is one
    assert plan_of(v=1, n=0) is plan_of(v=1, n=-1)
    assert plan_of(v=None, n=20_000) is not one


def test_values_never_are_in_the_statement() -> None:
    operation = DOCUMENTS.operation(
        """{ orders(filter: {externalId: {eq: "'; DROP TABLE x; --"}, party: "secret",
             lineItem: {characteristic: {name: "secret", value: {secret: "secret"}}}}) {
             nodes { lineItems { nodes { characteristics(names: ["secret"]) { value } } } } } }"""
    )
    variables = DOCUMENTS.variables(operation, {})
    plan = DOCUMENTS.plan(operation, variables)
    assert "secret" not in plan.sql
    assert "DROP" not in plan.sql
    values, wrong = plan.bind(Asker(variables.coerced, ASKERS))
    assert wrong == []
    assert sorted(map(str, values)) == sorted(
        ["'; DROP TABLE x; --", "secret", "secret", '{"secret":"secret"}', "['secret']"]
    )
