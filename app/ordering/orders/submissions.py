"""Writes that are gathered into shared statements, and those of them that ask for more care.

Most writes are one statement, which is a transaction by itself. One with an idempotency key, or
whose external id must be its own, or that stands in a line, goes with its like into transactions
of a fixed number of statements; the others never wait for it.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.gather import Gather
from ordering.orders.external_ids import ExternalIds, Named
from ordering.orders.idempotency import Kept, claim_keys, keep_answers

__all__ = ["Submissions"]

Write = TypeVar("Write", bound=Named)

#: Inserts writes in one statement, or in as many as its care asks for.
Insert = Callable[[Connection, Sequence[Write]], Awaitable[Sequence[Write]]]


class Submissions(Generic[Write]):
    """Takes writes of one kind.

    `insert` and `find_done` are what `Gather` asks for; `insert_carefully` does what `insert` does,
    in an open transaction. With `external_ids` no two have the same one.
    """

    def __init__(
        self,
        database: Database,
        insert: Insert[Write],
        find_done: Callable[[Connection, Write], Awaitable[Write | None]],
        *,
        external_ids: ExternalIds | None,
        insert_carefully: Insert[Write] | None = None,
    ) -> None:
        self._insert = insert_carefully or insert
        self._find_done = find_done
        self._external_ids = external_ids
        self._plain = Gather(database, insert, find_done)
        self._careful: Gather[tuple[Write, Kept | None], Write | Exception] = Gather(
            database, self._write, self._find_written
        )

    async def submit(
        self, write: Write, kept: Kept | None = None, *, size: int, carefully: bool = False
    ) -> Write:
        """Write it; it is committed on return, with the answer that is to be kept.

        `size` is that of the body in bytes: large ones do not share a statement.
        Raises `AnsweredError`, `KeyReusedError`, `KeyInUseError` or `InvalidRequestError` where
        something stands against it; then it was not written.
        """
        named = self._external_ids is not None and write.external_id is not None
        if kept is None and not carefully and not named:
            return await self._plain.submit(write, size)
        result = await self._careful.submit((write, kept), size)
        if isinstance(result, Exception):
            raise result
        return result

    async def close(self) -> None:
        """Finish the writes under way and take no more."""
        await self._plain.close()
        await self._careful.close()

    async def _write(
        self, connection: Connection, group: Sequence[tuple[Write, Kept | None]]
    ) -> Sequence[Write | Exception]:
        """Write those of a group that nothing stands against, with their answers."""
        results: list[Write | Exception] = [write for write, _ in group]
        async with connection.transaction():
            against = await claim_keys(connection, [kept and kept.key for _, kept in group])
            left = _put(results, range(len(group)), against)
            if self._external_ids is not None:
                wanted = [group[place][0] for place in left]
                left = _put(results, left, await self._external_ids.claim(connection, wanted))
            written = [group[place] for place in left]
            await keep_answers(connection, [kept for _, kept in written if kept is not None])
            if written:
                await self._insert(connection, [write for write, _ in written])
        return results

    async def _find_written(
        self, connection: Connection, entry: tuple[Write, Kept | None]
    ) -> Write | None:
        return await self._find_done(connection, entry[0])


def _put(
    results: list[Write | Exception], places: Sequence[int], against: Sequence[Exception | None]
) -> list[int]:
    """Note what stands against the writes at these places; returns the places of the others."""
    left: list[int] = []
    for place, error in zip(places, against, strict=True):
        if error is None:
            left.append(place)
        else:
            results[place] = error
    return left
