"""Numbers as clients may send them."""

from decimal import Decimal

import pytest

from ordering.domain.numbers import Number


@pytest.mark.parametrize(
    ("sent", "shown"),
    [(20, "20"), (-5, "-5"), (Decimal("20.00"), "20.00"), ("20.50", "20.50"), ("-0.1", "-0.1")],
)
def test_numbers_keep_their_digits(sent: object, shown: str) -> None:
    assert str(Number.read(sent)) == shown


@pytest.mark.parametrize(
    "text",
    ["", " 5", "5 ", "+5", "1_000", "1e3", ".5", "5.", "٣", "NaN", "Infinity", "0x10", "5\n"],
)
def test_strings_are_digits_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match=r'^Expected a number, or a string like "20\.50"$'):
        Number.read(text)


@pytest.mark.parametrize("value", [True, False, None, [], {}, 1.5])
def test_nothing_else_is_a_number(value: object) -> None:
    with pytest.raises(ValueError, match=r"^Expected a number$"):
        Number.read(value)
