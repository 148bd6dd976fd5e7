"""Whether an order may be taken: every rule, in the order in which problems are told.

A rule is a function from the draft, and what it points at, to problems. Rules never stop at the
first finding. Those in `header`, `items` and `relationships` need nothing but the draft and hold
always; those in `references` need the catalog, parties, locations and inventories, and are what
the two settings `create_product_order_validations_{sync,async}` turn off. Characteristics are
judged in `characteristics`: what is wrong there becomes a work note, never a refusal. The rules of
plug-ins come last and hold always (docs/decisions/0014-plug-ins.md).
"""

from collections.abc import Iterator
from itertools import chain

import msgspec

from ordering.domain.decode import Decoded, join_problems
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.extension import FieldMapping, Rule
from ordering.domain.references import References
from ordering.domain.rules import header, items, references, relationships

__all__ = ["Policy", "check", "extra_rules"]


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that rules depend on, and what plug-ins add."""

    check_references: bool = True
    allow_spec_version_update: bool = True
    max_line_items: int = 10_000
    extra_rules: tuple[Rule, ...] = ()
    mappings: tuple[FieldMapping, ...] = ()


def check(decoded: Decoded[OrderDraft], found: References, policy: Policy) -> list[Problem]:
    """Hold a draft against all rules and return every problem, shape's first.

    Of very many it returns some, the last telling of the rest; then no further rule is asked.
    """
    draft, shape = decoded
    stated = relationships.parents(draft)
    findings = chain(
        header.check(draft, found.catalog),
        items.check(draft, policy.max_line_items),
        references.check(
            draft, stated, found, allow_version_update=policy.allow_spec_version_update
        )
        if policy.check_references
        else (),
        relationships.check(draft, stated),
        extra_rules(policy, draft, found),
    )
    return join_problems(shape, findings)


def extra_rules(policy: Policy, draft: OrderDraft, found: References) -> Iterator[Problem]:
    """Hold a draft against the rules of plug-ins."""
    for rule in policy.extra_rules:
        yield from rule(draft, found)
