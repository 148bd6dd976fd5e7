"""What in a new contract file breaks clients of an older one.

The question is always the same: may one side send what the other does not take? In a request the
client sends by the old file, and the service takes by the new one; in an answer it is the other way
round. What is compared are keywords, and the rest of a schema (`if`, `not`, `contains`, ...) as
text: a check that errs says that something breaks. Members and values that were described must
stay, even where the schema is open to others.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from support.contract import METHODS

__all__ = ["Break", "breaks"]

Node = dict[str, Any]

#: A schema as everything that it says in several places: all of them hold.
Schema = Sequence[Node]

_UPPER = ("exclusiveMaximum", "maxItems", "maxLength", "maxProperties", "maximum")
_LOWER = ("exclusiveMinimum", "minItems", "minLength", "minProperties", "minimum")
#: Keywords that are compared as they are written.
_OTHER = ("contains", "else", "format", "if", "multipleOf", "not", "pattern", "patternProperties",
          "propertyNames", "then", "uniqueItems")  # fmt: skip


class Break(NamedTuple):
    """Something that breaks clients: where (operation, part, place in the schema), and what."""

    at: str
    what: str


class _Side(NamedTuple):
    """A schema and the file that it stands in."""

    document: Node
    schema: Schema

    def expanded(self) -> list[Node]:
        """List everything that the schema says, behind references and `allOf` too."""
        found: list[Node] = []
        open_ends = list(self.schema)
        while open_ends:
            node = open_ends.pop()
            if "$ref" in node:
                open_ends.append(_follow(self.document, node))
            open_ends += node.get("allOf", [])
            found.append(node)
        return found

    def options(self) -> "list[_Side]":
        """List the alternatives of which one holds, each with everything that holds anyhow."""
        nodes = self.expanded()
        choices = [node[name] for node in nodes for name in ("anyOf", "oneOf") if name in node]
        composing = ("$ref", "allOf", "anyOf", "oneOf")
        plain = [{k: v for k, v in node.items() if k not in composing} for node in nodes]
        if not choices:
            return [_Side(self.document, plain)]
        return [
            each
            for chosen in itertools.product(*choices)
            for each in _Side(self.document, [*plain, *chosen]).options()
        ]

    def options_together(self) -> list[Node]:
        """List what the alternatives say, whichever holds."""
        return [node for option in self.options() for node in option.schema]

    def all_of(self, keyword: str) -> list[Any]:
        """List the values of a keyword."""
        return [node[keyword] for node in self.schema if keyword in node]

    def allowed(self) -> set[str] | None:
        """Name the values, or else the types, that are possible; None if all are."""
        values = [{_text(each) for each in enum} for enum in self.all_of("enum")]
        values += [{_text(each)} for each in self.all_of("const")]
        return set[str].intersection(*values) if values else None

    def types(self) -> set[str]:
        """Name the possible types."""
        possible = {"array", "boolean", "integer", "null", "number", "object", "string"}
        for said in self.all_of("type"):
            named = set(cast("list[str]", said) if isinstance(said, list) else [str(said)])
            possible &= named | ({"integer"} if "number" in named else set())
        return possible

    def members(self) -> dict[str, "_Side"]:
        """Give the schemas of the members by name."""
        named: dict[str, list[Node]] = {}
        for properties in self.all_of("properties"):
            for name, node in properties.items():
                named.setdefault(name, []).append(node)
        return {name: _Side(self.document, nodes) for name, nodes in named.items()}

    def required(self) -> set[str]:
        """Name the members that must be there."""
        return {name for names in self.all_of("required") for name in names}

    def closed(self) -> bool:
        """Tell whether no other members are possible."""
        keywords = ("additionalProperties", "unevaluatedProperties")
        return any(False in self.all_of(keyword) for keyword in keywords)

    def items(self) -> "_Side":
        """Give the schema of the elements."""
        return _Side(self.document, self.all_of("items"))

    def key(self) -> frozenset[int]:
        """Identify the schema, to notice that it was met before."""
        return frozenset(map(id, self.schema))


def breaks(old: Node, new: Node) -> list[Break]:
    """List what breaks clients that know the old file."""
    return list(dict.fromkeys(_operations(old, new)))


def _operations(old: Node, new: Node) -> Iterator[Break]:
    for path, item in old["paths"].items():
        for method in item.keys() & set(METHODS):
            at = f"{method.upper()} {path}"
            if method in new["paths"].get(path, {}):
                yield from _operation((old, item[method]), (new, new["paths"][path][method]), at)
            else:
                yield Break(at, "is gone")


def _operation(old: tuple[Node, Node], new: tuple[Node, Node], at: str) -> Iterator[Break]:
    (before, was), (after, now) = old, new
    if was.get("security", before.get("security")) != now.get("security", after.get("security")):
        yield Break(at, "asks for other credentials")
    yield from _parameters(_named(before, was), _named(after, now), (before, after), at)
    body = _follow(before, was.get("requestBody", {}))
    new_body = _follow(after, now.get("requestBody", {}))
    if _is_required(new_body) and not _is_required(body):
        yield Break(f"{at} body", "is required now")
    yield from _contents((before, body), (after, new_body), f"{at} body", sent=True)
    for status, response in was["responses"].items():
        if status not in now["responses"]:
            yield Break(f"{at} {status}", "is gone")
            continue
        answer, new_answer = _follow(before, response), _follow(after, now["responses"][status])
        yield from _contents((before, answer), (after, new_answer), f"{at} {status}", sent=False)
        headers = new_answer.get("headers", {})
        for name, header in answer.get("headers", {}).items():
            place = f"{at} {status} header {name}"
            if name not in headers:
                yield Break(place, "is gone")
            elif _is_required(_follow(before, header)) > _is_required(
                _follow(after, headers[name])
            ):
                yield Break(place, "may be absent now")


def _is_required(node: Node) -> bool:
    return bool(node.get("required", False))


def _named(document: Node, operation: Node) -> dict[str, Node]:
    parameters = [_follow(document, each) for each in operation.get("parameters", [])]
    return {f"{each['in']} {each['name']}": each for each in parameters}


def _parameters(
    old: Mapping[str, Node], new: Mapping[str, Node], documents: tuple[Node, Node], at: str
) -> Iterator[Break]:
    for name, parameter in new.items():
        if _is_required(parameter) and not _is_required(old.get(name, {})):
            yield Break(f"{at} {name}", "is required now")
    for name, parameter in old.items():
        if name not in new:
            yield Break(f"{at} {name}", "is gone")
            continue
        sent = _Side(documents[0], [parameter["schema"]])
        yield from _refused(sent, _Side(documents[1], [new[name]["schema"]]), f"{at} {name}", set())


def _contents(
    old: tuple[Node, Node], new: tuple[Node, Node], at: str, *, sent: bool
) -> Iterator[Break]:
    for media_type, content in old[1].get("content", {}).items():
        if media_type not in new[1].get("content", {}):
            yield Break(f"{at} {media_type}", "is gone")
            continue
        before = _Side(old[0], [content["schema"]])
        after = _Side(new[0], [new[1]["content"][media_type]["schema"]])
        yield from _lost(before, after, at, set())
        yield from _refused(*((before, after) if sent else (after, before)), at, set())


def _lost(old: _Side, new: _Side, at: str, met: set[frozenset[int]]) -> Iterator[Break]:
    """Find members that are described no more."""
    if old.key() in met:
        return
    met.add(old.key())
    options = [_Side(each.document, each.options_together()) for each in (old, new)]
    for name, member in options[0].members().items():
        known = options[1].members().get(name)
        if known is None:
            yield Break(f"{at} /{name}", "is gone")
        else:
            yield from _lost(member, known, f"{at} /{name}", met)
    if options[0].items().schema:
        yield from _lost(options[0].items(), options[1].items(), f"{at} /*", met)


def _refused(
    sent: _Side, taken: _Side, at: str, met: set[tuple[frozenset[int], frozenset[int]]]
) -> list[Break]:
    """Find what may be sent by one schema and is not taken by the other."""
    if (pair := (sent.key(), taken.key())) in met:
        return []
    met = met | {pair}
    found: list[Break] = []
    for option in sent.options():
        # Of what keeps it from each of the alternatives, the least is told.
        tries = [list(_differences(option, each, at, met)) for each in taken.options()]
        found += min(tries, key=len)
    return found


def _differences(
    sent: _Side, taken: _Side, at: str, met: set[tuple[frozenset[int], frozenset[int]]]
) -> Iterator[Break]:
    values, known = sent.allowed(), taken.allowed()
    if known is not None and (values is None or not values <= known):
        more = "" if values is None else f" ({', '.join(sorted(values - known))})"
        yield Break(at, f"has values that are not taken{more}")
    if values is None and (types := sent.types() - taken.types()):
        yield Break(at, f"has types that are not taken ({', '.join(sorted(types))})")
    yield from _limits(sent, taken, at)
    if missing := taken.required() - sent.required():
        yield Break(at, f"may lack what is required ({', '.join(sorted(missing))})")
    members, others = sent.members(), taken.members()
    if taken.closed() and (not sent.closed() or members.keys() - others.keys()):
        yield Break(at, "may have members that are not taken")
    for name in members.keys() & others.keys():
        yield from _refused(members[name], others[name], f"{at} /{name}", met)
    if taken.items().schema and "array" in sent.types():
        yield from _refused(sent.items(), taken.items(), f"{at} /*", met)


def _limits(sent: _Side, taken: _Side, at: str) -> Iterator[Break]:
    for keyword in (*_UPPER, *_LOWER):
        sign = 1 if keyword in _UPPER else -1
        mine = [sign * each for each in sent.all_of(keyword)]
        theirs = [sign * each for each in taken.all_of(keyword)]
        if theirs and (not mine or min(mine) > min(theirs)) and sent.allowed() is None:
            yield Break(at, f"is beyond {keyword}")
    for keyword in _OTHER:
        known = {_text(each) for each in sent.all_of(keyword)}
        if {_text(each) for each in taken.all_of(keyword)} - known and sent.allowed() is None:
            yield Break(at, f"does not fit {keyword}")


def _follow(document: Node, node: Node) -> Node:
    """Go to what a reference names, if it is one."""
    if "$ref" not in node:
        return node
    found: Any = document
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return _follow(document, found)


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
