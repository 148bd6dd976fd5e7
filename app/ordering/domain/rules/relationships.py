"""Rules about how the lines of an order relate: targets exist, and parents form a forest.

Either side may state a parent: the child by `HasParent`, the parent by `HasChild`. `Requires` may
cross from one tree to another.
"""

from collections.abc import Iterator

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem

__all__ = ["TYPES", "check", "parents"]

TYPES = frozenset({"HasChild", "HasParent", "Requires"})


def parents(draft: OrderDraft) -> dict[str, dict[str, str]]:
    """Map each line's id to the parents stated for it, each with the pointer that states it."""
    stated: dict[str, dict[str, str]] = {}
    for index, item in enumerate(draft.items):
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            if not item.id or not relation.id:
                continue
            at = f"/productOrderItem/{index}/productOrderItemRelationship/{number}/id"
            if relation.relationship_type == "HasParent":
                stated.setdefault(item.id, {}).setdefault(relation.id, at)
            elif relation.relationship_type == "HasChild":
                stated.setdefault(relation.id, {}).setdefault(item.id, at)
    return stated


def check(draft: OrderDraft) -> Iterator[Problem]:
    """Check every relationship by itself, then the forest that they make."""
    ids = {item.id for item in draft.items if item.id}
    for index, item in enumerate(draft.items):
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            at = f"/productOrderItem/{index}/productOrderItemRelationship/{number}"
            if not relation.id:
                yield Problem.of(messages.RELATIONSHIP_ID_MISSING, f"{at}/id")
            elif relation.id not in ids:
                yield Problem.of(messages.RELATIONSHIP_TARGET_UNKNOWN, f"{at}/id")
            elif relation.id == item.id:
                yield Problem.of(messages.RELATIONSHIP_TO_ITSELF, f"{at}/id")
            if not relation.relationship_type:
                yield Problem.of(messages.RELATIONSHIP_TYPE_MISSING, f"{at}/relationshipType")
            elif relation.relationship_type not in TYPES:
                yield Problem.of(messages.RELATIONSHIP_TYPE_UNKNOWN, f"{at}/relationshipType")
    yield from _forest(parents(draft))


def _forest(stated: dict[str, dict[str, str]]) -> Iterator[Problem]:
    parent: dict[str, str] = {}
    for child, options in stated.items():
        first, *more = options.items()
        parent[child] = first[0]
        for _, pointer in more:
            yield Problem.of(messages.RELATIONSHIP_TWO_PARENTS, pointer)
    settled: set[str] = set()
    for start in parent:
        path: dict[str, None] = {}
        walk: str | None = start
        while walk is not None and walk not in settled and walk not in path:
            path[walk] = None
            walk = parent.get(walk)
        if walk is not None and walk in path and parent[walk] != walk:
            yield Problem.of(messages.RELATIONSHIP_CYCLE, stated[walk][parent[walk]])
        settled.update(path)
