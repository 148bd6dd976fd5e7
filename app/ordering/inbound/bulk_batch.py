"""A batch of a bulk's lines: judged together, then written together.

The orders, what became of each line, and the bulk's counts are one transaction: there is never one
without the others (docs/decisions/0018-bulks.md).
"""

import asyncio
from collections.abc import Sequence
from hashlib import blake2b
from uuid import UUID

import msgspec

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain import messages
from ordering.domain.decode import Decoded
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import InvalidRequestError, KeyReusedError, Problem
from ordering.domain.references import References
from ordering.domain.rules import check
from ordering.domain.states import LineOutcome
from ordering.inbound.accept import NewRequest, copy_requests, is_in_line, line_up, make_request
from ordering.inbound.bulk_rows import (
    LineRange,
    LineResult,
    Opened,
    StoredLine,
    advance,
    copy_lines,
    read_lines,
)
from ordering.inbound.lines import Line
from ordering.orders.external_ids import ExternalIds
from ordering.orders.validate import policy_of, read_order
from ordering.settings import Settings

__all__ = ["MOST_PROBLEMS", "Batch", "BulkLostError", "Judged", "LineJudge", "LineWriter"]

#: How many problems of a line are kept; one more tells how many there are beyond.
MOST_PROBLEMS = 20

#: Lines that are judged with one look-up: what is made of more does not stay in the processor's
#: cache until the rules see it, which costs more than further look-ups.
_TOGETHER = 64

#: After so many lines others get their turn.
_BREATH = 8

#: The digest of a line of a bulk that nobody can send again.
_NEVER_COMPARED = 0


class BulkLostError(Exception):
    """Somebody else receives the bulk by now; nothing was written."""


class Judged(msgspec.Struct, kw_only=True):
    """A line that was held against the rules: an order to queue, or what is wrong with it."""

    number: int
    digest: int
    external_id: str | None = None
    request: NewRequest | None = None
    problems: Sequence[Problem] = ()

    @property
    def refused(self) -> LineResult:
        """What becomes of a line with problems."""
        return LineResult(
            number=self.number,
            outcome=LineOutcome.REFUSED,
            external_id=self.external_id,
            problems=self.problems,
        )


class Batch(msgspec.Struct):
    """Lines that are written together, and the results of those that were written before."""

    bulk: Opened
    lines: Sequence[Judged]
    known: Sequence[LineResult] = ()


class LineJudge:
    """Decodes lines and holds them against all rules, with one look-up for many."""

    def __init__(self, database: Database, keeper: CatalogKeeper, settings: Settings) -> None:
        self._database = database
        self._keeper = keeper
        self._max_bytes = settings.max_body_bytes
        self._policy = policy_of(
            settings, check_references=settings.create_product_order_validations_async
        )

    async def judge(self, bulk: Opened, lines: Sequence[Line], client: str, after: int) -> Batch:
        """Judge the lines that were not answered before; those up to `after` are done with.

        Raises `KeyReusedError` where a line is another now, blank ones included.
        """
        known = await self._known(bulk, lines, after)
        answered = {result.number for result in known}
        left = [line for line in lines if line.number not in answered]
        judged: list[Judged] = []
        for start in range(0, len(left), _TOGETHER):
            judged += await self._judge(bulk, left[start : start + _TOGETHER], client)
        return Batch(bulk, judged, known)

    async def _judge(self, bulk: Opened, lines: Sequence[Line], client: str) -> list[Judged]:
        judged: list[Judged] = []
        decoded: list[tuple[Judged, bytes, Decoded[OrderDraft]]] = []
        for place, line in enumerate(lines):
            digest = _digest(line) if bulk.has_key else _NEVER_COMPARED
            each = Judged(number=line.number, digest=digest)
            judged.append(each)
            read = self._read(line, each)
            if read is not None and line.body is not None:
                decoded.append((each, line.body, read))
            if place % _BREATH == 0:
                await asyncio.sleep(0)
        found = await self._find([read.draft for _, _, read in decoded])
        for place, (each, body, read) in enumerate(decoded):
            each.external_id = read.draft.external_id
            if problems := check(read, found, self._policy):
                each.problems = _kept(problems)
            else:
                each.request = make_request(body, read.draft, found, client)
            if place % _BREATH == 0:
                await asyncio.sleep(0)
        return judged

    async def _known(self, bulk: Opened, lines: Sequence[Line], after: int) -> Sequence[LineResult]:
        if after >= bulk.last_line:
            return ()
        digests = {line.number: _digest(line) for line in lines}
        # Of more rows than lines, the first that is no line now is among so many.
        which = LineRange(after, max(digests), len(digests))
        async with self._database.acquire() as connection:
            known = await read_lines(connection, bulk.id, which)
        before = {result.number: digest for result, digest in known}
        # What was blank has no row, what is blank now no digest: either makes it another line.
        repeated = {number for number in digests if number <= bulk.last_line}
        for number in sorted(repeated | before.keys()):
            if number not in before or digests.get(number) != before[number]:
                raise KeyReusedError([Problem.of(messages.BULK_LINE_DIFFERS, number=number)])
        return [result for result, _ in known]

    def _read(self, line: Line, judged: Judged) -> Decoded[OrderDraft] | None:
        if line.body is None:
            judged.problems = [Problem.of(messages.LINE_TOO_LONG, limit=self._max_bytes)]
            return None
        try:
            return read_order(line.body, self._policy)
        except InvalidRequestError as error:
            judged.problems = _kept(error.problems)
            return None

    async def _find(self, drafts: Sequence[OrderDraft]) -> References:
        async with self._database.acquire() as connection:
            return await find_references(connection, self._keeper.catalog, drafts)


