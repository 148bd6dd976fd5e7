"""Lines cut from a stream, and held between reader and worker."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering.inbound.lines import Line, LineBuffer, LineSplitter


def cut(*chunks: bytes, limit: int = 10) -> list[Line]:
    splitter = LineSplitter(limit)
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.end()


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([], []),
        ([b""], []),
        ([b"a"], [Line(1, b"a")]),
        ([b"a\n"], [Line(1, b"a")]),
        ([b"a\r\nb\r\n"], [Line(1, b"a"), Line(2, b"b")]),
        ([b"a", b"b\n", b"c"], [Line(1, b"ab"), Line(2, b"c")]),
        ([b"\n \n\r\na\n\n"], [Line(4, b"a")]),
        ([b"a" * 10 + b"\n"], [Line(1, b"a" * 10)]),
        ([b"a" * 10 + b"\r\n"], [Line(1, b"a" * 10)]),
        ([b"a" * 11 + b"\nb"], [Line(1, None), Line(2, b"b")]),
        ([b"a" * 8, b"a" * 8, b"a\nb\n"], [Line(1, None), Line(2, b"b")]),
        ([b"x\n" + b"a" * 99], [Line(1, b"x"), Line(2, None)]),
    ],
)
def test_lines_are_numbered_and_blank_ones_count(chunks: list[bytes], lines: list[Line]) -> None:
    assert cut(*chunks) == lines


@given(st.lists(st.binary(max_size=12).map(lambda each: each.replace(b"\0", b"\n"))))
def test_lines_do_not_depend_on_how_the_bytes_come(chunks: list[bytes]) -> None:
    assert cut(*chunks) == cut(b"".join(chunks))


def test_a_line_that_is_too_long_is_not_held() -> None:
    splitter = LineSplitter(10)
    for _ in range(1000):
        assert splitter.feed(b"a" * 10) == []
        assert sum(map(len, vars(splitter)["_parts"])) <= 11
    assert splitter.feed(b"\n") == [Line(1, None)]


async def test_who_puts_more_than_there_is_room_for_waits() -> None:
    buffer = LineBuffer(100)
    putting = asyncio.create_task(buffer.put([Line(n, b"x" * 50) for n in range(1, 4)]))
    assert [line.number for line in await buffer.take(1, 1000)] == [1]
    await asyncio.sleep(0)
    assert not putting.done()
    assert [line.number for line in await buffer.take(2, 1000)] == [2, 3]
    await putting
    await buffer.close()
    assert await buffer.take(1, 1000) == []


async def test_a_batch_ends_where_it_would_be_too_large_but_has_one_line() -> None:
    buffer = LineBuffer(10_000)
    await buffer.put([Line(n, b"x" * 100) for n in range(1, 5)])
    assert [line.number for line in await buffer.take(9, 400)] == [1, 2]
    assert [line.number for line in await buffer.take(9, 1)] == [3]
    assert [line.number for line in await buffer.take(9, 400)] == [4]
