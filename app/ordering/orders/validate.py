"""Hold the bytes of a request against every rule, with what they point at looked up."""

from typing import NamedTuple

from ordering.catalog.lookups import ReferenceFinder
from ordering.domain.currency import settle_currency
from ordering.domain.decode import Decoded, decode_order
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError
from ordering.domain.references import References
from ordering.domain.rules import Policy, check
from ordering.domain.values import encode
from ordering.plugins import load_plugins
from ordering.settings import Settings

__all__ = ["Validated", "policy_of", "read_order", "validate"]


class Validated(NamedTuple):
    """A draft that passed, and what it points at."""

    draft: OrderDraft
    found: References


def policy_of(settings: Settings, *, check_references: bool) -> Policy:
    """Take from the settings what the rules depend on, and from plug-ins what they add.

    Raises `PluginError` where one cannot be loaded.
    """
    plugins = load_plugins()
    return Policy(
        check_references=check_references,
        allow_spec_version_update=settings.allow_spec_version_update_in_change_order,
        max_line_items=settings.max_line_items,
        extra_rules=plugins.rules,
        mappings=plugins.mappings,
    )


def read_order(body: bytes, policy: Policy) -> Decoded[OrderDraft]:
    """Decode an order, as `decode_order` does, and let the field mappings of plug-ins change it.

    What they wrote is decoded like what clients write, and has problems of shape of its own.
    """
    decoded = decode_order(body)
    if not policy.mappings:
        return decoded
    for mapping in policy.mappings:
        mapping(decoded.draft)
    mapped = decode_order(encode(decoded.draft))
    return Decoded(mapped.draft, [*decoded.problems, *mapped.problems])


async def validate(
    finder: ReferenceFinder, body: bytes, policy: Policy, *, default_currency: str | None = None
) -> Validated:
    """Decode and check an order. Raises `InvalidRequestError` with every problem found.

    With a `default_currency` the order need not name its currency.
    """
    decoded = read_order(body, policy)
    if default_currency is not None:
        settle_currency(decoded.draft, default_currency)
    found = await finder.find(decoded.draft)
    problems = check(decoded, found, policy)
    if problems:
        raise InvalidRequestError(problems)
    return Validated(decoded.draft, found)