class LineWriter:
    """Writes batches, each in one transaction of a fixed number of statements."""

    def __init__(self, external_ids: ExternalIds, settings: Settings) -> None:
        self._external_ids = external_ids
        self._by_account = settings.queue_serialise_accounts
        self._lease_s = settings.queue_lease_s

    async def write(
        self, connection: Connection, batches: Sequence[Batch]
    ) -> Sequence[Sequence[LineResult]]:
        """Write batches; returns the results of each. Raises `BulkLostError`."""
        return [await self._write(connection, batch) for batch in batches]

    async def _write(self, connection: Connection, batch: Batch) -> Sequence[LineResult]:
        async with connection.transaction():
            requests = [line.request for line in batch.lines if line.request is not None]
            owners = await self._external_ids.find(connection, requests)
            owner_of = {
                request.id: owner for request, owner in zip(requests, owners, strict=True) if owner
            }
            results = [_result(line, owner_of) for line in batch.lines]
            # First of all writes: from here on the bulk is locked, or somebody else's.
            if not await advance(connection, batch.bulk, results, lease_s=self._lease_s):
                raise BulkLostError
            fresh = [request for request in requests if request.id not in owner_of]
            in_line = [each for each in fresh if is_in_line(each, by_account=self._by_account)]
            if in_line:
                await line_up(connection, in_line, by_account=self._by_account)
            await copy_requests(connection, fresh)
            digests = [line.digest for line in batch.lines]
            stored = list(map(StoredLine, results, digests))
            await copy_lines(connection, batch.bulk.id, stored)
        return results

    async def find_written(
        self, connection: Connection, batch: Batch
    ) -> Sequence[LineResult] | None:
        """Tell the results of a batch that was written although the answer got lost."""
        lines = batch.lines
        which = LineRange(lines[0].number - 1, lines[-1].number, len(lines))
        written = await read_lines(connection, batch.bulk.id, which)
        return [result for result, _ in written] or None


def _result(line: Judged, owner_of: dict[UUID, UUID]) -> LineResult:
    if line.request is None:
        return line.refused
    owner = owner_of.get(line.request.id)
    return LineResult(
        number=line.number,
        outcome=LineOutcome.ACCEPTED if owner is None else LineOutcome.DUPLICATE,
        order_id=owner or line.request.id,
        external_id=line.external_id,
    )


def _digest(line: Line) -> int:
    """Shorten a line to 64 bits, as PostgreSQL's bigint; those too long are all alike."""
    if line.body is None:
        return 0
    return int.from_bytes(blake2b(line.body, digest_size=8).digest(), signed=True)


def _kept(problems: Sequence[Problem]) -> Sequence[Problem]:
    """Take as many problems as are kept, with pointers that PostgreSQL can keep."""
    if len(problems) > MOST_PROBLEMS:
        more = f"and {len(problems) - MOST_PROBLEMS} more problems"
        problems = [*problems[:MOST_PROBLEMS], Problem(more, "", problems[0].code)]
    # They may name an attribute with U+0000, which jsonb cannot hold. It is replaced for all:
    # whoever reads the results later is told what is told at once.
    return [
        msgspec.structs.replace(
            each, pointer=each.pointer.replace("\0", "\N{REPLACEMENT CHARACTER}")
        )
        for each in problems
    ]
