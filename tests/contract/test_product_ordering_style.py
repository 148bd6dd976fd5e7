"""The style of the contract file: what a linter would say, as tests.

No linter of OpenAPI files comes as a Python package; these are the rules that ours would switch on
(docs/decisions/0013-contract-tools.md). That the file is valid is tested beside it.
"""

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from support.contract import METHODS, Contract, load_contract, pointer, step

CONTRACT = load_contract()
COMPONENTS: dict[str, dict[str, Any]] = CONTRACT.document["components"]
OPERATIONS = CONTRACT.operations

#: Operations that need no client, and what they do not answer therefore.
OPEN_TO_ALL = {"getLiveness", "getReadiness"}

#: What an operation can be about to do, as the first word of its identity.
VERBS = "cancel|create|get|list|move|pause|redrive|resume|revise"

#: Names of members that others chose: of TM Forum, of RFC 9457.
OTHER_NAMES = {"@referredType", "@type"}


def node_of(operation: str) -> dict[str, Any]:
    """Return what the file says of an operation."""
    return CONTRACT.follow(OPERATIONS[operation].at)[1]


def walk(node: object, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Find every object in the file, with its place; the values of examples are none."""
    if isinstance(node, dict):
        named = cast("dict[str, Any]", node)
        yield at, named
        for name, value in named.items():
            if not (at.startswith("/components/examples/") and name == "value"):
                yield from walk(value, at + pointer(name))
    elif isinstance(node, list):
        for index, value in enumerate(cast("list[object]", node)):
            yield from walk(value, f"{at}/{index}")


# -- the file as a whole ---------------------------------------------------------------------------
def test_components_paths_and_tags_are_sorted() -> None:
    assert list(COMPONENTS) == sorted(COMPONENTS)
    for kind, named in COMPONENTS.items():
        assert list(named) == sorted(named), kind
    tags = [tag["name"] for tag in CONTRACT.document["tags"]]
    assert tags == sorted(tags)
    assert list(CONTRACT.document["paths"]) == sorted(CONTRACT.document["paths"])


def test_every_component_is_used_and_every_reference_leads_somewhere() -> None:
    defined = {
        pointer("components", kind, name)
        for kind, named in COMPONENTS.items()
        if kind != "securitySchemes"
        for name in named
    }
    used = {node["$ref"].removeprefix("#") for _, node in walk(CONTRACT.document) if "$ref" in node}
    assert used == defined


def test_paths_are_plain_and_their_items_hold_nothing_but_operations() -> None:
    for path, item in CONTRACT.document["paths"].items():
        assert re.fullmatch(r"(/(\{id\}|[A-Za-z0-9_]+))+", path)
        assert set(item) <= set(METHODS), path


def test_every_tag_is_described_and_used() -> None:
    described = {tag["name"] for tag in CONTRACT.document["tags"] if tag["description"]}
    assert {tag for one in OPERATIONS for tag in node_of(one)["tags"]} == described


def test_no_member_of_openapi_3_0_is_left() -> None:
    for at, node in walk(CONTRACT.document):
        assert "nullable" not in node, at
        assert not isinstance(node.get("exclusiveMinimum"), bool), at


# -- operations ------------------------------------------------------------------------------------
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_is_described(operation: str) -> None:
    node = node_of(operation)
    assert re.fullmatch(f"({VERBS})[A-Z][A-Za-z]+", operation)
    assert len(node["tags"]) == 1
    assert re.fullmatch(r"[A-Z].{3,60}[^.]", node["summary"])
    assert "description" in node or operation == "getLiveness"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_documents_the_answers_that_it_can_give(operation: str) -> None:
    node = node_of(operation)
    expected = {"500", "503"} - ({"500", "503"} if operation == "getLiveness" else set())
    if operation not in OPEN_TO_ALL:
        expected |= {"401", "403"}
    if "requestBody" in node:
        expected |= {"400", "413"}
        assert CONTRACT.follow(f"{OPERATIONS[operation].at}/requestBody")[1]["required"] is True
    if "{id}" in OPERATIONS[operation].path:
        expected |= {"404"}
    if any(
        one == {"$ref": "#/components/parameters/IfMatch"} for one in node.get("parameters", [])
    ):
        expected |= {"412"}
    statuses = list(node["responses"])
    assert expected <= set(statuses)
    assert statuses == sorted(statuses)
    assert [each for each in statuses if each.startswith("2")]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_body_has_an_example(operation: str) -> None:
    at, node = OPERATIONS[operation].at, node_of(operation)
    bodies = [f"{at}/responses/{status}" for status in node["responses"]]
    for body in bodies + ([f"{at}/requestBody"] if "requestBody" in node else []):
        places = CONTRACT.media_types(body)
        assert places, body
        for place in places:
            names = list(CONTRACT.examples(place))
            assert names, place
            assert names == sorted(names), place


@pytest.mark.parametrize("operation", OPERATIONS)
def test_errors_have_the_body_of_their_face(operation: str) -> None:
    at = OPERATIONS[operation].at
    parity = "sn_ind_tmt_orm" in OPERATIONS[operation].path
    allowed = {"Error"} if parity else {"ConflictDetails", "ProblemDetails", "Readiness"}
    for status in node_of(operation)["responses"]:
        if status >= "400":
            for place in CONTRACT.media_types(f"{at}/responses/{status}"):
                schema = CONTRACT.follow(f"{place}/schema")[0].rpartition("/")[2]
                assert schema in allowed, place
                if schema != "Readiness":
                    assert place.endswith("problem+json") is not parity, place


@pytest.mark.parametrize("operation", OPERATIONS)
def test_deprecated_operations_tell_so_in_every_answer(operation: str) -> None:
    one, node = OPERATIONS[operation], node_of(operation)
    deprecated = one.path.startswith("/api/sn_ind_tmt_orm/productorder")
    assert node.get("deprecated", False) is deprecated
    assert ("Deprecated" in operation) is deprecated
    for status in node["responses"]:
        headers = CONTRACT.follow(f"{one.at}/responses/{status}")[1].get("headers", {})
        assert ("Deprecation" in headers) is deprecated, status
        successor = headers.get("Link") == {"$ref": "#/components/headers/SuccessorLink"}
        assert successor is deprecated, status


def test_security_is_basic_everywhere_but_for_health() -> None:
    assert CONTRACT.document["security"] == [{"basic": []}]
    assert COMPONENTS["securitySchemes"]["basic"]["scheme"] == "basic"
    assert {one for one in OPERATIONS if node_of(one).get("security") == []} == OPEN_TO_ALL


# -- parameters, headers, links, examples ----------------------------------------------------------
def test_parameters_and_headers_are_described_and_typed() -> None:
    for kind in ("headers", "parameters"):
        for name, node in COMPONENTS[kind].items():
            assert node["description"], name
            assert CONTRACT.follow(f"/components/{kind}/{name}/schema")[1]["type"], name


def test_parameter_and_header_examples_conform_to_their_schemas() -> None:
    without: set[str] = set()
    for kind in ("headers", "parameters"):
        for name, node in COMPONENTS[kind].items():
            at, schema = CONTRACT.follow(f"/components/{kind}/{name}/schema")
            if "example" in node:
                assert CONTRACT.findings(at, node["example"]) == [], name
            elif kind == "parameters" and "enum" not in schema:
                without.add(name)
    # An id that exists is made by the service.
    assert without == {"BulkId", "OrderId", "RequestId"}


def test_links_lead_to_operations_and_name_their_parameters() -> None:
    for name, link in COMPONENTS["links"].items():
        assert link["description"], name
        target = OPERATIONS[link["operationId"]]
        assert set(link.get("parameters", {})) == set(re.findall(r"\{(\w+)\}", target.path)), name
        for expression in link.get("parameters", {}).values():
            assert re.fullmatch(r"\$response\.body#(/\w+)+", expression), name
        assert ("requestBody" in link) <= ("requestBody" in node_of(link["operationId"])), name


def test_links_find_what_they_take_from_the_examples_of_their_answer() -> None:
    followed: set[str] = set()
    for operation, one in OPERATIONS.items():
        for status, response in node_of(operation)["responses"].items():
            for link in response.get("links", {}):
                followed.add(link)
                node = CONTRACT.follow(f"{one.at}/responses/{status}/links/{link}")[1]
                for place in CONTRACT.media_types(f"{one.at}/responses/{status}"):
                    # A link takes from a body, and lines are many.
                    shown = CONTRACT.examples(place) if place.endswith("~1json") else {}
                    for value in shown.values():
                        for expression in node.get("parameters", {}).values():
                            found: Any = value
                            for part in expression.partition("#/")[2].split("/"):
                                found = step(found, part)
                            assert re.fullmatch("[0-9a-f]{32}", found), (operation, link)
    assert {"GetCreated", "ReviseCreated", "CancelCreated", "MoveCreated", "GetFirst"} <= followed


def test_every_example_has_a_summary() -> None:
    for name, example in COMPONENTS["examples"].items():
        assert re.fullmatch(r"[A-Z].*[^.]", example["summary"]), name
        assert set(example) == {"summary", "value"}, name


# -- schemas ---------------------------------------------------------------------------------------
def test_schemas_and_their_members_have_names_of_one_kind() -> None:
    for name in COMPONENTS["schemas"]:
        assert re.fullmatch("([A-Z][a-z]+)+", name)
    for at, node in walk(COMPONENTS["schemas"]):
        if at.endswith("/properties"):
            wrong = {each for each in node if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", each)}
            assert wrong <= OTHER_NAMES, at


def test_schemas_are_described() -> None:
    speaking_for_themselves = {name for name, node in COMPONENTS["schemas"].items()
                               if "description" not in node}  # fmt: skip
    assert speaking_for_themselves == {
        "DeprecatedProductOrderList",
        "DeprecatedProductOrderOrError",
        "Liveness",
        "ProductOrderList",
        "ProductOrderOrError",
        "Readiness",
        "Text",
    }


def test_members_and_required_names_are_sorted_and_known() -> None:
    for at, node in walk(COMPONENTS["schemas"]):
        if at.endswith("/properties"):
            assert list(node) == sorted(node), at
    for name, node in COMPONENTS["schemas"].items():
        assert set(node.get("required", [])) <= set(CONTRACT.properties(name)), name


def test_every_object_says_what_else_it_may_hold() -> None:
    for at, node in walk(COMPONENTS["schemas"]):
        if node.get("type") == "object" and "properties" in node:
            closed = node.get("unevaluatedProperties") is False
            assert closed or "additionalProperties" in node or "PartialProductOrder" in at, at


def test_every_array_that_is_sent_is_bounded() -> None:
    for operation in OPERATIONS:
        if "requestBody" in node_of(operation):
            for place in CONTRACT.media_types(f"{OPERATIONS[operation].at}/requestBody"):
                for name in _reached(CONTRACT, f"{place}/schema"):
                    for member, node in CONTRACT.properties(name).items():
                        if "array" in node.get("type", []):
                            assert "maxItems" in node, f"{name}.{member}"


def _reached(contract: Contract, at: str) -> set[str]:
    """Name the schemas that are reached from a place."""
    found: set[str] = set()
    open_ends = [contract.follow(at)[0].rpartition("/")[2]]
    while open_ends:
        name = open_ends.pop()
        if name not in found:
            found.add(name)
            open_ends += [
                node["$ref"].rpartition("/")[2]
                for _, node in walk(contract.schema(name))
                if "$ref" in node
            ]
    return found


def test_schema_examples_conform_to_their_schemas() -> None:
    for name, schema in COMPONENTS["schemas"].items():
        for example in schema.get("examples", []):
            assert CONTRACT.findings(f"/components/schemas/{name}", example) == []
