"""From bytes to a draft, with every problem of shape named by its JSON Pointer.

Two passes. The fast one is msgspec's strict typed decoder with unknown attributes forbidden; it
serves the well-behaved payload. Where it refuses, the thorough pass reads the payload untyped and
walks it beside the types: it keeps unknown attributes, reads any JSON value where one is allowed,
collects all problems instead of stopping at the first, and leaves out what is wrong, so that the
rules can judge the rest (docs/decisions/0006-unknown-attributes.md).
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Annotated, Any, NamedTuple, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.values import Extras, Value, decode_hook

__all__ = ["Decoded", "decode_order"]

T = TypeVar("T", bound=Value)

MAX_NESTING = 64
_MAX_EXPONENT = 300
_MAX_DECIMALS = 1000
_MAX_INTEGER = 10**_MAX_EXPONENT
_INVALID_BODY = 22
_INVALID_FIELD = 24


def _number(text: str) -> Decimal:
    """Read a number; one beyond the limits of Decimal becomes infinite, and is refused later."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


_fast = msgspec.json.Decoder(OrderDraft, dec_hook=decode_hook, float_hook=_number)
_untyped = msgspec.json.Decoder(float_hook=_number)


class Decoded(NamedTuple):
    """A draft and the problems of shape that were found; what was wrong is absent from it."""

    draft: OrderDraft
    problems: list[Problem]


def decode_order(body: bytes) -> Decoded:
    """Decode the body of a request to create an order.

    Raises `InvalidRequestError` where there is no JSON object to speak about.
    """
    if not body.strip():
        raise InvalidRequestError([Problem.of(messages.BODY_MISSING)])
    # PostgreSQL's text cannot hold U+0000, so a payload that may contain one is walked.
    if b"\\u0000" not in body:
        try:
            return Decoded(_fast.decode(body), [])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return _thorough(body)


