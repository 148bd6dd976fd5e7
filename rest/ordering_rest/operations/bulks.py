"""The endpoints of bulks: how far one is, and what became of its lines."""

from collections.abc import AsyncGenerator, Mapping

import msgspec
from litestar.response.streaming import ASGIStreamingResponse

from ordering.access.roles import Permission
from ordering.db.engine import Database
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.states import LineOutcome
from ordering.inbound.bulk_rows import Bulk, LineRange, read_bulk, read_lines
from ordering_http.access import requires
from ordering_http.operations import get
from ordering_http.request import Request, services_of
from ordering_http.response import Response
from ordering_rest.bodies import NDJSON
from ordering_rest.operations.bulk_view import BULKS_PATH, show_bulk, show_results

__all__ = ["get_bulk", "get_bulk_results"]

_PAGE = 1000
#: A line's number is a 64-bit number in PostgreSQL.
_LAST_LINE = 2**63 - 1

_reading = requires(Permission.READ_QUEUE)


@get(f"{BULKS_PATH}/{{bulk_id:str}}", _reading)
async def get_bulk(request: Request, bulk_id: str) -> Response:
    """Answer a bulk with its counts."""
    found = await _find(services_of(request).database, bulk_id)
    return Response(msgspec.json.encode(show_bulk(found)))


@get(f"{BULKS_PATH}/{{bulk_id:str}}/results", _reading)
async def get_bulk_results(request: Request, bulk_id: str) -> ASGIStreamingResponse:
    """Answer what became of the lines so far, in their order, as lines of JSON."""
    which = _read_range(request.query_params)
    database = services_of(request).database
    found = await _find(database, bulk_id)
    return ASGIStreamingResponse(iterator=_pages(database, found, which), media_type=NDJSON)


async def _find(database: Database, text: str) -> Bulk:
    async with database.acquire() as connection:
        found = await read_bulk(connection, text)
    if found is None:
        raise NotFoundError([Problem.of(messages.BULK_NOT_FOUND)])
    return found


async def _pages(database: Database, bulk: Bulk, which: LineRange) -> AsyncGenerator[bytes]:
    """Yield pages; no connection is held while the client takes them."""
    full = True
    while full:
        async with database.acquire() as connection:
            page = [line.result for line in await read_lines(connection, bulk.id, which)]
        full = len(page) == which.limit
        if page:
            which = which._replace(after=page[-1].number)
            yield show_results(page)


def _read_range(query: Mapping[str, str]) -> LineRange:
    """Read `after` and `outcome`. Raises `InvalidRequestError` with all that is wrong."""
    problems: list[Problem] = []
    text = query.get("after", "0")
    after = int(text) if text.isascii() and text.isdecimal() and len(text) <= 19 else -1
    if not 0 <= after <= _LAST_LINE:
        problems.append(Problem.of(messages.LINE_INVALID, member="after", limit=_LAST_LINE))
    outcome = query.get("outcome")
    known = [each.value for each in LineOutcome]
    if outcome is not None and outcome not in known:
        told = ", ".join(known)
        problems.append(Problem.of(messages.CHOICE_UNKNOWN, member="outcome", known=told))
    if problems:
        raise InvalidRequestError(problems)
    return LineRange(after, _LAST_LINE, _PAGE, None if outcome is None else LineOutcome(outcome))
