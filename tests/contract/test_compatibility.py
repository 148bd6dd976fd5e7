"""The contract breaks no client of the last released one; and the check finds what would."""

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ordering_rest.contract import CONTRACTS, read_contract
from support.compatibility import breaks
from support.sources import ROOT

RELEASED = ROOT / "openapi" / "released"

#: What breaks in the letter, by file: pattern of the place, and why no client notices.
ACCEPTED: dict[str, dict[str, str]] = {
    "product-ordering": {
        r"GET /api/sn_ind_tmt_orm/order/productOrder(/\{id\})? 20[06].*": (
            "parts of orders are answered to whom asks for them with `fields`, which is new"
        )
    }
}


def newest_released(name: str) -> Path:
    """Find the newest released file of a contract."""
    found = {
        tuple(map(int, released[1].split("."))): path
        for path in RELEASED.iterdir()
        if (released := re.fullmatch(rf"{name}-(\d+\.\d+\.\d+)\.yaml", path.name))
    }
    return found[max(found)]


@pytest.mark.parametrize("name", CONTRACTS)
def test_no_client_of_the_released_contract_breaks(name: str) -> None:
    released = yaml.safe_load(newest_released(name).read_bytes())
    found = breaks(released, read_contract(name))
    accepted = ACCEPTED.get(name, {})
    unexpected = [each for each in found if not any(re.fullmatch(p, each.at) for p in accepted)]
    unused = {p for p in accepted if not any(re.fullmatch(p, each.at) for each in found)}
    assert (unexpected, unused) == ([], set())


def test_released_files_tell_their_version() -> None:
    for path in RELEASED.iterdir():
        version = yaml.safe_load(path.read_bytes())["info"]["version"]
        assert path.stem.endswith(f"-{version}"), path.name


# -- the check itself ------------------------------------------------------------------------------
def a_contract() -> dict[str, Any]:
    """A small contract with everything that is compared."""
    thing: dict[str, Any] = {
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": {"type": "string", "maxLength": 40, "pattern": "^[a-z]+$"},
            "kind": {"enum": ["big", "small"]},
            "tags": {"type": ["array", "null"], "maxItems": 5, "items": {"type": "string"}},
            "parent": {"$ref": "#/components/schemas/Thing"},
            "price": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]},
        },
        "additionalProperties": True,
    }
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
    answer = {"description": "A thing", "content": copy.deepcopy(content)}
    operation: dict[str, Any] = {
        "parameters": [{"name": "limit", "in": "query", "schema": {"maximum": 100}}],
        "requestBody": {"content": content},
        "responses": {
            "200": answer | {"headers": {"ETag": {"required": True, "schema": {}}}},
            "404": {"$ref": "#/components/responses/NotFound"},
        },
    }
    return {
        "security": [{"basic": []}],
        "paths": {"/things": {"post": operation, "get": {"responses": {"200": answer}}}},
        "components": {
            "schemas": {"Thing": thing},
            "responses": {"NotFound": {"description": "None", "content": {}}},
        },
    }


def post_of(contract: dict[str, Any]) -> dict[str, Any]:
    """The operation that has everything."""
    return contract["paths"]["/things"]["post"]


def members_of(contract: dict[str, Any]) -> dict[str, Any]:
    """The members of the object that is sent and answered."""
    return contract["components"]["schemas"]["Thing"]["properties"]


def thing_of(contract: dict[str, Any]) -> dict[str, Any]:
    """The object that is sent and answered."""
    return contract["components"]["schemas"]["Thing"]


POST = "POST /things"
BODY = "POST /things body"
JSON = "application/json"
ANSWER = "POST /things 200"

Change = Callable[[dict[str, Any]], object]

