"""Points in time: RFC 3339 in, UTC with milliseconds out."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering.domain.timestamps import Timestamp, now, show_timestamp


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2021-05-02T08:13:59.506Z", "2021-05-02T08:13:59.506Z"),
        ("2021-05-02T08:13:59Z", "2021-05-02T08:13:59.000Z"),
        ("2021-05-02t08:13:59z", "2021-05-02T08:13:59.000Z"),
        ("2021-05-02T08:13:59.5-00:00", "2021-05-02T08:13:59.500Z"),
        ("2021-05-02T08:13:59.506999999Z", "2021-05-02T08:13:59.506Z"),
        ("2021-05-02T08:13:59+05:30", "2021-05-02T02:43:59.000Z"),
        ("2021-05-02T23:30:00-01:00", "2021-05-03T00:30:00.000Z"),
        ("0001-01-01T14:00:00+14:00", "0001-01-01T00:00:00.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z"),
    ],
)
def test_a_date_and_time_with_offset_is_read(text: str, shown: str) -> None:
    assert show_timestamp(Timestamp.parse(text)) == shown


_FORM = "Expected a date and time with offset, as in 2021-05-02T08:13:59.506Z"
_YEARS = "Expected a date and time between the years 1 and 9999"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "Expected a date and time as a string"),
        (None, "Expected a date and time as a string"),
        (["2021-05-02T08:13:59Z"], "Expected a date and time as a string"),
        ("", _FORM),
        ("2021-05-02", _FORM),
        ("2021-05-02T08:13:59", _FORM),
        ("2021-05-02 08:13:59+00:00", _FORM),
        ("2021-05-02T08:13:59+0530", _FORM),
        ("2021-05-02T08:13Z", _FORM),
        ("20210502T081359Z", _FORM),
        ("2021-05-02T08:13:59,5Z", _FORM),
        ("2021-05-02T08:13:59.1234567890Z", _FORM),
        ("2021-05-02T08:13:59Z\n", _FORM),
        ("٢٠٢١-05-02T08:13:59Z", _FORM),
        ("+2021-05-02T08:13:59Z", _FORM),
        ("2021-W18-7T08:13:59Z", _FORM),
        ("0001-01-01T00:00:00+14:00", _YEARS),
        ("9999-12-31T23:59:59-14:00", _YEARS),
    ],
)
def test_anything_else_is_refused_with_a_reason(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Timestamp.parse(value)


@pytest.mark.parametrize(
    "text",
    [
        "2021-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2021-13-01T00:00:00Z",
        "2021-05-02T25:00:00Z",
        "2021-05-02T08:60:00Z",
        "2021-06-30T23:59:60Z",
        "0000-01-01T00:00:00Z",
        "2021-05-02T08:13:59+24:00",
    ],
)
def test_a_moment_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Expected a date and time that exists: .+"):
        Timestamp.parse(text)


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14 * 60, 14 * 60))
def test_the_offset_does_not_matter(moment: datetime, minutes: int) -> None:
    try:
        elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    except OverflowError:
        elsewhere = moment
    read = Timestamp.parse(elsewhere.isoformat())
    assert read == moment - timedelta(microseconds=moment.microsecond % 1000)
    assert read.tzinfo is UTC
    assert Timestamp.parse(show_timestamp(read)) == read


def test_now_is_now_in_utc_with_whole_milliseconds() -> None:
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    moment = now()
    assert before <= moment <= datetime.now(UTC)
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0
