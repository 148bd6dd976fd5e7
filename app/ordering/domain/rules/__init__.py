"""Whether an order may be taken: every rule, in the order in which problems are told.

A rule is a function from the draft, and what it points at, to problems. Rules never stop at the
first finding. Those in `header`, `items` and `relationships` need nothing but the draft and hold
always; those in `references` need the catalog, parties, locations and inventories, and are what
the two settings `create_product_order_validations_{sync,async}` turn off. Characteristics are
judged in `characteristics`: what is wrong there becomes a work note, never a refusal.
"""

from itertools import chain

import msgspec

from ordering.domain.decode import Decoded, count_problems
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.references import References
from ordering.domain.rules import header, items, references, relationships

__all__ = ["Policy", "check"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that rules depend on."""

    check_references: bool = True
    allow_spec_version_update: bool = True
    max_line_items: int = 10_000


def check(decoded: Decoded[OrderDraft], found: References, policy: Policy) -> list[Problem]:
    """Hold a draft against all rules and return every problem, shape's first.

    Of very many it returns some, the last telling of the rest; then no further rule is asked.

    A rule's finding about a place that already has a problem of shape is left out: what was wrong
    is absent from the draft, and must not be called missing.
    """
    draft, shape = decoded
    findings = chain(
        header.check(draft, found.catalog),
        items.check(draft, policy.max_line_items),
        references.check(draft, found, allow_version_update=policy.allow_spec_version_update)
        if policy.check_references
        else (),
        relationships.check(draft),
    )
    if not shape:
        return count_problems(findings)
    wrong = {problem.pointer for problem in shape}
    return count_problems(
        chain(shape, (each for each in findings if not _covered(each.pointer, wrong)))
    )


def _covered(pointer: str, wrong: set[str]) -> bool:
    while pointer:
        if pointer in wrong:
            return True
        pointer = pointer.rpartition("/")[0]
    return False
