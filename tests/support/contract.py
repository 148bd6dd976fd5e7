"""A contract file as tests use it: its operations, schemas, examples, and what conforms to it."""

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

import httpx
import msgspec
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from ordering.inbound.process import Processor
from ordering_rest.bodies import NDJSON
from ordering_rest.contract import read_contract
from support.api import Api

__all__ = [
    "ABSENT",
    "METHODS",
    "Contract",
    "Deviation",
    "Example",
    "Operation",
    "drain",
    "encoded_names",
    "explain",
    "load_contract",
    "pointer",
    "read_values",
    "step",
]

#: The methods that a path item may have (OpenAPI 3.1); its other members are no operations.
METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "trace")

#: Headers that every response may have, whatever the contract says.
_USUAL_HEADERS = frozenset({"content-length", "content-type"})

_URI = "urn:contract"

#: How the names of the schemas end that describe what `fields` asked for.
_PART = "PartialProductOrder"


class Operation(NamedTuple):
    """An operation, and where in the file it stands."""

    identity: str
    method: str
    path: str
    at: str


class Example(NamedTuple):
    """A named example of a response."""

    operation: str
    status: str
    name: str


class Contract:
    """A contract file. Places in it are JSON Pointers; references are followed."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._registry = _registry_of(document)
        # Where no part was asked for, none may be answered.
        self._whole = _registry_of(_without_parts(document))
        self.operations = {one.identity: one for one in self._operations()}

    def _operations(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    identity = item[method]["operationId"]
                    yield Operation(identity, method, path, pointer("paths", path, method))

    def follow(self, at: str) -> tuple[str, Any]:
        """Go to a place; returns where its content stands, behind any references, and what."""
        node: Any = self.document
        here = ""
        for part in at.split("/")[1:]:
            here, node = f"{here}/{part}", step(node, part)
            # A schema that adds something to what it refers to is a schema of its own.
            while _is_reference(node):
                here, node = self.follow(node["$ref"].removeprefix("#"))
        return here, node

    def schema(self, name: str) -> dict[str, Any]:
        """Return a schema of the components by its name."""
        return self.document["components"]["schemas"][name]

    def properties(self, name: str) -> dict[str, dict[str, Any]]:
        """Return the members that a schema describes, those of what it refers to among them."""
        schema = self.schema(name)
        base: dict[str, dict[str, Any]] = {}
        if "$ref" in schema:
            base = self.properties(schema["$ref"].rpartition("/")[2])
        own: dict[str, dict[str, Any]] = schema.get("properties", {})
        return base | {each: base.get(each, {}) | node for each, node in own.items()}

    def examples(self, at: str) -> dict[str, Any]:
        """Return the values of the examples of a media type, by name."""
        named = self.follow(at)[1].get("examples", {})
        return {name: self.follow(f"{at}/examples/{name}")[1]["value"] for name in named}

    def media_types(self, at: str) -> Sequence[str]:
        """Return the places of the media types of a request body or response."""
        content = self.follow(at)[1].get("content", {})
        return [at + pointer("content", name) for name in content]

    def response_examples(self) -> Iterator[tuple[Example, Any]]:
        """List all examples of responses with their values."""
        for operation in self.operations.values():
            for status in self.follow(operation.at)[1]["responses"]:
                for at in self.media_types(f"{operation.at}/responses/{status}"):
                    for name, value in self.examples(at).items():
                        yield Example(operation.identity, status, name), value

    def request_examples(self, operation: str) -> dict[str, Any]:
        """Return the examples of an operation's JSON body, by name."""
        at = f"{self.operations[operation].at}/requestBody"
        return self.examples(at + pointer("content", "application/json"))

    def query_examples(self, operation: str) -> dict[str, Any]:
        """Return the examples of an operation's query parameters, by name."""
        at = f"{self.operations[operation].at}/parameters"
        parameters = [self.follow(f"{at}/{n}")[1] for n in range(len(self.follow(at)[1]))]
        return {
            one["name"]: one["example"]
            for one in parameters
            if one["in"] == "query" and "example" in one
        }

    def accepts(self, schema: str, value: object) -> bool:
        """Tell whether a value conforms to a schema of the components."""
        return self._validator(f"/components/schemas/{schema}").is_valid(value)

    def findings(self, at: str, value: object, *, whole: bool = False) -> list[str]:
        """List how a value does not conform to the schema at a place.

        With `whole` no schema of parts counts, which are for whom asked for them with `fields`.
        """
        found = self._validator(at, whole=whole).iter_errors(value)
        return [f"{error.json_path}: {error.message}" for error in found]

    @cache  # noqa: B019 - there is one contract, and it lives as long as the tests
    def _validator(self, at: str, *, whole: bool = False) -> Any:
        return Draft202012Validator(
            {"$ref": f"{_URI}#{at}"},
            registry=self._whole if whole else self._registry,
            format_checker=Draft202012Validator.FORMAT_CHECKER,
        )

    def check(self, operation: str, response: httpx.Response) -> None:
        """Hold a response (status, headers, body) against an operation."""
        at = f"{self.operations[operation].at}/responses/{response.status_code}"
        documented = self.follow(self.operations[operation].at)[1]["responses"]
        assert str(response.status_code) in documented, response.text
        self._check_headers(at, response)
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type in self.follow(at)[1]["content"], media_type
        schema_at, _ = self.follow(at + pointer("content", media_type, "schema"))
        whole = "fields" not in response.request.url.params
        for value in read_values(response):
            assert self.findings(schema_at, value, whole=whole) == [], response.text

    def _check_headers(self, at: str, response: httpx.Response) -> None:
        named: dict[str, Any] = self.follow(at)[1].get("headers", {})
        known = {name.lower() for name in named} | _USUAL_HEADERS
        assert set(response.headers) <= known, set(response.headers) - known
        for name in named:
            header_at, header = self.follow(f"{at}/headers/{name}")
            text = response.headers.get(name)
            if text is None:
                assert not header.get("required"), f"{name} is missing"
                continue
            schema_at, schema = self.follow(f"{header_at}/schema")
            value = int(text) if schema["type"] == "integer" else text
            assert self.findings(schema_at, value) == [], name


