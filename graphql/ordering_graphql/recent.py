"""What was used last, as much of it as there is room for."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

Key = TypeVar("Key", bound=Hashable)
Kept = TypeVar("Kept")


class Recent(Generic[Key, Kept]):
    """The entries that were used last: at most so many, which together weigh at most so much.

    What an entry weighs is told when it is kept. One that is too heavy alone is not kept.
    """

    def __init__(self, most: int, weight: int) -> None:
        self._most = most
        self._room = weight
        self._entries: OrderedDict[Key, tuple[Kept, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, key: Key) -> Kept | None:
        """Return an entry, if it is kept."""
        if key not in self._entries:
            return None
        self._entries.move_to_end(key)
        return self._entries[key][0]

    def keep(self, key: Key, entry: Kept, weight: int) -> None:
        """Keep an entry, and forget those that were not used for the longest time."""
        if key in self._entries:
            self._room += self._entries.pop(key)[1]
        self._entries[key] = (entry, weight)
        self._room -= weight
        while self._room < 0 or len(self._entries) > self._most:
            self._room += self._entries.popitem(last=False)[1][1]
