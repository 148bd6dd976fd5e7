"""Identities: UUIDv7, strictly rising, shown as 32 hexadecimal digits."""

import threading
import time
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering.domain.ids import new_id, parse_id, show_id


def test_an_id_is_a_uuid_of_version_7_with_the_time_of_its_making() -> None:
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000
    assert made.version == 7
    assert made.variant == RFC_4122
    # Ids made within one millisecond count on from each other, so a busy process may be ahead.
    assert before <= made.int >> 80 <= after + 1


def test_ids_rise_strictly() -> None:
    made = [new_id() for _ in range(5_000)]
    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}


def test_ids_rise_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    first = new_id()
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    later = [new_id() for _ in range(3)]
    assert [one.int - first.int for one in later] == [1, 2, 3]


def test_threads_never_get_the_same_id() -> None:
    made: list[UUID] = []

    def make() -> None:
        made.extend(new_id() for _ in range(1_000))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == len(set(made)) == 4_000


@given(st.uuids())
def test_what_is_shown_is_read_again(identity: UUID) -> None:
    shown = show_id(identity)
    assert len(shown) == 32
    assert parse_id(shown) == identity


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PO-456",
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789abcdef0123456789abcdeg",
        "0123456789ABCDEF0123456789ABCDEF",
        "01234567-89ab-cdef-0123-456789abcdef",
        "{0123456789abcdef0123456789abcdef}",
        "urn:uuid:0123456789abcdef0123456789abcdef",
        " 0123456789abcdef0123456789abcdef",
        "0123456789abcdef0123456789abcdef\n",
        "٠١٢٣٤٥٦٧٨٩abcdef0123456789abcdef",
    ],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert parse_id(text) is None


@given(st.text(max_size=40))
def test_reading_never_fails(text: str) -> None:
    identity = parse_id(text)
    assert identity is None or show_id(identity) == text
