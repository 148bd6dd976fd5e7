"""Rules of the order header: currency, notes, channels, parties and dates."""

from collections.abc import Iterator

from ordering.domain import messages
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.references import Catalog
from ordering.domain.values import PartyRef

__all__ = [
    "PARTY_KINDS",
    "check",
    "check_due_date",
    "check_lists",
    "check_parties",
    "check_units",
    "referred_type",
]

#: What a party of an order may be, and the kind of record that it names.
PARTY_KINDS = {"Customer": "account", "Consumer": "consumer", "CustomerContact": "contact"}


def referred_type(party: PartyRef) -> str | None:
    """Tell what a party is; the source prints `type` once where it means `@referredType`."""
    return party.referred_type or party.type_alias


def check(draft: OrderDraft, catalog: Catalog) -> Iterator[Problem]:
    """Check the header on its own; currencies are looked up, since they always must be active."""
    yield from _currency(draft, catalog)
    yield from check_parties(draft)
    yield from check_lists(draft)
    yield from check_due_date(draft)


def check_lists(draft: OrderDraft) -> Iterator[Problem]:
    """Check notes and channels."""
    for index, note in enumerate(draft.note or ()):
        if not note.text:
            yield Problem.of(messages.NOTE_TEXT_MISSING, f"/note/{index}/text")
    for index, channel in enumerate(draft.channel or ()):
        if not channel.id:
            yield Problem.of(messages.CHANNEL_ID_MISSING, f"/channel/{index}/id")


def check_due_date(draft: OrderDraft) -> Iterator[Problem]:
    """Check that no line is due after its order."""
    due = draft.committed_due_date
    if due is not None and any(
        item.committed_due_date is not None and item.committed_due_date > due
        for item in draft.items
    ):
        yield Problem.of(messages.DUE_DATE_BEFORE_LINE, "/committedDueDate")


def _currency(draft: OrderDraft, catalog: Catalog) -> Iterator[Problem]:
    currency = draft.currency
    if not currency:
        yield Problem.of(messages.CURRENCY_MISSING, "/orderCurrency")
        return
    pointer = "/orderCurrency" if draft.order_currency else "/currencyCode"
    if draft.currency_code and draft.currency_code != currency:
        yield Problem.of(messages.CURRENCY_ALIAS_DIFFERS, "/currencyCode")
    if not catalog.currencies.get(currency, False):
        yield Problem.of(messages.CURRENCY_INACTIVE, pointer, currency=currency)
    yield from check_units(draft, currency)


def check_units(draft: OrderDraft, currency: str) -> Iterator[Problem]:
    """Check that every price of the lines is in the order's currency."""
    right = (None, currency)
    for index, item in enumerate(draft.items):
        for number, item_price in enumerate(item.item_price or ()):
            price = item_price.price
            if price is None:
                continue
            at = "/productOrderItem/{}/itemPrice/{}/price/{}/unit"
            included, free = price.tax_included_amount, price.duty_free_amount
            if included is not None and included.unit not in right:
                pointer = at.format(index, number, "taxIncludedAmount")
                yield Problem.of(messages.CURRENCY_DIFFERS, pointer)
            if free is not None and free.unit not in right:
                pointer = at.format(index, number, "dutyFreeAmount")
                yield Problem.of(messages.CURRENCY_DIFFERS, pointer)


def check_parties(draft: OrderDraft) -> Iterator[Problem]:
    """Check that an account or a consumer is named, and who else is."""
    parties = draft.related_party
    if not parties:
        yield Problem.of(messages.PARTY_MISSING, "/relatedParty")
        return
    if not any(referred_type(party) in ("Customer", "Consumer") for party in parties):
        yield Problem.of(messages.PARTY_CUSTOMER_MISSING, "/relatedParty")
    for index, party in enumerate(parties):
        kind = referred_type(party)
        if not kind:
            yield Problem.of(messages.PARTY_TYPE_MISSING, f"/relatedParty/{index}/@referredType")
        elif kind not in PARTY_KINDS:
            yield Problem.of(messages.PARTY_TYPE_UNKNOWN, f"/relatedParty/{index}/@referredType")
        if not party.id:
            yield Problem.of(messages.PARTY_ID_MISSING, f"/relatedParty/{index}/id")
