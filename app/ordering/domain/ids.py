"""Identities: UUIDv7, shown as 32 hexadecimal digits.

Made here and not in SQL, because an external server may be as old as PostgreSQL 15, and because
an order's id is given away before its row exists (docs/decisions/0004-ids.md).
"""

import os
import re
import threading
import time
from uuid import UUID

__all__ = ["new_id", "parse_id", "show_id"]

_HEX32 = re.compile(r"[0-9a-f]{32}", re.ASCII)


class _Last:
    """The id made last, so that the ids of one process rise strictly."""

    lock = threading.Lock()
    value = 0


def new_id() -> UUID:
    """Make a UUIDv7 (RFC 9562): a millisecond clock, then randomness.

    The ids that a process makes are in the order of their making, so that rows sorted by id come
    back as they were sent: within a millisecond they count on from the first, which alone is
    random. Asking the system for randomness costs more than all else here.
    """
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    with _Last.lock:
        if milliseconds > _Last.value >> 80:
            random = int.from_bytes(os.urandom(10), "big")
            _Last.value = (
                milliseconds << 80
                | 0x7 << 76
                | (random >> 68) << 64
                | 0b10 << 62
                | random & 0x3FFF_FFFF_FFFF_FFFF
            )
        else:
            _Last.value += 1
        value = _Last.value
    return UUID(int=value)


def parse_id(text: str) -> UUID | None:
    """Read 32 lower-case hexadecimal digits; anything else is no id but an external id."""
    return UUID(hex=text) if _HEX32.fullmatch(text) else None


def show_id(identity: UUID) -> str:
    """Show an id as every face does."""
    return identity.hex
