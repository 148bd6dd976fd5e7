"""Lengths of time as clients write them: `P1DT12H` (ISO 8601), or a number of seconds."""

import re
from datetime import timedelta

__all__ = ["parse_duration"]

#: A hundred years: PostgreSQL's calendar begins in 4713 BC.
_LONGEST = timedelta(days=36_525)

#: No years and months: they have no length. The digits bound what `timedelta` is asked for.
_ISO8601 = re.compile(
    r"P(?=[\dT])(?:(?P<weeks>\d{1,5})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,9})S)?)?",
    re.ASCII,
)
_SECONDS = re.compile(r"\d{1,9}", re.ASCII)


def parse_duration(text: str) -> timedelta:
    """Read weeks, days, hours, minutes and whole seconds, or seconds alone (`90`).

    Raises `ValueError` if the text is neither, or means more than a hundred years.
    """
    found = _ISO8601.fullmatch(f"PT{text}S" if _SECONDS.fullmatch(text) else text)
    if found is None:
        raise ValueError("Expected a duration like P1DT12H, or a number of seconds")
    length = timedelta(**{unit: int(number or 0) for unit, number in found.groupdict().items()})
    if length > _LONGEST:
        raise ValueError("Expected a duration like P1DT12H, a hundred years at most")
    return length