#: By what it breaks (place, part of the text): a change of the small contract.
BREAKING: list[tuple[str, str, Change]] = [
    (POST, "is gone", lambda c: c["paths"].pop("/things")),
    ("GET /things", "is gone", lambda c: c["paths"]["/things"].pop("get")),
    (POST, "other credentials", lambda c: post_of(c).update(security=[{"token": []}])),
    (f"{POST} query limit", "is gone", lambda c: post_of(c).update(parameters=[])),
    (
        f"{POST} query limit",
        "is required now",
        lambda c: post_of(c)["parameters"][0].update(required=True),
    ),
    (
        f"{POST} query new",
        "is required now",
        lambda c: post_of(c)["parameters"].append(
            {"name": "new", "in": "query", "required": True, "schema": {}}
        ),
    ),
    (
        f"{POST} query limit",
        "is beyond maximum",
        lambda c: post_of(c)["parameters"][0]["schema"].update(maximum=50),
    ),
    (f"{POST} body", "is required now", lambda c: post_of(c)["requestBody"].update(required=True)),
    (f"{BODY} {JSON}", "is gone", lambda c: post_of(c)["requestBody"]["content"].clear()),
    (
        f"{ANSWER} {JSON}",
        "is gone",
        lambda c: post_of(c)["responses"]["200"].pop("content"),
    ),
    (ANSWER, "is gone", lambda c: post_of(c)["responses"].pop("200")),
    (f"{POST} 404", "is gone", lambda c: post_of(c)["responses"].pop("404")),
    (
        f"{ANSWER} header ETag",
        "is gone",
        lambda c: post_of(c)["responses"]["200"]["headers"].clear(),
    ),
    (
        f"{ANSWER} header ETag",
        "may be absent now",
        lambda c: post_of(c)["responses"]["200"]["headers"]["ETag"].pop("required"),
    ),
    (BODY, "may lack what is required (kind)", lambda c: thing_of(c)["required"].append("kind")),
    (
        ANSWER,
        "may lack what is required (id)",
        lambda c: thing_of(c)["required"].clear(),
    ),
    (f"{ANSWER} /tags", "is gone", lambda c: members_of(c).pop("tags")),
    (f"{BODY} /tags", "is gone", lambda c: members_of(c).pop("tags")),
    (f"{BODY} /kind", "not taken (\"big\")", lambda c: members_of(c)["kind"]["enum"].pop(0)),
    (
        f"{ANSWER} /kind",
        "not taken (\"huge\")",
        lambda c: members_of(c)["kind"]["enum"].append("huge"),
    ),
    (f"{BODY} /id", "is beyond maxLength", lambda c: members_of(c)["id"].update(maxLength=39)),
    (f"{BODY} /id", "is beyond minLength", lambda c: members_of(c)["id"].update(minLength=1)),
    (
        f"{ANSWER} /id",
        "is beyond maxLength",
        lambda c: members_of(c)["id"].pop("maxLength"),
    ),
    (f"{BODY} /id", "does not fit pattern", lambda c: members_of(c)["id"].update(pattern="^a$")),
    (
        f"{BODY} /tags",
        "types that are not taken (null)",
        lambda c: members_of(c)["tags"].update(type="array"),
    ),
    (
        f"{BODY} /tags /*",
        "types that are not taken",
        lambda c: members_of(c)["tags"].update(items={"type": "integer"}),
    ),
    (
        f"{BODY} /price",
        "types that are not taken (string)",
        lambda c: members_of(c)["price"]["anyOf"].pop(),
    ),
    (
        f"{ANSWER} /price",
        "types that are not taken (null)",
        lambda c: members_of(c)["price"]["anyOf"].append({"type": "null"}),
    ),
    (BODY, "members that are not taken", lambda c: thing_of(c).update(additionalProperties=False)),
    (BODY, "does not fit not", lambda c: thing_of(c).update({"not": {"required": ["tags"]}})),
    (
        BODY,
        "may lack what is required (tags)",
        lambda c: thing_of(c).update(allOf=[{"required": ["tags"]}]),
    ),
]  # fmt: skip

#: Changes that break nobody, seen from the one side or from both.
HARMLESS: dict[str, Change] = {
    "a new path": lambda c: c["paths"].update({"/more": c["paths"]["/things"]}),
    "a new optional parameter": lambda c: post_of(c)["parameters"].append(
        {"name": "new", "in": "query", "schema": {"type": "string"}}
    ),
    "a wider parameter": lambda c: post_of(c)["parameters"][0]["schema"].update(maximum=200),
    "a new answer": lambda c: post_of(c)["responses"].update({"412": {"description": "Old"}}),
    "a new optional member": lambda c: members_of(c).update(note={"type": "string"}),
    "a schema by another name": lambda c: c["components"]["schemas"].update(
        Other=thing_of(c), Thing={"$ref": "#/components/schemas/Other"}
    ),
    "words": lambda c: thing_of(c).update(description="A thing", examples=[{"id": "a"}]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("at", "what", "change"), BREAKING, ids=[f"{a} {w}" for a, w, _ in BREAKING]
)
def test_each_kind_of_break_is_found(at: str, what: str, change: Change) -> None:
    new = a_contract()
    change(new)
    assert [each for each in breaks(a_contract(), new) if each.at == at and what in each.what]


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_harmless_changes_are_none(change: Change) -> None:
    new = a_contract()
    change(new)
    assert new != a_contract()
    assert breaks(a_contract(), new) == []
