"""Generated payloads: the members of an order as a table, and Hypothesis strategies made from it.

`ORDER` says, independently of the types under test, which members an order has at each level and
what they hold. From it come `orders()` (any order of the right shape, with unknown attributes,
nulls, odd names and nested values), `plain_orders()` (the same without what only the thorough
pass of the decoder reads), `odd_orders()` (anything may stand anywhere), and `full_order()` (one
order with every member, each with a value of its own). `normal` tells what must come back.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, auto
from itertools import count
from typing import Any, cast

from hypothesis import strategies as st

from support.payloads import Payload

__all__ = [
    "ORDER",
    "Leaf",
    "any_json",
    "full_order",
    "normal",
    "odd_orders",
    "orders",
    "plain_orders",
    "same",
]


class Leaf(Enum):
    """What a member holds that is neither an object nor an array of objects."""

    TEXT = auto()
    #: A text that is not empty.
    FILLED = auto()
    ITEM_ID = auto()
    NUMBER = auto()
    FLAG = auto()
    MOMENT = auto()
    ANY = auto()
    #: Owned by the server: anything may be sent, and has no effect.
    IGNORED = auto()


Shape = dict[str, Any]


def _texts(*names: str) -> Shape:
    return dict.fromkeys(names, Leaf.TEXT)


def _ignored(*names: str) -> Shape:
    return dict.fromkeys(names, Leaf.IGNORED)


_AMOUNT: Shape = {"unit": Leaf.TEXT, "value": Leaf.NUMBER}
_PRICE: Shape = {
    "taxIncludedAmount": _AMOUNT,
    "dutyFreeAmount": _AMOUNT,
    "taxRate": Leaf.NUMBER,
}
_ITEM_PRICE: Shape = {
    **_texts("name", "description", "priceType", "recurringChargePeriod"),
    "price": _PRICE,
}
_REFERENCE = _texts("id", "name", "version", "internalVersion", "internalId", "@type")
_CONTACT = _texts("id", "name", "firstName", "lastName", "email", "phone")
_PRODUCT: Shape = {
    **_texts("id", "@type"),
    "isBundle": Leaf.FLAG,
    "productCharacteristic": [
        {**_texts("name", "valueType"), "value": Leaf.ANY, "previousValue": Leaf.ANY}
    ],
    "productSpecification": _REFERENCE,
    "place": _texts("id", "@type"),
    "relatedParty": [{**_CONTACT, **_texts("@type", "@referredType", "type")}],
    "productRelationship": [_texts("id", "relationshipType")],
}
_ITEM: Shape = {
    "id": Leaf.ITEM_ID,
    **_texts("action", "actionReason", "@type"),
    "quantity": Leaf.NUMBER,
    "committedDueDate": Leaf.MOMENT,
    "product": _PRODUCT,
    "productOffering": _REFERENCE,
    "itemPrice": [_ITEM_PRICE],
    "productOrderItemRelationship": [_texts("id", "relationshipType")],
    "externalProductInventory": [_texts("externalProductInventoryId")],
    **_ignored("revisionOperation", "state", "version", "ponr"),
}
ORDER: Shape = {
    **dict.fromkeys(("externalId", "externalSystem"), Leaf.FILLED),
    **_texts("orderCurrency", "currencyCode", "@type"),
    "orderDate": Leaf.MOMENT,
    "requestedStartDate": Leaf.MOMENT,
    "requestedCompletionDate": Leaf.MOMENT,
    "committedDueDate": Leaf.MOMENT,
    "channel": [_texts("id", "name")],
    "note": [{**_texts("id", "author", "text"), "date": Leaf.MOMENT}],
    "productOrderItem": [_ITEM],
    "relatedParty": [_texts("id", "name", "@type", "@referredType", "type")],
    **_ignored("id", "href", "state", "version", "ponr", "expectedCompletionDate"),
}

# -- values ----------------------------------------------------------------------------------------
_text = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(["", "~extras", '"~extras"', "Ü/日本~0", "\\u0000", "null", "\ud7ff\U0010ffff"])
_names = st.sampled_from(
    ["~extras", "extras", "a/b", "~", "~1", "", "@type", "@baseType", "id", "日本", "note", "\x7f"]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
_whole = st.integers(-(10**30), 10**30)
_numbers = _whole | st.builds(
    Decimal,
    st.tuples(
        st.integers(0, 1),
        st.lists(st.integers(0, 9), min_size=1, max_size=40).map(tuple),
        st.integers(-250, 250),
    ),
)


@st.composite
def _moments(draw: st.DrawFn) -> str:
    """Write a moment in one of the ways that RFC 3339 knows."""
    local = datetime.combine(draw(st.dates(date(2, 1, 1), date(9998, 12, 31))), draw(st.times()))
    moment = local.replace(tzinfo=timezone(timedelta(minutes=draw(st.integers(-840, 840)))))
    return draw(
        st.sampled_from(
            [
                moment.isoformat(),
                moment.isoformat("t", "seconds"),
                moment.isoformat(timespec="milliseconds").lower(),
                local.isoformat() + "Z",
                local.isoformat(timespec="microseconds") + "789z",
            ]
        )
    )


any_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _numbers | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=5,
)
_scalars = st.booleans() | _whole | _text
_LEAVES: dict[Leaf, st.SearchStrategy[Any]] = {
    Leaf.TEXT: _text,
    Leaf.FILLED: _text.filter(bool),
    Leaf.ITEM_ID: _text,
    Leaf.NUMBER: _numbers,
    Leaf.FLAG: st.booleans(),
    Leaf.MOMENT: _moments(),
    Leaf.ANY: any_json,
    Leaf.IGNORED: any_json,
}
_PLAIN = _LEAVES | {Leaf.ANY: _scalars, Leaf.IGNORED: _scalars}


# -- payloads --------------------------------------------------------------------------------------
@st.composite
def _objects(
    draw: st.DrawFn, shape: Shape, leaves: dict[Leaf, st.SearchStrategy[Any]], *, unknown: bool
) -> Payload:
    payload: Payload = {}
    for name in draw(st.lists(st.sampled_from(sorted(shape)), unique=True, max_size=6)):
        kind = shape[name]
        if draw(st.integers(0, 7)) == 0:
            payload[name] = None
        elif isinstance(kind, Leaf):
            payload[name] = draw(leaves[kind])
        elif isinstance(kind, list):
            element = _objects(cast("list[Shape]", kind)[0], leaves, unknown=unknown)
            payload[name] = draw(st.lists(element, max_size=2))
        else:
            payload[name] = draw(_objects(kind, leaves, unknown=unknown))
    if unknown:
        for name, value in draw(st.dictionaries(_names, any_json, max_size=2)).items():
            # `null` counts as absent under the one name that the decoder uses itself.
            if name not in shape and not (name == "~extras" and value is None):
                payload[name] = value
    return payload


def orders() -> st.SearchStrategy[Payload]:
    """Any order of the right shape: unknown attributes, nulls and odd names at every level."""
    return _objects(ORDER, _LEAVES, unknown=True)


def plain_orders() -> st.SearchStrategy[Payload]:
    """Any order that the fast decoder reads: known members only, scalars for free values."""
    return _objects(ORDER, _PLAIN, unknown=False)


def odd_orders() -> st.SearchStrategy[Payload]:
    """Any object with the member names of an order, whatever they hold."""
    return _objects(ORDER, {leaf: one | any_json for leaf, one in _LEAVES.items()}, unknown=True)


def normal(payload: Payload, shape: Shape = ORDER) -> Payload:
    """Tell what must come back: known members without nulls, moments in UTC milliseconds."""
    shown: Payload = {}
    for name, value in payload.items():
        kind = shape.get(name)
        if kind is None:
            shown[name] = value
        elif value is not None:
            shown[name] = _normal_member(value, kind)
    return shown


def _normal_member(value: Any, kind: Any) -> Any:
    if kind is Leaf.MOMENT:
        moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    if isinstance(kind, list):
        return [normal(element, cast("list[Shape]", kind)[0]) for element in value]
    return value if isinstance(kind, Leaf) else normal(value, kind)


def same(left: Any, right: Any) -> bool:
    """Compare JSON values: numbers by value, `true` is no 1, members in any order."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        ours, theirs = cast("Payload", left), cast("Payload", right)
        return ours.keys() == theirs.keys() and all(same(ours[k], theirs[k]) for k in ours)
    if isinstance(left, list) and isinstance(right, list):
        one, other = cast("list[Any]", left), cast("list[Any]", right)
        return len(one) == len(other) and all(map(same, one, other))
    return left == right


