"""Rules about how the lines of an order relate: targets exist, and parents form a forest.

Either side may state a parent: the child by `HasParent`, the parent by `HasChild`. `Requires` may
cross from one tree to another.
"""

from collections.abc import Iterator, Mapping

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.messages import Message

__all__ = ["TYPES", "Parents", "check", "parents", "problem_at"]

TYPES = frozenset({"HasChild", "HasParent", "Requires"})

#: Where a relationship stands: the place of its line, and its place among those of the line.
Place = tuple[int, int]

#: The parents stated for a line, by its id, each with the place of the relationship that states it.
Parents = Mapping[str, Mapping[str, Place]]


def parents(draft: OrderDraft) -> Parents:
    """Find the parents that are stated for the lines of a draft."""
    stated: dict[str, dict[str, Place]] = {}
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
            stated.setdefault(child, {}).setdefault(parent, (index, number))
    return stated


def check(draft: OrderDraft, stated: Parents) -> Iterator[Problem]:
    """Check every relationship by itself, then the forest that the stated parents make."""
    ids = {item.id for item in draft.items if item.id}
    for index, item in enumerate(draft.items):
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            if not relation.id:
                yield problem_at((index, number), messages.RELATIONSHIP_ID_MISSING)
            elif relation.id not in ids:
                yield problem_at((index, number), messages.RELATIONSHIP_TARGET_UNKNOWN)
            elif relation.id == item.id:
                yield problem_at((index, number), messages.RELATIONSHIP_TO_ITSELF)
            if relation.relationship_type not in TYPES:
                wrong = (
                    messages.RELATIONSHIP_TYPE_UNKNOWN
                    if relation.relationship_type
                    else messages.RELATIONSHIP_TYPE_MISSING
                )
                yield problem_at((index, number), wrong, "relationshipType")
    yield from _forest(stated)


def problem_at(place: Place, message: Message, member: str = "id") -> Problem:
    """Say what is wrong with a member of a relationship."""
    index, number = place
    at = f"/productOrderItem/{index}/productOrderItemRelationship/{number}/{member}"
    return Problem.of(message, at)


def _forest(stated: Parents) -> Iterator[Problem]:
    parent: dict[str, str] = {}
    for child, options in stated.items():
        parent[child] = next(iter(options))
        if len(options) > 1:
            for place in list(options.values())[1:]:
                yield problem_at(place, messages.RELATIONSHIP_TWO_PARENTS)
    settled: set[str] = set()
    for start in parent:
        path: dict[str, None] = {}
        walk = start
        while walk in parent and walk not in settled and walk not in path:
            path[walk] = None
            walk = parent[walk]
        if walk in path and parent[walk] != walk:
            yield problem_at(stated[walk][parent[walk]], messages.RELATIONSHIP_CYCLE)
        settled.update(path)
