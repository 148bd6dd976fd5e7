"""Parts of a JSON document: what a client asks for with `fields`, and what a face leaves out.

`fields` is a comma list of attribute names, nested ones written with dots
(`productOrderItem.product.place.id`); it may be repeated. Names that are not there are ignored, as
the Product Order Open API and TMF630 have it. Picking works on encoded JSON and copies what it
keeps as it is written there, so that numbers keep their digits.
"""

from collections.abc import Iterable
from typing import TypeAlias

import msgspec
from msgspec import Raw

__all__ = ["Selection", "Tree", "grow", "read_fields"]

#: Attributes by name, and of each the attributes below it; None stands for all of them.
Tree: TypeAlias = dict[str, "Tree | None"]

#: The name by which TMF630 asks for no attribute but those that are always shown.
_NONE = "none"

_members = msgspec.json.Decoder(dict[str, Raw])
_elements = msgspec.json.Decoder(list[Raw])


def read_fields(texts: Iterable[str]) -> Tree | None:
    """Read all values of the parameter `fields`; None, for everything, if they name nothing.

    The work grows with the length of the values, which the server bounds with that of the URL.
    """
    names = [name for text in texts for part in text.split(",") if (name := part.strip())]
    return grow(name for name in names if name != _NONE) if names else None


def grow(names: Iterable[str]) -> Tree:
    """Make a tree of dotted names; a name covers those that are below it."""
    tree: Tree = {}
    for name in names:
        *path, last = name.split(".")
        node: Tree | None = tree
        for step in path:
            node = node.setdefault(step, {})
            if node is None:
                break
        else:
            node[last] = None
    return tree


class Selection(msgspec.Struct, frozen=True):
    """Which attributes are shown: of those in `only` (None: of all) the ones not in `without`."""

    only: Tree | None = None
    without: Tree = {}

    def shows(self, *path: str) -> bool:
        """Tell whether anything at or below an attribute is shown."""
        node = self.only
        for step in path:
            if node is None:
                break
            if step not in node:
                return False
            node = node[step]
        left_out: Tree | None = self.without
        for step in path:
            if left_out is None or step not in left_out:
                break
            left_out = left_out[step]
        return left_out is not None

    def pick(self, document: bytes) -> bytes:
        """Copy the attributes of a JSON object that are shown, in their order."""
        picked = _pick(document, self.only, self.without)
        return b"{}" if picked is None else picked


def _pick(text: bytes, only: Tree | None, without: Tree) -> bytes | None:
    """Pick from any JSON value; None if nothing was found of what is asked for.

    The recursion is no deeper than the document, whose depth was bounded when it was taken.
    """
    if only is None and not without:
        return text
    match text.lstrip()[:1]:
        case b"{":
            return _pick_members(text, only, without)
        case b"[":
            return _pick_elements(text, only, without)
        case _:
            return text if only is None else None


def _pick_members(text: bytes, only: Tree | None, without: Tree) -> bytes | None:
    kept: dict[str, Raw] = {}
    for name, value in _members.decode(text).items():
        if only is not None and name not in only:
            continue
        left_out = without.get(name, {})
        if left_out is None:
            continue
        found = _pick(bytes(value), only and only[name], left_out)
        if found is not None:
            kept[name] = Raw(found)
    return msgspec.json.encode(kept) if kept or only is None else None


def _pick_elements(text: bytes, only: Tree | None, without: Tree) -> bytes | None:
    """Pick from each; one without what is asked for stays, empty, beside one that has it."""
    found = [_pick(bytes(each), only, without) for each in _elements.decode(text)]
    if only is not None and all(each is None for each in found):
        return None
    return msgspec.json.encode([Raw(b"{}" if each is None else each) for each in found])
