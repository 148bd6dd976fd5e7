"""From bytes to a draft, with every problem of shape named by its JSON Pointer.

Two passes. The fast one is msgspec's strict typed decoder with unknown attributes forbidden; it
serves the well-behaved payload. Where it refuses, the thorough pass reads the payload untyped and
walks it beside the types: it keeps unknown attributes, reads any JSON value where one is allowed,
collects all problems instead of stopping at the first, and leaves out what is wrong, so that the
rules can judge the rest (docs/decisions/0006-unknown-attributes.md).

A body of 16 MiB can hold millions of values that are wrong. What that costs is bounded: arrays of
objects have a greatest length, and nobody counts more than `MOST_PROBLEMS` problems.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache
from itertools import chain, islice
from typing import (
    Annotated,
    Any,
    Generic,
    NamedTuple,
    TypeVar,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from ordering.domain import messages, wording
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.values import Extras, Value, decode_hook

__all__ = [
    "MOST_PROBLEMS",
    "Decoded",
    "count_problems",
    "decode",
    "decode_order",
    "join_problems",
    "read_payload",
]

T = TypeVar("T", bound=Value)

MAX_NESTING = 64

#: With so many problems the search for more ends.
MOST_PROBLEMS = 10_000

#: The number of details that a face shows; it counts the others.
_MAX_EXPONENT = 300
_MAX_DECIMALS = 1000
_MAX_INTEGER = 10**_MAX_EXPONENT
_INVALID_BODY = 22
_INVALID_FIELD = 24
# Making a union anew for each of millions of values would take longer than all else.
_NUMBERS = (int, Decimal)
_CONTAINERS = (dict, list)
_NUL = "The character U+0000 is not allowed"


def _number(text: str) -> Decimal:
    """Read a number; one beyond the limits of Decimal becomes infinite, and is refused later."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal("Infinity")


@cache
def _fast(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind, dec_hook=decode_hook, float_hook=_number)


_untyped = msgspec.json.Decoder(float_hook=_number)


class Decoded(NamedTuple, Generic[T]):
    """A draft and the problems of shape that were found; what was wrong is absent from it."""

    draft: T
    problems: list[Problem]


