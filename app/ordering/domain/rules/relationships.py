"""Rules about how the lines of an order relate: targets exist, and parents form a forest.

Either side may state a parent: the child by `HasParent`, the parent by `HasChild`. `Requires` may
cross from one tree to another.
"""

from collections.abc import Iterator, Mapping

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem

__all__ = ["TYPES", "Parents", "check", "parents"]

TYPES = frozenset({"HasChild", "HasParent", "Requires"})

#: The parents stated for a line, by its id, each with the pointer that states it.
Parents = Mapping[str, Mapping[str, str]]


def parents(draft: OrderDraft) -> Parents:
    """Find the parents that are stated for the lines of a draft."""
    stated: dict[str, dict[str, str]] = {}
    for index, item in enumerate(draft.items):
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            if not item.id or not relation.id:
                continue
            if relation.relationship_type == "HasParent":
                child, parent = item.id, relation.id
            elif relation.relationship_type == "HasChild":
                child, parent = relation.id, item.id
            else:
                continue
            stated.setdefault(child, {}).setdefault(parent, _pointer(index, number, "id"))
    return stated


def check(draft: OrderDraft, stated: Parents) -> Iterator[Problem]:
    """Check every relationship by itself, then the forest that the stated parents make."""
    ids = {item.id for item in draft.items if item.id}
    for index, item in enumerate(draft.items):
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            if not relation.id:
                pointer = _pointer(index, number, "id")
                yield Problem.of(messages.RELATIONSHIP_ID_MISSING, pointer)
            elif relation.id not in ids:
                pointer = _pointer(index, number, "id")
                yield Problem.of(messages.RELATIONSHIP_TARGET_UNKNOWN, pointer)
            elif relation.id == item.id:
                pointer = _pointer(index, number, "id")
                yield Problem.of(messages.RELATIONSHIP_TO_ITSELF, pointer)
            if relation.relationship_type not in TYPES:
                wrong = (
                    messages.RELATIONSHIP_TYPE_UNKNOWN
                    if relation.relationship_type
                    else messages.RELATIONSHIP_TYPE_MISSING
                )
                yield Problem.of(wrong, _pointer(index, number, "relationshipType"))
    yield from _forest(stated)


def _pointer(index: int, number: int, member: str) -> str:
    return f"/productOrderItem/{index}/productOrderItemRelationship/{number}/{member}"


def _forest(stated: Parents) -> Iterator[Problem]:
    parent: dict[str, str] = {}
    for child, options in stated.items():
        parent[child] = next(iter(options))
        if len(options) > 1:
            for pointer in list(options.values())[1:]:
                yield Problem.of(messages.RELATIONSHIP_TWO_PARENTS, pointer)
    settled: set[str] = set()
    for start in parent:
        path: dict[str, None] = {}
        walk = start
        while walk in parent and walk not in settled and walk not in path:
            path[walk] = None
            walk = parent[walk]
        if walk in path and parent[walk] != walk:
            yield Problem.of(messages.RELATIONSHIP_CYCLE, stated[walk][parent[walk]])
        settled.update(path)
