"""Orders in memory as JSON of a shape, as PostgreSQL makes it of those in its tables.

A function is written for each object of the shape, when the module that has the shape is loaded, as
`dataclasses` writes its own: what a loop over the members would do in twice the time.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import msgspec
from msgspec import Raw

from ordering.domain.ids import show_id
from ordering.domain.order import JsonText
from ordering.domain.timestamps import show_timestamp
from ordering.orders.shapes import Constant, Embedded, Form, Member, Rows, Shape

__all__ = ["encoder_of"]

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)

#: Makes of an object of the aggregate what is encoded.
_Show = Callable[[Any], Any]

_FUNCTION = """
def show(entity):
    shown = kind({members})
    return {shown}
"""
_WITH_EXTRAS = "shown if entity.{0} is None else with_extras(shown, entity.{0})"


def encoder_of(shape: Shape) -> Callable[[Any], bytes]:
    """Return the function that encodes objects of the aggregate in this shape."""
    show = _shown_as(shape)

    def encode(entity: Any) -> bytes:
        return _encoder.encode(show(entity))

    return encode


def _shown_as(shape: Shape) -> _Show:
    """Write the function that makes a struct of an object, with the members of the shape."""
    kind = msgspec.defstruct(
        "Shown",
        [
            # What equals its default is left out.
            (f"member_{at}", Any, msgspec.field(default=None, name=member.name))
            for at, member in enumerate(shape.members)
        ],
        omit_defaults=True,
    )
    names: dict[str, Any] = {
        "kind": kind,
        "with_extras": _with_extras,
        "same_json": _same_json,
        **{function.__name__: function for function in _CONVERSIONS.values()},
    }
    members = ", ".join(_written(member, names) for member in shape.members)
    shown = "shown" if shape.extras is None else _WITH_EXTRAS.format(shape.extras)
    exec(_FUNCTION.format(members=members, shown=shown), names)  # noqa: S102 - our own text
    return names["show"]


def _written(member: Member | Constant | Embedded | Rows, names: dict[str, Any]) -> str:
    """Write the expression for a member; what it refers to goes into `names`."""
    match member:
        case Member(otherwise=str() as otherwise):
            return f"entity.{member.column} or show_id(entity.{otherwise})"
        case Member():
            return _converted(member)
        case Constant():
            return repr(member.text)
        case Embedded():
            return f"{_named(names, _shown_as(member.shape))}(entity)"
        case Rows(of=Shape() as shape):
            elements = f"{_named(names, _shown_as(shape))}(each) for each in entity.{member.column}"
            if member.unless_same is not None:
                one, other = (f"each.{column}" for column in member.unless_same)
                elements += f" if {other} is None or not same_json({one}, {other})"
            return f"[{elements}]" if member.shown_empty else f"[{elements}] or None"
        case Rows():
            raise TypeError("The values of a column are not shown by a face")


def _converted(member: Member) -> str:
    value = f"entity.{member.column}"
    convert = _CONVERSIONS.get(member.form)
    if convert is None:
        return value
    before = f"{member.before!r} + " if member.before else ""
    return f"None if {value} is None else {before}{convert.__name__}({value})"


def _named(names: dict[str, Any], show: _Show) -> str:
    name = f"show_{len(names)}"
    names[name] = show
    return name


def _flag(flag: object) -> str:
    """Show a flag as the source does: typed Boolean, sent as a string."""
    return "true" if flag else "false"


_CONVERSIONS: dict[Form, type | Callable[[Any], str]] = {
    Form.COUNT: str,
    Form.FLAG: _flag,
    Form.IDENTITY: show_id,
    Form.MOMENT: show_timestamp,
    Form.JSON: Raw,
}


def _same_json(one: str | None, other: str | None) -> bool:
    """Compare what JSON means: PostgreSQL and clients write its members in other orders."""
    if one is None or other is None:
        return False
    return one == other or _same(_decoder.decode(one), _decoder.decode(other))


def _same(one: Any, other: Any) -> bool:
    """Compare as PostgreSQL does; for Python `true` is 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        ours, theirs = cast("dict[str, Any]", one), cast("dict[str, Any]", other)
        return ours.keys() == theirs.keys() and all(_same(ours[n], theirs[n]) for n in ours)
    if isinstance(one, list) and isinstance(other, list):
        mine, others = cast("list[Any]", one), cast("list[Any]", other)
        return len(mine) == len(others) and all(map(_same, mine, others))
    return isinstance(one, bool) is isinstance(other, bool) and one == other


def _with_extras(shown: msgspec.Struct, extras: JsonText) -> Raw:
    """Put unknown attributes among the members; a kept `@type` replaces the usual one."""
    members: dict[str, Raw] = msgspec.json.decode(_encoder.encode(shown), type=dict[str, Raw])
    members.update(msgspec.json.decode(extras, type=dict[str, Raw]))
    return Raw(_encoder.encode(members))
