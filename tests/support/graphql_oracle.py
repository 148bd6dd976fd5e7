"""The oracle of the GraphQL face: graphql-core executes the SDL over plain objects.

It shares the schema's text with the engine and nothing else: no plan, no SQL. What the engine
answers must be what it answers, digit by digit; cursors are compared by what they say.
"""

import base64
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, cast

import graphql
from graphql import GraphQLSchema, build_schema
from msgspec import Struct

from ordering.access.roles import Permission
from ordering.domain.order import LineItem, Order
from ordering.domain.timestamps import show_timestamp
from support.graphql_faults import HOLLOW, PAGES, HollowWalk
from support.graphql_fields import FIELDS, JSON_TYPES
from support.graphql_filters import fits
from support.graphql_world import Digits, Event, Request, Revision, World, exact
from support.sources import ROOT

__all__ = ["SCHEMA", "Answered", "Oracle", "comparable", "cursor"]

_core = cast("Any", graphql)


def _read_schema() -> GraphQLSchema:
    schema = build_schema((ROOT / "graphql/schema.graphql").read_text(encoding="utf-8"))

    def moment(value: Any) -> datetime:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)

    def literal(node: Any) -> datetime:
        return moment(node.value)

    scalar = cast("Any", schema.type_map["DateTime"])
    scalar.parse_value = scalar.coerce_input_value = moment
    scalar.coerce_input_literal = literal
    return schema


SCHEMA = _read_schema()

_NODES: dict[str, type] = {
    "Order": Order,
    "LineItem": LineItem,
    "InboundRequest": Request,
    "OrderRevision": Revision,
    "OrderEvent": Event,
}
#: Names of members that are not those of the fields.
_MEMBERS = {
    **dict.fromkeys(
        ("noteId", "channelId", "partyId", "offeringId", "specificationId", "placeId", "itemId"),
        "id",
    ),
    "typeName": "@type",
    "referredType": "@referredType",
}


class Answered(NamedTuple):
    """What must be answered: data, or else the codes and arguments of errors."""

    data: Any
    errors: set[tuple[str, str]]


def cursor(name: str, keys: Iterable[object]) -> str:
    """Write the cursor of a row."""
    shown = [key.isoformat() if isinstance(key, datetime) else key for key in keys]
    text = json.dumps([1, name, *shown])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def comparable(value: Any) -> Any:
    """Make answers comparable: whole numbers as digits, cursors as what they say."""
    if isinstance(value, Digits) or value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return Digits(str(value))
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: comparable(member) for name, member in members.items()}
    if isinstance(value, list):
        return [comparable(each) for each in cast("list[Any]", value)]
    return _read_cursor(value)


