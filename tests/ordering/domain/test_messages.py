"""The messages as data: each literal of the published API, its code, and the list of codes."""

import string

import pytest

from ordering.domain import messages
from ordering.domain.messages import REASONS, Message

_ALL = {name: one for name, one in vars(messages).items() if isinstance(one, Message)}

#: The texts that the Product Order Open API documents for a POST, as it prints them.
PUBLISHED = {
    "Invalid payload: Request body missing": 21,
    "Invalid payload: productOrderItem is missing": 23,
    "Invalid payload: productOrderItem id is missing": 23,
    "Invalid payload: productOrderItem action is missing": 23,
    "Invalid payload: productOrderItem productOffering is missing": 23,
    "Invalid payload: productOffering id is missing": 23,
    "Invalid payload: Product offering does not exist": 24,
    "Invalid payload: productOrderItem product is missing": 23,
    "Invalid payload: productSpecification id is missing": 23,
    "Invalid payload: Product specification does not exist": 24,
    "Invalid payload: Product Inventory does not exist": 24,
    "Invalid payload: Product inventory ID is missing": 23,
    "Invalid payload: Sold Product is inactive": 24,
    "Invalid payload: relatedParty is missing": 23,
    "Invalid payload: Customer Account or Consumer is missing": 23,
    "Invalid payload: Consumer does not exist": 24,
    "Invalid payload: Customer Account does not exist": 24,
    "Invalid payload: orderCurrency is required": 23,
    "Inactive Currency Code: {currency}": 24,
    "One or more line items has a different currency code than the order currency": 24,
    "This Order is still in the inbound queue table waiting to be processed.": 102,
    "The following Order Item characteristics does not exist: Review specification {name} and "
    "correct the characteristic and characteristic option in the order line item prior to "
    "approving the order.": 24,
    "Order Item characteristic: {name} with characteristic value: {value}is invalid. Correct the "
    "characteristic values before approving the order.": 24,
}


@pytest.mark.parametrize(("text", "code"), PUBLISHED.items())
def test_a_published_text_is_there_to_the_letter(text: str, code: int) -> None:
    assert Message(text, code) in _ALL.values()


@pytest.mark.parametrize("name", _ALL)
def test_every_message_has_a_code_that_has_a_reason(name: str) -> None:
    assert _ALL[name].code in REASONS


@pytest.mark.parametrize("name", _ALL)
def test_what_is_missing_has_the_code_of_missing(name: str) -> None:
    """Code 23 is for members that are not there, and for nothing else."""
    text = _ALL[name].text
    missing = text.endswith((" is missing", " is required")) or "field missing" in text
    if missing and name != "CREDENTIALS_MISSING":
        assert _ALL[name].code == 23
    else:
        assert _ALL[name].code != 23


def test_no_text_is_used_twice() -> None:
    texts = [one.text for one in _ALL.values()]
    assert sorted(texts) == sorted(set(texts))


@pytest.mark.parametrize("name", _ALL)
def test_templates_name_what_they_are_filled_with(name: str) -> None:
    fields = [field for _, field, _, _ in string.Formatter().parse(_ALL[name].text) if field]
    assert all(field.isidentifier() for field in fields)
    assert ("{" in _ALL[name].text) == bool(fields)


def test_the_reasons_are_those_of_the_published_code_list() -> None:
    assert REASONS == {
        1: "Invalid payload: Order creation failed",
        5: "Service temporarily unavailable",
        20: "Invalid URL parameter value",
        21: "Missing body",
        22: "Invalid body",
        23: "Missing body field",
        24: "Invalid body field",
        25: "Missing header",
        26: "Invalid header value",
        27: "Missing query-string parameter",
        28: "Invalid query-string parameter value",
        40: "Missing credentials",
        41: "Invalid credentials",
        50: "Access denied",
        60: "Resource not found",
        61: "Method not allowed",
        63: "Request time-out",
        102: "Request in queue",
    }
