"""What a plug-in is written against: rules and field mappings of other distributions.

The Product Order Open API may be extended around required fields, validation and field mappings.
Here all three are functions over the draft of an order; `docs/plugins.md` tells how to write and
install them, `ordering.plugins` how they are found. The names of this module are kept for plug-ins.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import cast

import msgspec

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.messages import Message
from ordering.domain.references import References
from ordering.domain.values import Value
from ordering.domain.wording import escape

__all__ = ["FieldMapping", "Message", "OrderDraft", "Problem", "References", "Rule", "required"]

#: Tells what is wrong with a draft. Any member of a draft may be absent: shape and presence are
#: judged beside, not before. Pure and fast: it is asked again when a queued order is created.
Rule = Callable[[OrderDraft, References], Iterable[Problem]]

#: Changes a draft before rules see it. What it writes is held to the types of the contract.
FieldMapping = Callable[[OrderDraft], None]

_EACH = "*"


def required(*pointers: str) -> Rule:
    """Make a rule that wants members to be there, and to be neither empty texts nor empty arrays.

    Each is named by its JSON Pointer with `*` for every element of an array, under the names that
    clients send: `/productOrderItem/*/product/place/id`. Unknown attributes are members, too. A
    member is missed only where the object that it belongs to was sent; name that object as well
    if it must be there. Raises `ValueError` for a pointer that names no member.
    """
    paths = [_path(pointer) for pointer in pointers]

    def rule(draft: OrderDraft, _found: References) -> Iterator[Problem]:
        for path in paths:
            # The texts of the source name a member behind the object that it belongs to.
            name = " ".join([step for step in path if step != _EACH][-2:])
            for at in _gaps(draft, path, ""):
                yield Problem.of(messages.MEMBER_MISSING, at, name=name)

    return rule


def _path(pointer: str) -> list[str]:
    start, *path = (step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/"))
    if start or not path or path[-1] in ("", _EACH):
        raise ValueError(f"{pointer!r} is no JSON Pointer to a member")
    return path


def _gaps(holder: object, path: list[str], at: str) -> Iterator[str]:
    """Find the pointers below `at` under which a member is missing."""
    step, *rest = path
    if step == _EACH:
        elements = cast("list[object]", holder) if isinstance(holder, list) else []
        for index, element in enumerate(elements):
            yield from _gaps(element, rest, f"{at}/{index}")
        return
    member = _member(holder, step)
    at = f"{at}/{escape(step)}"
    if not rest:
        if member in (None, "", []):
            yield at
    elif member is not None:
        yield from _gaps(member, rest, at)


def _member(holder: object, name: str) -> object:
    if isinstance(holder, Value):
        attribute = _attributes(type(holder)).get(name)
        if attribute is not None:
            return getattr(holder, attribute)
        holder = holder.extras
    return cast("dict[str, object]", holder).get(name) if isinstance(holder, dict) else None


@cache
def _attributes(kind: type[Value]) -> dict[str, str]:
    """Map the names that clients send to our own."""
    return {info.encode_name: info.name for info in msgspec.structs.fields(kind)}
