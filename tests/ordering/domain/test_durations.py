"""Durations as clients write them."""

from datetime import timedelta

import pytest

from ordering.domain.durations import parse_duration


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("0", timedelta(0)),
        ("90", timedelta(seconds=90)),
        ("P1D", timedelta(days=1)),
        ("P2W", timedelta(weeks=2)),
        ("PT10M", timedelta(minutes=10)),
        ("P1DT12H30M5S", timedelta(days=1, hours=12, minutes=30, seconds=5)),
        ("PT0S", timedelta(0)),
        ("P36525D", timedelta(days=36_525)),
    ],
)
def test_weeks_to_seconds_or_seconds_alone(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length


@pytest.mark.parametrize(
    "text",
    [
        *("", "P", "PT", "P1DT", "1D", "P1M", "P1Y", "-5", "PT-5S", "1.5", "PT1.5S", "p1d", "P1D "),
        *("٣", "P1D\n", "9" * 10, "P36526D", "PT999999999H", "P9999999999W"),
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="Expected a duration like P1DT12H"):
        parse_duration(text)