def full_order() -> tuple[Payload, list[str]]:
    """Build an order with every member, and an unknown one at each level.

    Each value occurs once; the second part lists them as they are written in JSON, but for those
    of members that the server owns.
    """
    values: list[str] = []
    return _full(ORDER, count(1000), values), values


def _full(shape: Shape, numbers: Iterator[int], values: list[str]) -> Payload:
    payload: Payload = {"x-unknown": _token(Leaf.ANY, next(numbers))}
    values.append(payload["x-unknown"]["nested"])
    for name, kind in shape.items():
        if isinstance(kind, list):
            payload[name] = [_full(cast("list[Shape]", kind)[0], numbers, values)]
        elif not isinstance(kind, Leaf):
            payload[name] = _full(kind, numbers, values)
        else:
            payload[name] = token = _token(kind, next(numbers))
            if kind is Leaf.ANY:
                values.append(token["nested"])
            elif kind not in (Leaf.IGNORED, Leaf.FLAG):
                values.append(str(token))
    return payload


def _token(kind: Leaf, number: int) -> Any:
    """Make a value that occurs nowhere else."""
    match kind:
        case Leaf.NUMBER:
            return Decimal(number) / 8
        case Leaf.FLAG:
            return True
        case Leaf.MOMENT:
            return f"{number + 1000}-01-02T03:04:05.678Z"
        case Leaf.ANY:
            return {"nested": f"value-{number}"}
        case _:
            return f"text-{number}"
