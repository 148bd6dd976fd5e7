"""What is wrong with the arguments of a GraphQL document: a part of the oracle of its tests.

The document is executed over hollow objects, which have everything, so that what is wrong is found
wherever it stands, whatever the database holds.
"""

import base64
import json
from collections.abc import Collection, Mapping
from typing import Any, cast

import graphql
from graphql import GraphQLEnumType, GraphQLList, GraphQLScalarType

from ordering.access.roles import Permission

__all__ = ["HOLLOW", "PAGES", "HollowWalk"]

_core = cast("Any", graphql)

#: The most nodes that a page may have.
PAGES: dict[tuple[str, str], int] = {
    ("Query", "orders"): 100,
    ("Query", "inboundRequests"): 100,
    ("Order", "lineItems"): 5_000,
    ("Order", "revisions"): 100,
    ("Order", "events"): 100,
}
_OF_QUEUE = {
    ("Query", "inboundRequest"),
    ("Query", "inboundRequests"),
    ("Order", "inboundRequest"),
}
_OF_ORDERS = {("Query", "order"), ("Query", "orders"), ("InboundRequest", "order")}
_OF_ORDER_NODES = ("LineItem:", "OrderRevision:", "OrderEvent:")
_EITHER = {("Query", "order"), ("Query", "inboundRequest")}
_KEYS = {"UPDATED": 2, "POSITION": 2}
_LEAVES = {"Int": 1, "Boolean": True}


class _Hollow:
    """Stands for any object."""


HOLLOW = _Hollow()


class HollowWalk:
    """Resolvers that note what is wrong as code and argument; every node is of one type."""

    def __init__(
        self, wrong: set[tuple[str, str]], permissions: Collection[Permission], kind: str
    ) -> None:
        self._wrong = wrong
        self._permissions = permissions
        self._kind = kind

    def type_of(self, *_: Any) -> str:
        """Tell the type of a node."""
        return self._kind

    def resolve(self, _source: Any, info: Any, **args: Any) -> Any:
        """Check the arguments of a field and answer something that fits its type."""
        path = ".".join(step for step in info.path.as_list() if isinstance(step, str))
        given = {name: value for name, value in args.items() if value is not None}
        self._check((info.parent_type.name, info.field_name), given, path)
        return _anything(info.return_type)

    def _check(self, place: tuple[str, str], given: Mapping[str, Any], path: str) -> None:
        needs = _needs(place, given)
        if needs is not None and needs not in self._permissions:
            at = f"{path}.id" if place == ("Query", "node") else path
            self._wrong.add(("AccessDenied", at))
        if place in _EITHER and len(given) != 1:
            self._wrong.add(("InvalidRequest", path))
        for empty in _empty(given.get("filter"), f"{path}.filter"):
            self._wrong.add(("InvalidRequest", empty))
        if place in PAGES:
            for name in _wrong_with_page(given, PAGES[place], place[1]):
                self._wrong.add(("InvalidRequest", f"{path}.{name}"))


def _needs(place: tuple[str, str], given: Mapping[str, Any]) -> Permission | None:
    """Tell the permission that a field needs."""
    identity: str = given["id"] if place == ("Query", "node") else ""
    if place in _OF_QUEUE or identity.startswith("InboundRequest:"):
        return Permission.READ_QUEUE
    is_order = place == ("Query", "node") and ":" not in identity
    if place in _OF_ORDERS or is_order or identity.startswith(_OF_ORDER_NODES):
        return Permission.READ_ORDERS
    return None


def _empty(wanted: Any, path: str) -> set[str]:
    """Find the objects within a filter whose members are all null or left out."""
    found: set[str] = set()
    within: dict[Any, Any] = {}
    if isinstance(wanted, list):
        within = dict(enumerate(cast("list[Any]", wanted)))
    elif isinstance(wanted, dict):
        within = cast("dict[Any, Any]", wanted)
    for name, each in within.items():
        if name == "value":  # of a characteristic: any JSON
            continue
        members = cast("dict[str, Any]", each).values() if isinstance(each, dict) else (each,)
        if each is not None and all(member is None for member in members):
            found.add(f"{path}.{name}")
        found |= _empty(each, f"{path}.{name}")
    return found


def _wrong_with_page(given: Mapping[str, Any], most: int, field: str) -> set[str]:
    """Name the arguments of a connection that cannot be."""
    wrong = {
        one
        for one, other in (
            ("first", "last"),
            ("after", "before"),
            ("first", "before"),
            ("last", "after"),
        )
        if one in given and other in given
    }
    backward = "last" in given or ("before" in given and "first" not in given)
    size, at = ("last", "before") if backward else ("first", "after")
    if not 1 <= given.get(size, 1) <= most:
        wrong.add(size)
    if at in given and not _is_cursor(given[at], given.get("orderBy", field)):
        wrong.add(at)
    return wrong


def _is_cursor(text: str, name: str) -> bool:
    try:
        members: Any = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        return False
    keys = _KEYS.get(name.rsplit("_", 1)[0], 1)
    return members[:2] == [1, name] and len(members) == 2 + keys


def _anything(kind: Any) -> Any:
    """Make up a value of a type."""
    kind = _core.get_nullable_type(kind)
    if isinstance(kind, GraphQLList):
        return [_anything(cast("Any", kind).of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLScalarType):
        return _LEAVES.get(kind.name, "x")
    return HOLLOW
