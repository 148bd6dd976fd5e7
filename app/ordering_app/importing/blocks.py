"""A file cut into blocks of whole lines, each small enough to be sent again."""

from collections.abc import Iterator
from typing import BinaryIO

__all__ = ["Block", "LineTooLongError", "read_blocks"]

_MOST_BYTES = 4 * 1024 * 1024
_MOST_LINES = 2000

#: A longer line is none that any service takes.
_LONGEST_LINE = 64 * 1024 * 1024


class LineTooLongError(Exception):
    """The file has a line that cannot be an order."""


class Block(bytes):
    """Whole lines; only the last one of a file may lack its end."""

    @property
    def lines(self) -> int:
        """The number of lines, the last one included if it lacks its end."""
        return self.count(b"\n") + (not self.endswith(b"\n"))


def read_blocks(file: BinaryIO) -> Iterator[Block]:
    """Cut a file into blocks from where it stands. Raises `LineTooLongError`."""
    rest = b""
    while True:
        piece = file.read(_MOST_BYTES)
        if not piece:
            break
        rest += piece
        while len(rest) >= _MOST_BYTES and (end := _end_of_block(rest)):
            yield Block(rest[:end])
            rest = rest[end:]
        if len(rest) > _LONGEST_LINE:
            raise LineTooLongError(f"a line is longer than {_LONGEST_LINE} bytes")
    while rest:
        end = _end_of_block(rest) or len(rest)
        yield Block(rest[:end])
        rest = rest[end:]


def _end_of_block(content: bytes) -> int:
    """Find where the lines end that make a block; 0 if not even one line is whole."""
    end = 0
    for _ in range(_MOST_LINES):
        following = content.find(b"\n", end) + 1
        if following == 0 or (end and following > _MOST_BYTES):
            break
        end = following
    return end
