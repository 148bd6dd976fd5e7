"""Cursors: where a page of a list begins, opaque to clients.

A cursor holds a version and the number of the last record before the page. It names a place, not a
state of the list: records that come or go in between neither repeat nor hide others.
"""

import base64
import binascii
import re

__all__ = ["read_cursor", "show_cursor"]

_VERSION = "1"
_CONTENT = re.compile(rf"{_VERSION}:([1-9]\d{{0,17}})", re.ASCII)


def show_cursor(number: int) -> str:
    """Make the cursor of the page behind a record."""
    return base64.urlsafe_b64encode(f"{_VERSION}:{number}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> int:
    """Return the number of the record that the page comes after.

    Raises `ValueError` if the text is no cursor of this version.
    """
    try:
        content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        found = _CONTENT.fullmatch(content.decode())
    except (binascii.Error, ValueError) as error:
        raise ValueError("No cursor") from error
    if found is None:
        raise ValueError("No cursor of this version")
    return int(found[1])
