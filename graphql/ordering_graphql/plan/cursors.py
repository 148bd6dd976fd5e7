"""Cursors: where a row is in an order of a list, as opaque text.

A cursor is base64url of a JSON array: the version of the format, the name of the order, which only
lists of the same kind share, the row's keys. It stays good while rows come and go, since it says
where to go on and not how many to skip.
Whose list it was, is not in it: the same field of another order takes it for a place among its own.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from ordering.db.json_text import quote
from ordering.domain.timestamps import Timestamp

__all__ = ["cursor_sql", "read_cursor"]

_VERSION = 1


def cursor_sql(order: str, keys: Sequence[str]) -> str:
    """Write the cursor of a row, whose keys are SQL expressions, as SQL."""
    members = ", ".join((str(_VERSION), quote(order), *keys))
    encoded = f"encode(convert_to(json_build_array({members})::text, 'UTF8'), 'base64')"
    # The base64 of PostgreSQL has line breaks.
    return f"translate({encoded}, E'+/=\\n', '-_')"


def read_cursor(text: str, order: str, kinds: Sequence[str]) -> list[Any]:
    """Read the keys of a cursor, by their SQL types.

    Raises `ValueError` if it is none, of another version, list or order.
    """
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        members = msgspec.json.decode(
            base64.b64decode(padded, b"-_", validate=True), type=list[object]
        )
    except (binascii.Error, UnicodeError, msgspec.DecodeError, RecursionError) as error:
        raise ValueError("no cursor") from error
    head, keys = members[:2], members[2:]
    if head != [_VERSION, order] or len(keys) != len(kinds):
        raise ValueError("a cursor of another list")
    return [_READ[kind](key) for kind, key in zip(kinds, keys, strict=True)]


def _number(bits: int) -> Callable[[object], int]:
    def read(key: object) -> int:
        if not isinstance(key, int) or isinstance(key, bool) or key.bit_length() >= bits:
            raise ValueError("no key")
        return key

    return read


def _moment(key: object) -> datetime:
    moment = datetime.fromisoformat(_string(key))
    if moment.tzinfo is None:
        raise ValueError("no key")
    Timestamp.of(moment)  # whether it is between the years 1 and 9999 in UTC, too
    return moment


def _uuid(key: object) -> UUID:
    return UUID(_string(key))


def _string(key: object) -> str:
    return msgspec.convert(key, str)  # its error is a ValueError


_READ: Mapping[str, Callable[[object], Any]] = {
    "bigint": _number(64),
    "int": _number(32),
    "timestamptz": _moment,
    "uuid": _uuid,
}
