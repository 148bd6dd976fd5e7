"""Decimal numbers, as clients send them: JSON numbers, or strings where floats are not trusted."""

import re
from decimal import Decimal
from typing import Self

__all__ = ["Number"]

_DIGITS = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)


class Number(Decimal):
    """A decimal number with the digits that were sent.

    A type of its own because Python's reading of strings is laxer than a contract can be: it takes
    `1_000`, digits of any script, `NaN` and `Infinity`.
    """

    @classmethod
    def read(cls, value: object) -> Self:
        """Read a JSON number, or a string of digits. Raises `ValueError` for anything else."""
        # An order has dozens of them. True and False are numbers to Python, but of their own type.
        if type(value) is int or isinstance(value, Decimal):
            return cls(value)
        if isinstance(value, str):
            if not _DIGITS.fullmatch(value):
                raise ValueError('Expected a number, or a string like "20.50"')
            return cls(value)
        raise ValueError("Expected a number")
