"""What the filters of the GraphQL face mean, on plain objects: a part of its tests' oracle."""

import math
import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from msgspec import Struct

from ordering.domain.ids import show_id
from ordering.domain.order import CharacteristicValue, LineItem, Order
from support.graphql_world import Digits, World, exact

__all__ = ["fits"]


def fits(world: World, one: Any, wanted: dict[str, Any]) -> bool:
    """Tell whether an object fits a filter; members that are null count as left out."""
    return all(
        _member(world, one, name, value) for name, value in wanted.items() if value is not None
    )


def _member(world: World, one: Any, name: str, value: Any) -> bool:
    match name, one:
        case "and", _:
            return all(fits(world, one, each) for each in value)
        case "or", _:
            return any(fits(world, one, each) for each in value)
        case "not", _:
            return not fits(world, one, value)
        case "party", Order():
            names = world.party_names(value)
            return any(each.get("id") in names for each in exact(one.related_parties) or ())
        case "lineItem", Order():
            return any(fits(world, line, value) for line in one.line_items)
        case "offering", LineItem():
            return _offering(one) in world.offering_names(value)
        case "specification", LineItem():
            return _refers(one, value)
        case "characteristic", LineItem():
            return any(_is_like(each, value) for each in one.characteristics)
        case _:
            return _compared(_column(one, name), value)


def _column(one: Any, name: str) -> Any:
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    value = getattr(one, snake) if isinstance(one, Struct) else one[snake]
    return show_id(value) if name == "id" else value


def _compared(value: Any, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return value == wanted
    return all(
        value is not None and _OPERATORS[name](value, other)
        for name, other in cast("dict[str, Any]", wanted).items()
        if other is not None
    )


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "in": lambda value, others: value in others,
    "startsWith": str.startswith,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _offering(line: LineItem) -> str | None:
    """Return the id of the offering in the catalog, else whatever the client named."""
    if line.product_offering_id is not None:
        return show_id(line.product_offering_id)
    shown: dict[str, Any] = exact(line.product_offering) or {}
    return shown.get("id")


def _refers(line: LineItem, text: str) -> bool:
    shown: dict[str, Any] = exact(line.product_specification) or {}
    internal = line.product_specification_id
    return text == shown.get("id") or (internal is not None and text == show_id(internal))


def _is_like(characteristic: CharacteristicValue, wanted: dict[str, Any]) -> bool:
    name, value = wanted.get("name"), wanted.get("value")
    if name is not None and characteristic.name != name:
        return False
    return value is None or (
        characteristic.value is not None and _same(exact(characteristic.value), value)
    )


def _same(kept: Any, asked: Any) -> bool:
    """Compare JSON: numbers by value, members in any order."""
    if isinstance(kept, Digits):
        if isinstance(asked, bool) or not isinstance(asked, int | float):
            return False
        return math.isfinite(asked) and Decimal(kept.text) == Decimal(repr(asked))
    if isinstance(kept, dict) and isinstance(asked, dict):
        one, other = cast("dict[str, Any]", kept), cast("dict[str, Any]", asked)
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    if isinstance(kept, list) and isinstance(asked, list):
        ours, theirs = cast("list[Any]", kept), cast("list[Any]", asked)
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    return (isinstance(kept, bool) is isinstance(asked, bool)) and kept == asked
