"""Rules of the order header, each with a neighbour that passes."""

import pytest

from ordering.domain.rules.header import PARTY_KINDS
from support.found import judge
from support.payloads import (
    ABSENT,
    CONTACT,
    Payload,
    changed,
    channel,
    item,
    note,
    order,
    party,
    price,
)

_REQUIRED = ("/orderCurrency", "Invalid payload: orderCurrency is required", 23)
_DIFFERS = "One or more line items has a different currency code than the order currency"
_PRICE = "/productOrderItem/0/itemPrice/0/price"
_DUE = (
    "/committedDueDate",
    "committedDueDate of the order is before the committedDueDate of a line item",
    24,
)


def _priced(unit: object, name: str = "taxIncludedAmount") -> Payload:
    sent = changed(price(), "/price", {name: {"unit": unit, "value": 20}})
    return order(items=[item(itemPrice=[sent])])


def _due(order_due: object, *lines_due: object) -> Payload:
    lines = [item(str(number), committedDueDate=due) for number, due in enumerate(lines_due)]
    return order(committedDueDate=order_due, items=lines)


_CASES: list[tuple[Payload, tuple[str, str, int], Payload]] = [
    (order(orderCurrency=ABSENT), _REQUIRED, order(orderCurrency=ABSENT, currencyCode="USD")),
    (order(orderCurrency=None), _REQUIRED, order(orderCurrency=None, currencyCode="USD")),
    (order(orderCurrency=""), _REQUIRED, order(orderCurrency="USD")),
    (order(orderCurrency="", currencyCode=""), _REQUIRED, order(currencyCode="USD")),
    (
        order(orderCurrency="DEM"),
        ("/orderCurrency", "Inactive Currency Code: DEM", 24),
        order(orderCurrency="EUR"),
    ),
    (
        order(orderCurrency="usd"),
        ("/orderCurrency", "Inactive Currency Code: usd", 24),
        order(orderCurrency="USD"),
    ),
    (
        order(orderCurrency=ABSENT, currencyCode="XYZ"),
        ("/currencyCode", "Inactive Currency Code: XYZ", 24),
        order(orderCurrency=ABSENT, currencyCode="EUR"),
    ),
    (
        order(currencyCode="EUR"),
        ("/currencyCode", "orderCurrency and currencyCode must be equal", 24),
        order(currencyCode="USD"),
    ),
    (
        _priced("EUR"),
        (f"{_PRICE}/taxIncludedAmount/unit", _DIFFERS, 24),
        _priced("EUR") | {"orderCurrency": "EUR"},
    ),
    (
        _priced("EUR", "dutyFreeAmount"),
        (f"{_PRICE}/dutyFreeAmount/unit", _DIFFERS, 24),
        _priced("USD", "dutyFreeAmount"),
    ),
    (_priced(""), (f"{_PRICE}/taxIncludedAmount/unit", _DIFFERS, 24), _priced(None)),
    (
        order(relatedParty=ABSENT),
        ("/relatedParty", "Invalid payload: relatedParty is missing", 23),
        order(relatedParty=[party()]),
    ),
    (
        order(relatedParty=[]),
        ("/relatedParty", "Invalid payload: relatedParty is missing", 23),
        order(relatedParty=[party("Consumer")]),
    ),
    (
        order(relatedParty=[party("CustomerContact")]),
        ("/relatedParty", "Invalid payload: Customer Account or Consumer is missing", 23),
        order(relatedParty=[party("CustomerContact"), party("Consumer")]),
    ),
    (
        order(relatedParty=[party(), {"id": CONTACT}]),
        (
            "/relatedParty/1/@referredType",
            "Invalid payload: relatedParty @referredType is missing",
            23,
        ),
        order(relatedParty=[party(), {"id": CONTACT, "type": "CustomerContact"}]),
    ),
    (
        order(relatedParty=[party(), party("Reseller")]),
        (
            "/relatedParty/1/@referredType",
            "relatedParty @referredType is none of Customer, Consumer, CustomerContact",
            24,
        ),
        order(relatedParty=[party(), party("CustomerContact")]),
    ),
    (
        order(relatedParty=[party() | {"id": None}]),
        ("/relatedParty/0/id", "Invalid payload: relatedParty id is missing", 23),
        order(relatedParty=[party()]),
    ),
    (
        order(relatedParty=[party() | {"id": ""}]),
        ("/relatedParty/0/id", "Invalid payload: relatedParty id is missing", 23),
        order(relatedParty=[party()]),
    ),
    (
        order(note=[note(), {"author": "A"}]),
        ("/note/1/text", "Invalid payload: note text is missing", 23),
        order(note=[note(), note("-")]),
    ),
    (
        order(note=[note("")]),
        ("/note/0/text", "Invalid payload: note text is missing", 23),
        order(note=[]),
    ),
    (
        order(channel=[channel(), {"name": "Online channel"}]),
        ("/channel/1/id", "Invalid payload: channel id is missing", 23),
        order(channel=[channel(), channel(name="Online channel")]),
    ),
    (
        _due("2027-01-01T00:00:00Z", None, "2027-01-01T00:00:00.001Z"),
        _DUE,
        _due("2027-01-01T00:00:00Z", None, "2027-01-01T00:00:00Z"),
    ),
    (
        _due("2027-01-01T00:00:00Z", "2027-01-01T00:30:00-01:00"),
        _DUE,
        _due("2027-01-01T00:00:00Z", "2027-01-01T00:30:00+01:00"),
    ),
    (
        _due("2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
        _DUE,
        _due(None, "2027-01-01T00:00:00Z", "2027-01-02T00:00:00Z"),
    ),
]


@pytest.mark.parametrize(("bad", "problem", "good"), _CASES)
def test_a_rule_finds_what_is_wrong_and_nothing_else(
    bad: Payload, problem: tuple[str, str, int], good: Payload
) -> None:
    assert judge(bad) == [problem]
    assert judge(good) == []


def test_each_price_unit_is_told() -> None:
    lines = [
        item("1", itemPrice=[price(), price(unit="EUR")]),
        item("2", itemPrice=[price(unit="JPY")]),
    ]
    assert judge(order(items=lines)) == [
        ("/productOrderItem/0/itemPrice/1/price/taxIncludedAmount/unit", _DIFFERS, 24),
        ("/productOrderItem/1/itemPrice/0/price/taxIncludedAmount/unit", _DIFFERS, 24),
    ]


def test_without_a_currency_price_units_are_not_judged() -> None:
    assert judge(_priced("EUR") | {"orderCurrency": None}) == [_REQUIRED]


@pytest.mark.parametrize("sent", [{}, {"price": None}, {"price": {}}, {"price": {"taxRate": 7}}])
def test_a_price_without_amounts_is_no_problem(sent: Payload) -> None:
    assert judge(order(items=[item(itemPrice=[sent])])) == []


@pytest.mark.parametrize("kind", ["Customer", "Consumer"])
def test_an_account_or_a_consumer_is_enough(kind: str) -> None:
    assert judge(order(relatedParty=[party(kind)])) == []


def test_the_kinds_of_parties_are_the_published_ones() -> None:
    assert PARTY_KINDS == {
        "Customer": "account",
        "Consumer": "consumer",
        "CustomerContact": "contact",
    }
