"""The errors: one tree, and what each tells."""

import pytest

from ordering.domain import errors, messages
from ordering.domain.errors import (
    AccessDeniedError,
    InvalidRequestError,
    NotFoundError,
    OrderingError,
    Problem,
    RetryableError,
    TerminalError,
    TooLargeError,
    UnauthenticatedError,
)


def test_a_problem_is_made_from_a_message() -> None:
    assert Problem.of(messages.ITEMS_MISSING, "/productOrderItem") == Problem(
        message="Invalid payload: productOrderItem is missing",
        pointer="/productOrderItem",
        code=23,
    )


def test_a_problem_of_the_whole_body_has_an_empty_pointer() -> None:
    assert Problem.of(messages.BODY_MISSING).pointer == ""


def test_values_fill_a_message_and_are_never_read_as_a_template() -> None:
    problem = Problem.of(messages.CURRENCY_INACTIVE, "/orderCurrency", currency="{currency!r}{0}")
    assert problem.message == "Inactive Currency Code: {currency!r}{0}"


@pytest.mark.parametrize(
    ("kind", "parent"),
    [
        (TerminalError, OrderingError),
        (RetryableError, OrderingError),
        (InvalidRequestError, TerminalError),
        (UnauthenticatedError, TerminalError),
        (AccessDeniedError, TerminalError),
        (NotFoundError, TerminalError),
        (TooLargeError, TerminalError),
    ],
)
def test_the_tree_is_the_one_that_is_drawn(kind: type, parent: type) -> None:
    assert kind.__base__ is parent
    assert kind.__name__ in (errors.__doc__ or "")
    assert kind.__name__ in errors.__all__


def test_an_error_carries_every_problem_and_reads_as_the_first_three() -> None:
    problems = [Problem(f"problem {number}", f"/{number}", 24) for number in range(5)]
    error = InvalidRequestError(problems)
    assert error.problems == tuple(problems)
    assert str(error) == "problem 0; problem 1; problem 2"


def test_too_large_tells_the_limit() -> None:
    assert TooLargeError(16_777_216).problems == (
        Problem("Request body is larger than 16777216 bytes", "", 22),
    )
