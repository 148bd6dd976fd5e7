"""Find records of the inbound queue by their ids or external ids."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ordering.db.connection import Connection, Row
from ordering.domain.errors import Problem
from ordering.domain.ids import parse_id
from ordering.domain.states import InboundState
from ordering.orders.external_ids import FIND_OWNERS

__all__ = ["InboundRecord", "find_request", "find_request_owners", "find_row"]

_ONE = """
SELECT {columns} FROM inbound_request WHERE id = $1 OR external_id = $2
ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1
"""

_FIND_REQUESTS = FIND_OWNERS.format(
    table="inbound_request", which="known.state IN ('new', 'in_progress', 'pending')"
)


class InboundRecord(msgspec.Struct, frozen=True):
    """What became of a queued order so far; `problems` where it ended in error."""

    id: UUID
    state: InboundState
    problems: Sequence[Problem]


async def find_row(connection: Connection, columns: str, text: str) -> Row | None:
    """Find a record by its id or, failing that, the newest with this external id."""
    # PostgreSQL's text cannot hold U+0000, so nothing can be found under it.
    if "\0" in text:
        return None
    return await connection.fetchrow(_ONE.format(columns=columns), parse_id(text), text)


async def find_request(connection: Connection, text: str) -> InboundRecord | None:
    """Find what became of the record with this id or external id, as `find_row` does."""
    row = await find_row(connection, "id, state, error", text)
    if row is None:
        return None
    problems = msgspec.json.decode(row["error"] or "[]", type=list[Problem])
    return InboundRecord(row["id"], InboundState(row["state"]), problems)


async def find_request_owners(
    connection: Connection, systems: Sequence[str | None], ids: Sequence[str | None]
) -> Sequence[Row]:
    """Find the unfinished requests that have these external systems and ids."""
    return await connection.fetch(_FIND_REQUESTS, systems, ids)
