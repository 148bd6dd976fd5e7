"""Records of the inbound queue as operators see them: one, or a page of many.

The columns are the fields of the source's record (Inbound Request) and those of a record's life
here. A payload is read only where it is asked for.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from ordering.db.connection import Connection, Row
from ordering.domain.states import InboundState, InboundStatus
from ordering.inbound.filters import RequestFilter, make_where
from ordering.inbound.lookup import find_row

__all__ = [
    "MOST_SHOWN",
    "PageRequest",
    "QueuedRequest",
    "RequestPage",
    "list_requests",
    "read_request",
]

#: How many problems and inventories of a record a list shows, the first ones, and how many entries
#: of its history, the latest; `problem_count` tells how many problems there are.
MOST_SHOWN = 20

#: Bytes of payload on a page: it ends early rather than hold a hundred of the largest.
_MOST_BYTES = 4 * 1024 * 1024


class QueuedRequest(msgspec.Struct, frozen=True):
    """A record; the names are those of its columns, jsonb comes as text.

    `error` are its problems. `payload` is the body as it was sent, None where it was not read.
    """

    id: UUID
    number: int
    resource: str
    reference_table: str
    state: InboundState
    status: InboundStatus | None
    status_code: int
    priority: int
    external_id: str | None
    external_system: str | None
    account_id: UUID | None
    contact_id: UUID | None
    consumer_id: UUID | None
    initiated_by: str
    run_in_background: bool
    requested_flow: str | None
    request_configuration: str | None
    source_table: str | None
    source_record_ids: str | None
    domain: str | None
    job_id: str | None
    payload_bytes: int
    inventory_ids: str | None
    response_payload: str | None
    error_message: str | None
    error: str | None
    problem_count: int
    execute_after: UUID | None
    due_at: datetime | None
    attempts: int
    attempt_history: str | None
    claimed_at: datetime | None
    lease_expires_at: datetime | None
    system_id: str | None
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    payload: str | None = None


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How many records, from which arrival number on (exclusive), in which direction."""

    limit: int
    after: int | None = None
    newest_first: bool = False
    payload: bool = False


class RequestPage(NamedTuple):
    """A page, and the arrival number after which the next one begins, if there is one."""

    requests: Sequence[QueuedRequest]
    next: int | None


_READ = [name for name in QueuedRequest.__struct_fields__ if name != "payload"]


def _columns(**besides: str) -> str:
    return ", ".join(besides.get(name, name) for name in _READ)


_COUNT = "coalesce(jsonb_array_length(error), 0)"
_WHOLE = _columns(problem_count=_COUNT)
_SHORT = _columns(
    problem_count=_COUNT,
    error=f"jsonb_path_query_array(error, '$[0 to {MOST_SHOWN - 1}]')",
    inventory_ids=f"jsonb_path_query_array(inventory_ids, '$[0 to {MOST_SHOWN - 1}]')",
    attempt_history=f"""
        jsonb_path_query_array(attempt_history, '$[last - {MOST_SHOWN - 1} to last]')
    """,
)

_PAGE = """
SELECT {columns} FROM inbound_request WHERE {where} ORDER BY {order} LIMIT {limit}
"""

_PAYLOADS = "SELECT id, payload FROM inbound_request WHERE id = ANY($1::uuid[])"


async def list_requests(
    connection: Connection, which: RequestFilter, page: PageRequest
) -> RequestPage:
    """Read a page of the records that fit, in the order of their arrival or against it.

    With payloads a page may be shorter than its limit: it ends where they exceed 4 MiB, but has
    one record at least.
    """
    where = await make_where(connection, which)
    if where is None:
        return RequestPage([], None)
    text, values, order = where
    if page.after is not None:
        values = [*values, page.after]
        text += f" AND number {'<' if page.newest_first else '>'} ${len(values)}"
    statement = _PAGE.format(
        columns=_SHORT,
        where=text,
        order=", ".join(f"{each} DESC" if page.newest_first else each for each in order),
        limit=f"${len(values) + 1}",
    )
    # One more than asked for tells whether another page follows.
    found = [_read(row) for row in await connection.fetch(statement, *values, page.limit + 1)]
    shown = found[: page.limit]
    if page.payload:
        shown = await _with_payloads(connection, _bounded(shown))
    return RequestPage(shown, shown[-1].number if len(shown) < len(found) else None)


async def read_request(
    connection: Connection, text: str, *, payload: bool = False
) -> QueuedRequest | None:
    """Find a record by its id or, failing that, the newest with this external id."""
    row = await find_row(connection, _WHOLE, text)
    if row is None:
        return None
    found = [_read(row)]
    return (await _with_payloads(connection, found) if payload else found)[0]


def _read(row: Row) -> QueuedRequest:
    return msgspec.convert(dict(zip(_READ, row, strict=True)), QueuedRequest)


def _bounded(found: Sequence[QueuedRequest]) -> list[QueuedRequest]:
    sums = accumulate(each.payload_bytes for each in found)
    within = sum(total <= _MOST_BYTES for total in sums)
    return list(found[: max(within, 1)])


async def _with_payloads(
    connection: Connection, found: Sequence[QueuedRequest]
) -> list[QueuedRequest]:
    rows = await connection.fetch(_PAYLOADS, [each.id for each in found])
    payloads: dict[Any, str] = {row["id"]: row["payload"] for row in rows}
    return [msgspec.structs.replace(each, payload=payloads.get(each.id)) for each in found]