def _read_cursor(text: str) -> Any:
    if not text.startswith("WzEs"):
        return text
    members: list[Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return tuple(
        datetime.fromisoformat(each) if isinstance(each, str) and "T" in each[8:] else each
        for each in members
    )


class Oracle:
    """Answers documents that are valid for the schema."""

    def __init__(self, world: World) -> None:
        self._world = world
        #: The fields that had a value, by their types.
        self.shown: set[tuple[str, str]] = set()

    def answer(
        self, query: str, variables: Mapping[str, Any], permissions: Collection[Permission]
    ) -> Answered:
        """Answer a document: first what is wrong with it, on objects that have everything."""
        wrong: set[tuple[str, str]] = set()
        document = graphql.parse(query)
        # Who asks for no node meets no node: one type is enough.
        for kind in _NODES if "node(" in query else ("Order",):
            hollow = HollowWalk(wrong, permissions, kind)
            self._execute(document, variables, hollow.resolve, hollow.type_of, HOLLOW)
        if wrong:
            return Answered(None, wrong)
        data = self._execute(document, variables, self._resolve, _type_of, self._world)
        return Answered(comparable(data), set())

    def _execute(self, document: Any, variables: Mapping[str, Any], *how: Any) -> Any:
        resolve, type_of, root = how
        result = _core.execute_sync(
            SCHEMA,
            document,
            root,
            variable_values=dict(variables),
            field_resolver=resolve,
            type_resolver=type_of,
        )
        assert result.errors is None, result.errors
        return result.data

    def _resolve(self, source: Any, info: Any, **args: Any) -> Any:
        place = (info.parent_type.name, info.field_name)
        value = self._read(place, source, info, args)
        if value not in (None, []):
            self.shown.add(place)
        return value

    def _read(self, place: tuple[str, str], source: Any, info: Any, args: Any) -> Any:
        if place in PAGES:
            name, keys, rows = self._list(place, source, args)
            wanted = args.get("filter")
            if wanted is not None:
                rows = [row for row in rows if fits(self._world, row, wanted)]
            return _page(rows, args, name, keys)
        special = FIELDS.get(place)
        if special is not None:
            value = special(self._world, source, args)
        else:
            value = _member(source, info.field_name, by_name=place[0] in JSON_TYPES)
        return _shown(value, _core.get_named_type(info.return_type).name)

    def _list(self, place: tuple[str, str], source: Any, args: Any) -> Any:
        """Return the name of an order, the keys of a row in it, and the rows in that order."""
        world = self._world
        name: str = args.get("orderBy", place[1])
        keys = _KEYS[name.rsplit("_", 1)[0]]
        rows: Sequence[Any] = {
            "orders": lambda: world.orders,
            "inboundRequests": lambda: world.requests,
            "lineItems": lambda: source.line_items,
            "revisions": lambda: [r for r in world.revisions if r["order_id"] == source.id],
            "events": lambda: [e for e in world.events if e["order_id"] == source.id],
        }[place[1]]()
        return name, keys, sorted(rows, key=keys, reverse=name.endswith("_DESC"))


_KEYS: dict[str, Callable[[Any], tuple[Any, ...]]] = {
    "CREATED": lambda order: (order.number,),
    "UPDATED": lambda order: (order.updated_at, order.number),
    "NUMBER": lambda request: (request["number"],),
    "POSITION": lambda line: (line.position, str(line.id)),
    "revisions": lambda row: (row["id"],),
    "events": lambda row: (row["id"],),
}


def _page(rows: list[Any], args: Any, name: str, keys: Callable[[Any], tuple[Any, ...]]) -> Any:
    backward = args.get("last") is not None or args.get("before") is not None
    size = args.get("last" if backward else "first") or 20
    at = args.get("before" if backward else "after")
    ahead, behind = (rows, rows[:0])
    if at is not None:
        placed = tuple(_read_cursor(at)[2:])
        falls = name.endswith("_DESC") != backward
        behind = [r for r in rows if (keys(r) >= placed if falls else keys(r) <= placed)]
        ahead = [r for r in rows if r not in behind]
    shown = ahead[-size:] if backward else ahead[:size]
    edges = [{"cursor": cursor(name, keys(row)), "node": row} for row in shown]
    more, before = len(ahead) > size, bool(behind)
    return {
        "edges": edges,
        "nodes": shown,
        "total_count": len(rows),
        "page_info": {
            "has_next_page": before if backward else more,
            "has_previous_page": more if backward else before,
            "start_cursor": edges[0]["cursor"] if edges else None,
            "end_cursor": edges[-1]["cursor"] if edges else None,
        },
    }


def _type_of(value: Any, *_: Any) -> str:
    return next(name for name, kind in _NODES.items() if isinstance(value, kind))


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name)


def _member(source: Any, field: str, *, by_name: bool) -> Any:
    if by_name:
        return source.get(_MEMBERS.get(field, field))
    name = _snake(field)
    return getattr(source, name) if isinstance(source, Struct) else source[name]


def _shown(value: Any, kind: str) -> Any:
    """Show a value as its scalar is written."""
    if value is None:
        return None
    if kind == "DateTime":
        return show_timestamp(datetime.fromisoformat(value) if isinstance(value, str) else value)
    if kind == "Decimal":
        return value.text if isinstance(value, Digits) else format(value, "f")
    if kind == "JSON" and isinstance(value, str | bytes):
        return exact(value)
    if kind == "Int" and isinstance(value, Digits):
        return int(value.text)
    return value
