"""Hold the bytes of a request against every rule, with what they point at looked up."""

from typing import NamedTuple

from ordering.catalog.lookups import ReferenceFinder
from ordering.domain.decode import decode_order
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError
from ordering.domain.references import References
from ordering.domain.rules import Policy, check
from ordering.settings import Settings

__all__ = ["Validated", "policy_of", "validate"]


class Validated(NamedTuple):
    """A draft that passed, and what it points at."""

    draft: OrderDraft
    found: References


def policy_of(settings: Settings, *, check_references: bool) -> Policy:
    """Take from the settings what the rules depend on."""
    return Policy(
        check_references=check_references,
        allow_spec_version_update=settings.allow_spec_version_update_in_change_order,
        max_line_items=settings.max_line_items,
    )


async def validate(finder: ReferenceFinder, body: bytes, policy: Policy) -> Validated:
    """Decode and check an order. Raises `InvalidRequestError` with every problem found."""
    decoded = decode_order(body)
    found = await finder.find(decoded.draft)
    problems = check(decoded, found, policy)
    if problems:
        raise InvalidRequestError(problems)
    return Validated(decoded.draft, found)
