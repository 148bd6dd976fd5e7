"""From untyped values to the types of the file format, with every problem named by its pointer.

msgspec converts what is right and stops at the first thing that is not. So only a refused value
is walked beside its type, to find all of them.
"""

from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from ordering.catalog.document import Part
from ordering.domain.wording import say

__all__ = ["ENCODER", "Defect", "child", "name_of", "read_number", "read_part"]

T = TypeVar("T", bound=Part)

MAX_NESTING = 64
_TOO_DEEP = f"Nested deeper than {MAX_NESTING} levels"
_MAX_DIGITS = 300

#: Writes numbers with the digits that they came with.
ENCODER = msgspec.json.Encoder(decimal_format="number")


class Defect(NamedTuple):
    """One thing that is wrong with a value; the pointer starts at the value."""

    message: str
    pointer: str = ""


def read_part(kind: type[T], value: object) -> tuple[T | None, list[Defect]]:
    """Convert a value, or tell everything that is wrong with it."""
    defects = list(_unstorable(value, "", 0))
    if any(defect.message == _TOO_DEEP for defect in defects):
        return None, defects
    try:
        part = msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        part = None
        places = {defect.pointer for defect in defects}
        found = [one for one in _defects(kind, value, "") if one.pointer not in places]
        # The walk knows each refusal of msgspec; its own words are the safety net.
        defects = [*defects, *found] or [Defect(say(error))]
    return (None if defects else part), defects


def read_number(text: str) -> Decimal:
    """Read a JSON number exactly; one beyond all bounds becomes infinite, which is refused."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


def child(pointer: str, name: str | int) -> str:
    """Go one level down (RFC 6901)."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def name_of(value: object) -> str:
    """Name the JSON type of a value."""
    kinds: tuple[tuple[type, str], ...] = (
        (type(None), "null"),
        (bool, "true or false"),
        (str, "a string"),
        (list, "an array"),
        (dict, "an object"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "a number")


class _Member(NamedTuple):
    """How a member of an object is read."""

    hint: Any
    required: bool
    nullable: bool
    part: type[Part] | None
    is_list: bool
    say: str | None


@cache
def _members(kind: type[Part]) -> dict[str, _Member]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        info.encode_name: _member(hints[info.name], required=info.required)
        for info in msgspec.structs.fields(kind)
    }


def _member(hint: Any, *, required: bool) -> _Member:
    present = hint
    if get_origin(hint) is not Annotated:
        present = next((part for part in get_args(hint) if part is not type(None)), hint)
    metas = [part for part in get_args(present) if isinstance(part, msgspec.Meta)]
    say = next((meta.extra["say"] for meta in metas if meta.extra), None)
    nullable = type(None) in get_args(hint)
    is_list = get_origin(present) is list
    element = get_args(present)[0] if is_list else present
    part = element if isinstance(element, type) and issubclass(element, Part) else None
    return _Member(hint, required, nullable, part, is_list, say)


def _defects(kind: type[Part], value: object, pointer: str) -> Iterator[Defect]:
    if not isinstance(value, dict):
        yield Defect(f"Expected an object, got {name_of(value)}", pointer)
        return
    payload = cast("dict[str, object]", value)
    members = _members(kind)
    tag = kind.__struct_config__.tag
    for name, content in payload.items():
        member = members.get(name)
        at = child(pointer, name)
        if name == "@type" and tag is not None:
            if content != tag:
                yield Defect(f"Expected {tag}", at)
        elif member is None:
            yield Defect("Unknown member", at)
        elif content is not None or not (member.required or member.nullable):
            yield from _member_defects(member, content, at)
    for name, member in members.items():
        if member.required and payload.get(name) is None:
            yield Defect("Missing member", child(pointer, name))


def _member_defects(member: _Member, value: object, pointer: str) -> Iterator[Defect]:
    if member.part is None:
        try:
            msgspec.convert(value, member.hint)
        except msgspec.ValidationError as error:
            yield Defect(member.say or say(error), pointer)
    elif not member.is_list:
        yield from _defects(member.part, value, pointer)
    elif not isinstance(value, list):
        yield Defect(f"Expected an array, got {name_of(value)}", pointer)
    else:
        for index, element in enumerate(cast("list[object]", value)):
            yield from _defects(member.part, element, child(pointer, index))


def _unstorable(value: object, pointer: str, depth: int) -> Iterator[Defect]:
    """Find what PostgreSQL could not keep."""
    if isinstance(value, str):
        if "\0" in value:
            yield Defect("The character U+0000 is not allowed", pointer)
    elif isinstance(value, Decimal | int):
        if not _is_moderate(value):
            text = f"Expected a number of at most {_MAX_DIGITS} digits before and after the point"
            yield Defect(text, pointer)
    elif isinstance(value, dict | list):
        if depth >= MAX_NESTING:
            yield Defect(_TOO_DEEP, pointer)
            return
        for name, content in _children(cast("dict[str, object] | list[object]", value)):
            if isinstance(name, str) and "\0" in name:
                yield Defect("The character U+0000 is not allowed in a name", pointer)
            # Most values are short strings; looking at them here saves a call for each.
            if not isinstance(content, str) or "\0" in content:
                yield from _unstorable(content, child(pointer, name), depth + 1)


def _children(
    value: dict[str, object] | list[object],
) -> Iterable[tuple[str, object]] | Iterable[tuple[int, object]]:
    return value.items() if isinstance(value, dict) else enumerate(value)


def _is_moderate(number: Decimal | int) -> bool:
    if isinstance(number, int):
        return abs(number) < 10**_MAX_DIGITS
    if not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return (
        isinstance(exponent, int) and exponent >= -_MAX_DIGITS and number.adjusted() < _MAX_DIGITS
    )
