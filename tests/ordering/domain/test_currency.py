"""The currency of an order that names none."""

from typing import Any

import pytest

from ordering.domain.currency import settle_currency
from ordering.domain.decode import decode_order
from support import payloads


def priced(*prices: dict[str, Any] | None) -> list[payloads.Payload]:
    """Build a line for each price; None is a line without one."""
    return [
        payloads.item(str(number), itemPrice=[{"price": price}] if price is not None else [])
        for number, price in enumerate(prices)
    ]


EUR = {"taxIncludedAmount": {"unit": "EUR", "value": 1}}


@pytest.mark.parametrize(
    ("members", "currency"),
    [
        ({"productOrderItem": priced(None, EUR)}, "EUR"),
        ({"productOrderItem": priced({"dutyFreeAmount": {"unit": "JPY"}}, EUR)}, "JPY"),
        ({"productOrderItem": priced({"taxIncludedAmount": {"unit": "", "value": 1}}, EUR)}, "EUR"),
        ({"productOrderItem": priced({}, {"taxIncludedAmount": {"value": 1}})}, "CHF"),
        ({"productOrderItem": []}, "CHF"),
        ({"orderCurrency": "", "currencyCode": ""}, "CHF"),
        ({"productOrderItem": priced(EUR), "orderCurrency": "USD"}, "USD"),
        ({"productOrderItem": priced(EUR), "currencyCode": "USD"}, "USD"),
    ],
)
def test_the_first_price_tells_the_currency(members: dict[str, Any], currency: str) -> None:
    order = payloads.removed(payloads.order(), "/orderCurrency") | members
    draft = decode_order(payloads.to_json(order)).draft
    settle_currency(draft, "CHF")
    assert draft.currency == currency