def read_values(response: httpx.Response) -> list[Any]:
    """Read the JSON of a response; several where it is lines of JSON, each of its schema."""
    if response.headers["content-type"] == NDJSON:
        return [msgspec.json.decode(line) for line in response.content.splitlines()]
    return [response.json()]


@cache
def load_contract() -> Contract:
    """Load the one contract file that there is."""
    return Contract(read_contract("product-ordering"))


def _is_reference(node: Any) -> bool:
    return isinstance(node, dict) and list(cast("dict[str, Any]", node)) == ["$ref"]


def _registry_of(document: dict[str, Any]) -> Registry[Any]:
    resource = Resource[Any](contents=document, specification=DRAFT202012)
    return Registry[Any]([(_URI, resource)])


def _without_parts(document: dict[str, Any]) -> dict[str, Any]:
    """Let nothing conform to the schemas of parts of an order."""
    changed = copy.deepcopy(document)
    for name in changed["components"]["schemas"]:
        if name.endswith(_PART):
            changed["components"]["schemas"][name] = False
    return changed


def pointer(*parts: str) -> str:
    """Make a JSON Pointer (RFC 6901)."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def step(node: Any, part: str) -> Any:
    """Go from a JSON value to the member or element that a part of a JSON Pointer names."""
    if isinstance(node, list):
        return cast("list[Any]", node)[int(part)]
    return node[part.replace("~1", "/").replace("~0", "~")]


def encoded_names(kind: type[msgspec.Struct]) -> set[str]:
    """Return the names that a Struct's members have in JSON; unknown attributes are no member."""
    return {info.encode_name for info in msgspec.structs.fields(kind) if info.name != "extras"}


async def drain(api: Api) -> int:
    """Process a batch of the inbound queue, as a worker would; returns how many records."""
    services = api.services
    processor = Processor(api.database, services.keeper, services.settings, "contract-test")
    return await processor.drain_batch()


# -- differences between two JSON values -----------------------------------------------------------


class _Absent:
    """What stands where a member is not there."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


class Deviation(NamedTuple):
    """A known difference: where (`*` is any index), what was expected, what came, and why.

    `came` may be a function that judges the value.
    """

    at: str
    expected: Any
    came: Any
    reason: str

    def explains(self, at: str, expected: object, came: object) -> bool:
        """Tell whether a difference is this one."""
        pattern = re.escape(self.at).replace(r"\*", "[0-9]+")
        if not re.fullmatch(pattern, at) or self.expected != expected:
            return False
        if callable(self.came):
            return cast("Callable[[object], bool]", self.came)(came)
        return self.came == came


def explain(expected: object, came: object, deviations: Sequence[Deviation]) -> None:
    """Check that two values differ in exactly the ways that the deviations tell."""
    differences = list(_differences(expected, came, ""))
    unexplained = [
        one for one in differences if not any(each.explains(*one) for each in deviations)
    ]
    unused = [each for each in deviations if not any(each.explains(*one) for one in differences)]
    assert not unexplained, f"unexplained: {unexplained}"
    assert not unused, f"explains nothing: {unused}"


def _differences(expected: object, came: object, at: str) -> Iterator[tuple[str, object, object]]:
    if isinstance(expected, dict) and isinstance(came, dict):
        left, right = cast("dict[str, object]", expected), cast("dict[str, object]", came)
        for name in left | right:
            yield from _differences(
                left.get(name, ABSENT), right.get(name, ABSENT), at + pointer(name)
            )
    elif isinstance(expected, list) and isinstance(came, list):
        left_items, right_items = cast("list[object]", expected), cast("list[object]", came)
        for index in range(max(len(left_items), len(right_items))):
            yield from _differences(
                left_items[index] if index < len(left_items) else ABSENT,
                right_items[index] if index < len(right_items) else ABSENT,
                f"{at}/{index}",
            )
    elif expected != came or isinstance(expected, bool) != isinstance(came, bool):
        yield at, expected, came
