"""The results of a bulk on their way to whoever sent it: in order, and never in the way.

Results are offered once they are committed. A few batches are held for a reader who keeps up. One
who does not read, perhaps because it sends everything first, is not waited for: what it did not
take is read back from the table when it goes on. So neither side can block the other, and a slow
reader costs no memory.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from uuid import UUID

from ordering.db.engine import Database
from ordering.inbound.bulk_rows import LineRange, LineResult, read_lines

__all__ = ["PAGE", "BulkOutput"]

#: How many results are read back at once.
PAGE = 500
_HELD = 4


class BulkOutput:
    """Results of one bulk, offered by one task and read by another."""

    def __init__(self, database: Database, bulk: UUID) -> None:
        self._database = database
        self._bulk = bulk
        self._held: deque[Sequence[LineResult]] = deque()
        self._offered = 0
        self._kept_up = True
        self._closed = False
        self._changed = asyncio.Event()

    def offer(self, results: Sequence[LineResult]) -> None:
        """Hand over results that are committed and come after all before; never waits."""
        self._kept_up = self._kept_up and len(self._held) < _HELD
        if self._kept_up:
            self._held.append(results)
        self._offered = results[-1].number
        self._changed.set()

    def close(self) -> None:
        """Tell that no more come."""
        self._closed = True
        self._changed.set()

    async def batches(self) -> AsyncGenerator[Sequence[LineResult]]:
        """Yield all results until there are no more to come.

        Raises one of `DATABASE_AWAY` if results cannot be read back.
        """
        taken = 0
        while True:
            if self._held:
                batch = self._held.popleft()
            elif taken < self._offered:
                batch = await self._read_back(taken)
            elif self._closed:
                return
            else:
                self._changed.clear()
                await self._changed.wait()
                continue
            taken = batch[-1].number
            self._kept_up = self._kept_up or taken == self._offered
            yield batch

    async def _read_back(self, after: int) -> Sequence[LineResult]:
        which = LineRange(after=after, until=self._offered, limit=PAGE)
        async with self._database.acquire() as connection:
            return [each.result for each in await read_lines(connection, self._bulk, which)]
