"""The page for portal developers: its documents are valid, its files exist, its codes are ours."""

import re
from pathlib import Path

import pytest
from graphql import parse, validate

from ordering_graphql.limits import measure
from ordering_graphql.schema import NODE_SOURCES, make_schema
from support.sources import ROOT

PAGE = (ROOT / "docs/graphql.md").read_text(encoding="utf-8")
OPERATIONS = sorted((ROOT / "graphql/operations").glob("*.graphql"))
SNIPPETS: list[str] = re.findall(r"```graphql\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [*SNIPPETS, *(path.read_text(encoding="utf-8") for path in OPERATIONS)],
)
def test_documents_are_valid(text: str) -> None:
    document = parse(text)
    assert measure(document) == []
    assert validate(make_schema(), document) == []


def test_every_operation_is_told_of_and_exists() -> None:
    told = set(re.findall(r"operations/([\w-]+\.graphql)", PAGE))
    assert told == {path.name for path in OPERATIONS}


def test_every_type_of_node_is_told_of() -> None:
    (names,) = re.findall(r"possibleTypes: \{ Node: \[(.*?)\]", PAGE)
    assert set(re.findall(r'"(\w+)"', names)) == set(NODE_SOURCES)


def test_every_code_is_used_by_the_sources() -> None:
    table = PAGE.partition("| Code |")[2].partition("##")[0]
    codes = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in [
            *Path(ROOT / "graphql").rglob("*.py"),
            ROOT / "app/ordering/domain/errors.py",
        ]
    )
    assert len(codes) == 8
    for code in codes:
        assert f'"{code}"' in sources or f"class {code}Error" in sources, code
