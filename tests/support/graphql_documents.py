"""Any GraphQL document that is valid for the schema, drawn from the SDL.

Every field may be asked for, under its name or an alias, directly or through fragments, twice, or
with `@skip` and `@include`; every argument may be given, as a literal or as a variable, with what a
database holds (`Pool`) or with something else. Documents keep the limits of the service.

Dice and not Hypothesis, whose examples stay near the simplest: they hardly reach line items.
"""

import json
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple, cast

import graphql
import msgspec
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
)

from ordering_graphql.limits import measure

__all__ = ["Asked", "Pool", "any_document", "every_field"]

_core = cast("Any", graphql)

_MOST_FIELDS = 100
_MOST_LEVELS = 8
_MOST_ALIASES = 28
_DATES = ("gt", "gte", "lt", "lte")


class Asked(NamedTuple):
    """A document and its variables."""

    query: str
    variables: dict[str, Any]


class Pool(msgspec.Struct):
    """What arguments are given: values by the names of arguments and filters, cursors by orders."""

    values: dict[str, list[Any]]
    cursors: dict[str, list[str]]


class _Document:
    """A document while it is drawn."""

    def __init__(self, dice: Random, schema: GraphQLSchema, pool: Pool) -> None:
        self.dice = dice
        self.schema = schema
        self.pool = pool
        self.fields = 0
        self.aliases = 0
        self.fragments: dict[str, tuple[str, str]] = {}
        self.declared: list[str] = []
        self.variables: dict[str, Any] = {}

    # -- what is selected ------------------------------------------------------------------------
    def selections(self, kind: Any, level: int) -> str:
        """Draw a selection set."""
        parts: list[str] = []
        for _ in range(self.dice.randint(1, 2) if level < 2 else self.dice.randint(2, 6)):
            # Interfaces have little of their own.
            how = self.dice.randint(0, 2 if isinstance(kind, GraphQLInterfaceType) else 11)
            if how == 0 and level < _MOST_LEVELS:
                parts.append(self._inline(kind, level))
            elif how == 1 and level < _MOST_LEVELS:
                parts.append(self._spread(kind, level))
            else:
                parts.append(self._field(kind, level))
        return "{ " + " ".join(parts) + " }"

    def _condition(self, kind: Any) -> Any:
        """Draw a type that a fragment on this one may have."""
        if isinstance(kind, GraphQLInterfaceType):
            return self.dice.choice([kind, *self.schema.get_possible_types(kind)])
        return self.dice.choice([kind, *kind.interfaces])

    def _inline(self, kind: Any, level: int) -> str:
        within = self._condition(kind)
        on = f"on {within.name} " if within is not kind or self.dice.random() < 0.5 else ""
        return f"... {on}{self._directive()}{self.selections(within, level + 1)}"

    def _spread(self, kind: Any, level: int) -> str:
        within = self._condition(kind)
        known = [name for name, (on, _) in self.fragments.items() if on == within.name]
        if known and self.dice.random() < 0.5 and self.fields < _MOST_FIELDS:
            self.fields += 10
            return f"...{self.dice.choice(known)} {self._directive()}"
        text = self.selections(within, level + 1)
        name = f"F{len(self.fragments)}"
        self.fragments[name] = (within.name, text)
        return f"...{name} {self._directive()}"

    def _field(self, kind: Any, level: int) -> str:
        self.fields += 1
        wide = level < _MOST_LEVELS and self.fields < _MOST_FIELDS
        names = [
            name for name, field in kind.fields.items() if wide or _core.is_leaf_type(_named(field))
        ]
        if self.aliases >= _MOST_ALIASES:
            names = [name for name in names if not kind.fields[name].args]
        if not names or self.dice.randint(0, 15) == 0:
            return f"__typename {self._directive()}"
        inner = [name for name in names if not _core.is_leaf_type(_named(kind.fields[name]))]
        name = self.dice.choice(inner if inner and self.dice.random() < 0.4 else names)
        field = kind.fields[name]
        given = self._arguments(name, field) if field.args else ""
        head = f"{name}{given} "
        if given or (self.aliases < _MOST_ALIASES and self.dice.randint(0, 4) == 0):
            self.aliases += 1
            head = f"a{self.aliases}: {head}"
        within = _named(field)
        if _core.is_leaf_type(within):
            return f"{head}{self._directive()}"
        written = f"{head}{self._directive()}{self.selections(within, level + 1)}"
        if self.aliases < _MOST_ALIASES and self.dice.randint(0, 9) == 0:
            # The same field once more: what is selected of it is put together.
            self.aliases += 1 if given else 0
            written += f" {head}{self.selections(within, level + 1)}"
        return written

    def _directive(self) -> str:
        how = self.dice.randint(0, 19)
        if how > 3:
            return ""
        name = "skip" if how % 2 else "include"
        value = self.dice.random() < 0.5
        written = self._variable("Boolean!", value) if how > 1 else json.dumps(value)
        return f"@{name}(if: {written}) "

    # -- what is given ---------------------------------------------------------------------------
    def _arguments(self, name: str, field: Any) -> str:
        args = dict(field.args)
        wanted: dict[str, str] = {}
        if "first" in args:
            wanted = self._window(args)
        elif set(args) == {"id", "externalId"}:
            wanted = self._either(name)
        for each in ("filter", "names"):
            if each in args and self.dice.random() < 0.5:
                wanted[each] = self._written(args[each].type, each, 0)
        if set(args) == {"id"}:
            wanted["id"] = self._written(args["id"].type, "node", 0)
        return "(" + ", ".join(f"{k}: {v}" for k, v in wanted.items()) + ")" if wanted else ""

    def _either(self, name: str) -> dict[str, str]:
        how = self.dice.randint(0, 19)
        wanted: dict[str, str] = {}
        if how <= 12:
            place = "orderId" if name == "order" else "requestId"
            wanted["id"] = self._written(_core.GraphQLID, place, 0)
        if how >= 12:
            wanted["externalId"] = self._written(_core.GraphQLString, "externalId", 0)
        return wanted

    def _window(self, args: Any) -> dict[str, str]:
        wanted: dict[str, str] = {}
        by = "id"
        if "orderBy" in args:
            kind = args["orderBy"].type.of_type
            by = args["orderBy"].default_value
            if self.dice.random() < 0.5:
                by = self.dice.choice(list(kind.values))
                wanted["orderBy"] = self._sent(by, kind.name + "!", by)
        size, at = self.dice.choice([("first", "after"), ("last", "before")])
        if self.dice.random() < 0.5:
            number = self.dice.choice([1, 2, 3, 4, 7, 100] * 4 + [0, -1, 101, None])
            wanted[size] = self._sent(json.dumps(number), "Int", number)
        if self.dice.randint(0, 2) == 0:
            cursors = self.pool.cursors.get(by, [])
            text = self.dice.choice(cursors * 3 + ["x"])
            wanted[at] = self._sent(json.dumps(text), "String", text)
        if self.dice.randint(0, 29) == 0:
            wanted[self.dice.choice(["first", "last"])] = "3"
        return wanted

    def _written(self, kind: Any, name: str, level: int) -> str:
        """Draw the value of an argument or of a member of a filter."""
        if self.dice.randint(0, 2) == 0:
            value = self._value(kind, name, level)
            return self._variable(str(kind), value, default=kind)
        nullable = not _core.is_non_null_type(kind)
        if nullable and self.dice.randint(0, 11) == 0:
            return "null"
        kind = kind if nullable else kind.of_type
        if isinstance(kind, GraphQLList):
            inner = cast("Any", kind).of_type
            size = self.dice.randint(0, 3)
            return f"[{', '.join(self._written(inner, name, level + 1) for _ in range(size))}]"
        if isinstance(kind, GraphQLInputObjectType):
            members = [
                f"{each}: {self._written(field.type, self._place(name, each), level + 1)}"
                for each, field in self._members(kind, level)
            ]
            return "{" + ", ".join(members) + "}"
        value = self._value(GraphQLNonNull(kind), name, level)
        return value if isinstance(kind, GraphQLEnumType) else _literal(value)

    def _value(self, kind: Any, name: str, level: int) -> Any:
        """Draw the same as a value of a variable."""
        if isinstance(kind, GraphQLNonNull):
            kind = cast("Any", kind).of_type
        elif self.dice.randint(0, 11) == 0:
            return None
        if isinstance(kind, GraphQLList):
            inner = cast("Any", kind).of_type
            return [self._value(inner, name, level + 1) for _ in range(self.dice.randint(0, 3))]
        if isinstance(kind, GraphQLInputObjectType):
            return {
                each: self._value(field.type, self._place(name, each), level + 1)
                for each, field in self._members(kind, level)
            }
        if isinstance(kind, GraphQLEnumType):
            return self.dice.choice(list(kind.values))
        if kind.name == "Boolean":
            return self.dice.random() < 0.5
        return self.dice.choice(self.pool.values[name])

    def _members(self, kind: GraphQLInputObjectType, level: int) -> list[tuple[str, Any]]:
        names = [n for n in kind.fields if level < 4 or n not in ("and", "or", "not", "lineItem")]
        drawn = self.dice.sample(names, self.dice.randint(1, 2))
        return [(name, kind.fields[name]) for name in drawn]

    @staticmethod
    def _place(name: str, member: str) -> str:
        """Name what a member of a filter is given: operators are given what their operand is."""
        if member in ("eq", "in", "startsWith", *_DATES):
            return name
        if member == "name":
            return "names"
        return {"id": "orderId", "endedAt": "createdAt", "updatedAt": "createdAt"}.get(
            member, member
        )

    def _sent(self, literal: str, kind: str, value: Any) -> str:
        return self._variable(kind, value) if self.dice.randint(0, 2) == 0 else literal

    def _variable(self, kind: str, value: Any, *, default: Any = None) -> str:
        """Declare a variable, sometimes with a default; it is not always sent, if that may be."""
        name = f"v{len(self.declared)}"
        declared = f"${name}: {kind}"
        node = None
        if default is not None and value is not None and self.dice.randint(0, 3) == 0:
            node = _core.value_to_literal(value, default)
        if node is not None:
            declared += f" = {graphql.print_ast(node)}"
        self.declared.append(declared)
        may_lack = node is not None or not kind.endswith("!")
        if not may_lack or self.dice.randint(0, 5):
            self.variables[name] = value
        return f"${name}"

    def whole(self) -> str:
        """Write the document, with everything that was drawn."""
        root = cast("GraphQLObjectType", self.schema.query_type)
        selected = self.selections(root, 0)
        declared = f"({', '.join(self.declared)})" if self.declared else ""
        fragments = [f"fragment {k} on {on} {text}" for k, (on, text) in self.fragments.items()]
        return "\n".join([f"query Q{declared} {selected}", *fragments])