def _thorough(body: bytes) -> Decoded:
    try:
        payload: object = _untyped.decode(body)
    except RecursionError as error:
        text = f"The JSON is nested deeper than {MAX_NESTING} levels"
        raise InvalidRequestError([Problem(text, "", _INVALID_BODY)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InvalidRequestError([Problem(_say(error), "", _INVALID_BODY)]) from error
    if payload is None:
        raise InvalidRequestError([Problem.of(messages.BODY_MISSING)])
    problems: list[Problem] = []
    draft = _Walk(problems).struct(OrderDraft, payload, "")
    if draft is None:
        raise InvalidRequestError([Problem("Expected an object", "", _INVALID_BODY)])
    return Decoded(draft, problems)


class _Member(NamedTuple):
    """How a member of an object is read: a leaf, an object, or an array of objects."""

    attribute: str
    convert: Callable[[object], object]
    value_type: type[Value] | None
    is_list: bool
    is_any: bool


@cache
def _members(kind: type[Value]) -> dict[str, _Member]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        info.encode_name: _member(info.name, hints[info.name])
        for info in msgspec.structs.fields(kind)
        if info.name != "extras"
    }


def _member(attribute: str, hint: Any) -> _Member:
    is_any = any(
        isinstance(part, msgspec.Meta) and (part.extra or {}).get("any")
        for part in (get_args(hint) if get_origin(hint) is Annotated else ())
    )
    inner = next((part for part in get_args(hint) if part is not type(None)), hint)
    is_list = get_origin(inner) is list
    element = get_args(inner)[0] if is_list else inner
    value_type = element if isinstance(element, type) and issubclass(element, Value) else None

    def convert(value: object) -> object:
        return msgspec.convert(value, hint, dec_hook=decode_hook)

    return _Member(attribute, convert, value_type, is_list, is_any)


class _Walk:
    """One walk over a payload; problems go to the list that it is given."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def struct(self, kind: type[T], payload: object, pointer: str) -> T | None:
        """Read an object, or note that it is none."""
        if not isinstance(payload, dict):
            self._note(f"Expected an object, got {_name(payload)}", pointer)
            return None
        members = _members(kind)
        read: dict[str, object] = {}
        extras = Extras()
        for name, value in cast("dict[str, object]", payload).items():
            member = members.get(name)
            at = f"{pointer}/{_escape(name)}"
            if member is None:
                if self._storable(value, at) and self._storable(name, at):
                    extras[name] = value
            elif value is not None:
                read[member.attribute] = self._member(member, value, at)
        return kind(**read, extras=extras or None)

    def _member(self, member: _Member, value: object, pointer: str) -> object:
        if member.value_type is None:
            return self._leaf(member, value, pointer)
        if not member.is_list:
            return self.struct(member.value_type, value, pointer)
        if not isinstance(value, list):
            self._note(f"Expected an array, got {_name(value)}", pointer)
            return None
        elements = enumerate(cast("list[object]", value))
        kind = member.value_type
        # A wrong element keeps its place, so that the pointers of the rules stay right.
        return [self.struct(kind, item, f"{pointer}/{index}") or kind() for index, item in elements]

    def _leaf(self, member: _Member, value: object, pointer: str) -> object:
        if not self._storable(value, pointer):
            return None
        if member.is_any:
            return value
        try:
            return member.convert(value)
        except msgspec.ValidationError as error:
            self._note(_say(error), pointer)
            return None

    def _storable(self, value: object, pointer: str) -> bool:
        """Tell whether PostgreSQL can keep a value, noting each part that it cannot."""
        before = len(self._problems)
        for text, at in _unstorable(value, pointer, 0):
            self._note(text, at)
        return len(self._problems) == before

    def _note(self, text: str, pointer: str) -> None:
        self._problems.append(Problem(text, pointer, _INVALID_FIELD))


def _unstorable(value: object, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if "\0" in value:
            yield "The character U+0000 is not allowed", pointer
    elif isinstance(value, int | Decimal):
        if not _in_range(value):
            yield f"Expected a number between 10^-{_MAX_EXPONENT} and 10^{_MAX_EXPONENT}", pointer
        elif _decimals(value) > _MAX_DECIMALS:
            yield f"Expected a number with at most {_MAX_DECIMALS} decimals", pointer
    elif isinstance(value, dict | list):
        if depth >= MAX_NESTING:
            yield f"Nested deeper than {MAX_NESTING} levels", pointer
            return
        if isinstance(value, dict):
            members = cast("dict[str, object]", value)
            yield from (part for key in members for part in _unstorable(key, pointer, depth))
            children = [(_escape(key), item) for key, item in members.items()]
        else:
            children = [(str(i), item) for i, item in enumerate(cast("list[object]", value))]
        for key, item in children:
            yield from _unstorable(item, f"{pointer}/{key}", depth + 1)


def _in_range(number: int | Decimal) -> bool:
    if isinstance(number, int):
        return abs(number) < _MAX_INTEGER
    return number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT


def _decimals(number: int | Decimal) -> int:
    return -cast("int", number.as_tuple().exponent) if isinstance(number, Decimal) else 0


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_NAMES = {
    "`str`": "a string",
    "`bool`": "true or false",
    "`int`": "a whole number",
    "`float`": "a number",
    "`decimal`": "a number",
    "`array`": "an array",
    "`object`": "an object",
    "`null`": "null",
}


def _say(error: Exception) -> str:
    """Say msgspec's finding in JSON's words; the pointer tells the place."""
    if isinstance(error, UnicodeDecodeError):
        return f"The body is not UTF-8: {error.reason}"
    text = str(error).split(" - at `$")[0].replace(" | null`", "`")
    for name, shown in _NAMES.items():
        text = text.replace(name, shown)
    return text


def _name(value: object) -> str:
    kinds = ((bool, "`bool`"), (str, "`str`"), (list, "`array`"), (dict, "`object`"))
    found = next((name for kind, name in kinds if isinstance(value, kind)), "`float`")
    return _NAMES[found if value is not None else "`null`"]