def count_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Take problems until there are too many to go on; then say so behind those that are shown."""
    taken = list(islice(problems, MOST_PROBLEMS))
    if len(taken) < MOST_PROBLEMS:
        return taken
    # The remark is one of those shown: whoever counts what is left would take it for exact.
    shown = taken[: wording.MOST_SHOWN - 1]
    return [*shown, Problem.of(messages.MORE_PROBLEMS, count=MOST_PROBLEMS - len(shown))]


def join_problems(shape: Sequence[Problem], findings: Iterable[Problem]) -> list[Problem]:
    """Put the findings of rules behind the problems of shape, as `count_problems` counts them.

    A finding about a place that already has a problem of shape is left out: what was wrong is
    absent from the draft, and must not be called missing.
    """
    if not shape:
        return count_problems(findings)
    wrong = {problem.pointer for problem in shape}
    others = (each for each in findings if not _covered(each.pointer, wrong))
    return count_problems(chain(shape, others))


def _covered(pointer: str, wrong: set[str]) -> bool:
    while pointer:
        if pointer in wrong:
            return True
        pointer = pointer.rpartition("/")[0]
    return False


def decode_order(body: bytes) -> Decoded[OrderDraft]:
    """Decode the body of a request to create or revise an order, as `decode` does."""
    return decode(OrderDraft, body)


def decode(kind: type[T], body: bytes) -> Decoded[T]:
    """Decode the body of a request.

    Raises `InvalidRequestError` where there is no JSON object to speak about, or where so much of
    it is wrong that the rules would only speak of what was not read.
    """
    if not body.strip():
        raise InvalidRequestError([Problem.of(messages.BODY_MISSING)])
    # PostgreSQL's text cannot hold U+0000, so a payload that may contain one is walked. Few have a
    # backslash at all, and a single byte is found ten times as fast.
    if b"\\" not in body or b"\\u0000" not in body:
        try:
            return Decoded(_fast(kind).decode(body), [])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            pass
    return _thorough(kind, body)


def _thorough(kind: type[T], body: bytes) -> Decoded[T]:
    try:
        payload: object = _untyped.decode(body)
    except RecursionError as error:
        text = f"The JSON is nested deeper than {MAX_NESTING} levels"
        raise InvalidRequestError([Problem(text, "", _INVALID_BODY)]) from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise InvalidRequestError([Problem(wording.say(error), "", _INVALID_BODY)]) from error
    if payload is None:
        raise InvalidRequestError([Problem.of(messages.BODY_MISSING)])
    return read_payload(kind, payload)


def read_payload(kind: type[T], payload: object) -> Decoded[T]:
    """Read a payload that was decoded without types; numbers with decimals must be `Decimal`.

    Raises `InvalidRequestError` as `decode` does.
    """
    problems: list[Problem] = []
    try:
        draft = _Walk(problems).struct(kind, payload, "")
    except _TooManyError as stop:
        raise InvalidRequestError(count_problems(problems)) from stop
    if draft is None:
        raise InvalidRequestError([Problem("Expected an object", "", _INVALID_BODY)])
    return Decoded(draft, problems)


class _TooManyError(Exception):
    """A walk has found enough problems."""


class _Member(NamedTuple):
    """How a member of an object is read: a leaf, an object, or an array of objects."""

    attribute: str
    convert: Callable[[object], object]
    value_type: type[Value] | None
    is_list: bool
    is_any: bool
    max_length: int


@cache
def _members(kind: type[Value]) -> dict[str, _Member]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        info.encode_name: _member(info.name, hints[info.name])
        for info in msgspec.structs.fields(kind)
        if info.name != "extras"
    }


def _member(attribute: str, hint: Any) -> _Member:
    is_any = any((meta.extra or {}).get("any") for meta in _metas(hint))
    inner = next((part for part in get_args(hint) if part is not type(None)), hint)
    max_length = next((meta.max_length or 0 for meta in _metas(inner)), 0)
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    is_list = get_origin(inner) is list
    element = get_args(inner)[0] if is_list else inner
    value_type = element if isinstance(element, type) and issubclass(element, Value) else None

    def convert(value: object) -> object:
        return msgspec.convert(value, hint, dec_hook=decode_hook)

    return _Member(attribute, convert, value_type, is_list, is_any, max_length)


def _metas(hint: Any) -> list[msgspec.Meta]:
    parts = get_args(hint) if get_origin(hint) is Annotated else ()
    return [part for part in parts if isinstance(part, msgspec.Meta)]


class _Walk:
    """One walk over a payload; problems go to the list that it is given, until there are too many.

    Then it ends with `_TooManyError`.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems

    def struct(self, kind: type[T], payload: object, pointer: str) -> T | None:
        """Read an object, or note that it is none."""
        if not isinstance(payload, dict):
            self._note(f"Expected an object, got {wording.name(payload)}", pointer)
            return None
        members = _members(kind)
        read: dict[str, object] = {}
        extras = Extras()
        for name, value in cast("dict[str, object]", payload).items():
            member = members.get(name)
            at = f"{pointer}/{wording.escape(name)}"
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
            self._note(f"Expected an array, got {wording.name(value)}", pointer)
            return None
        elements = cast("list[object]", value)
        if len(elements) > member.max_length:
            self._note(f"Expected an array of length <= {member.max_length}", pointer)
            return None
        kind = member.value_type
        # A wrong element keeps its place, so that the pointers of the rules stay right.
        return [
            self.struct(kind, item, f"{pointer}/{index}") or kind()
            for index, item in enumerate(elements)
        ]

    def _leaf(self, member: _Member, value: object, pointer: str) -> object:
        if not self._storable(value, pointer):
            return None
        if member.is_any:
            return value
        try:
            return member.convert(value)
        except msgspec.ValidationError as error:
            self._note(wording.say(error), pointer)
            return None

    def _storable(self, value: object, pointer: str) -> bool:
        """Tell whether PostgreSQL can keep a value, noting each part that it cannot."""
        before = len(self._problems)
        for text, at in _unstorable(value, pointer):
            self._note(text, at)
        return len(self._problems) == before

    def _note(self, text: str, pointer: str) -> None:
        self._problems.append(Problem(text, pointer, _INVALID_FIELD))
        if len(self._problems) >= MOST_PROBLEMS:
            raise _TooManyError


def _unstorable(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    """Find the parts of a value that PostgreSQL cannot keep; yields what is wrong, and where.

    There may be millions of parts. So this is a loop with a stack, and a pointer is made only for
    what is wrong.
    """
    path: list[object] = [""]
    levels: list[Iterator[tuple[object, object]]] = [iter([("", value)])]

    def at() -> str:
        return pointer + "".join(f"/{wording.escape(str(step))}" for step in path[1:])

    while levels:
        for path[-1], part in levels[-1]:
            if isinstance(part, str):
                if "\0" in part:
                    yield _NUL, at()
            elif isinstance(part, _NUMBERS):
                if wrong := _out_of_range(part):
                    yield wrong, at()
            elif type(part) in _CONTAINERS:
                if len(levels) > MAX_NESTING:
                    yield f"Nested deeper than {MAX_NESTING} levels", at()
                    continue
                yield from ((_NUL, at()) for name in _names(part) if "\0" in name)
                levels.append(_parts(part))
                path.append("")
                break
        else:
            levels.pop()
            path.pop()


def _names(container: object) -> Iterable[str]:
    return cast("dict[str, object]", container) if isinstance(container, dict) else ()


def _parts(container: object) -> Iterator[tuple[object, object]]:
    if isinstance(container, dict):
        return iter(cast("dict[object, object]", container).items())
    return enumerate(cast("list[object]", container))


def _out_of_range(number: int | Decimal) -> str | None:
    """Tell what is wrong with a number that no column holds."""
    if isinstance(number, int):
        in_range = -_MAX_INTEGER < number < _MAX_INTEGER
    else:
        in_range = number.is_finite() and abs(number.adjusted()) <= _MAX_EXPONENT
    if not in_range:
        return f"Expected a number between 10^-{_MAX_EXPONENT} and 10^{_MAX_EXPONENT}"
    if isinstance(number, Decimal) and -cast("int", number.as_tuple().exponent) > _MAX_DECIMALS:
        return f"Expected a number with at most {_MAX_DECIMALS} decimals"
    return None