def _named(field: Any) -> Any:
    return _core.get_named_type(field.type)


def _literal(value: Any) -> str:
    """Write a JSON value as GraphQL does."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return "{" + ", ".join(f"{name}: {_literal(each)}" for name, each in members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, cast("list[Any]", value))) + "]"
    return json.dumps(value, ensure_ascii=True)


def any_document(dice: Random, schema: GraphQLSchema, pool: Pool) -> Asked:
    """Draw a document for which the schema has an answer, within the limits."""
    while True:
        document = _Document(dice, schema, pool)
        query = document.whole()
        if not measure(graphql.parse(query)):
            return Asked(query, document.variables)


def every_field(schema: GraphQLSchema) -> Iterator[str]:
    """Write documents that ask for every field once, on the shortest ways to their types."""
    root = cast("GraphQLObjectType", schema.query_type)
    open_ends: list[tuple[Any, str, str]] = [(root, "", "")]
    reached = {root.name}
    for kind, before, behind in open_ends:
        leaves = ["__typename"]
        for name, field in kind.fields.items():
            within = _named(field)
            if _core.is_leaf_type(within):
                leaves.append(name)
            elif not any(arg in field.args for arg in ("id", "externalId")):
                way = (f"{before} {{ {name}", f"}} {behind}")
                yield f"{way[0]} {{ __typename }} {way[1]}"
                if within.name not in reached:
                    reached.add(within.name)
                    open_ends.append((within, *way))
        yield f"{before} {{ {' '.join(leaves)} }} {behind}"
