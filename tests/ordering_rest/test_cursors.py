"""Cursors: opaque, versioned, and read only where this version made them."""

import base64

import pytest

from ordering_rest.cursors import read_cursor, show_cursor


@pytest.mark.parametrize("number", [1, 20, 999_999, 10**18 - 1])
def test_a_cursor_is_read_as_it_was_made(number: int) -> None:
    cursor = show_cursor(number)
    assert read_cursor(cursor) == number
    assert cursor.replace("-", "").replace("_", "").isalnum()


def encoded(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    ["", "x", "1:20", "Ü", "MToyMA==MToyMA", show_cursor(20) + "!"]
    + [encoded(each) for each in ("2:20", "1:0", "1:-5", "1:x", "1:", "1:" + "9" * 19, "1:٣")],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="No cursor"):
        read_cursor(text)
