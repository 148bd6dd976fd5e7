"""The currency of an order that names none, as the deprecated paths allow."""

from collections.abc import Iterator

from ordering.domain.draft import OrderDraft

__all__ = ["settle_currency"]


def settle_currency(draft: OrderDraft, default: str) -> None:
    """Give an order without a currency that of its first price, or `default` if it has none.

    Then it is an order like any other: the rules refuse prices that are in another currency, and
    a currency that is not active.
    """
    if not draft.currency:
        draft.order_currency = next(_units(draft), default)


def _units(draft: OrderDraft) -> Iterator[str]:
    for item in draft.items:
        for item_price in item.item_price or ():
            price = item_price.price
            for amount in (price.tax_included_amount, price.duty_free_amount) if price else ():
                if amount is not None and amount.unit:
                    yield amount.unit
