"""Files cut into blocks of whole lines."""

import io

import pytest

from ordering_app.importing import blocks
from ordering_app.importing.blocks import Block, LineTooLongError, read_blocks


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_MOST_BYTES", 10)
    monkeypatch.setattr(blocks, "_MOST_LINES", 3)
    monkeypatch.setattr(blocks, "_LONGEST_LINE", 25)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", []),
        (b"a", [b"a"]),
        (b"a\nb", [b"a\n", b"b"]),
        (b"a\nb\n", [b"a\nb\n"]),
        (b"1\n2\n3\n4\n5\n", [b"1\n2\n3\n", b"4\n5\n"]),
        (b"12345\n789\nabc\n", [b"12345\n789\n", b"abc\n"]),
        (b"12345\n7890\nab\n", [b"12345\n", b"7890\nab\n"]),
        (b"a\n123456789012345\nb\n", [b"a\n", b"123456789012345\n", b"b\n"]),
    ],
)
def test_blocks_are_whole_lines_up_to_a_number_and_a_size(
    content: bytes, expected: list[bytes]
) -> None:
    assert list(read_blocks(io.BytesIO(content))) == expected


def test_lines_are_counted_the_last_one_too() -> None:
    assert [Block(each).lines for each in (b"a", b"a\n", b"a\n\nb", b"a\n\nb\n")] == [1, 1, 3, 3]


def test_a_line_that_no_service_takes_ends_the_reading() -> None:
    with pytest.raises(LineTooLongError, match="a line is longer than 25 bytes"):
        list(read_blocks(io.BytesIO(b"a\n" + b"x" * 40 + b"\n")))
