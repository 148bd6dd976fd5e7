"""Find a record of the inbound queue by its id or its external id."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from ordering.db.connection import Connection
from ordering.domain.errors import Problem
from ordering.domain.ids import parse_id
from ordering.domain.states import InboundState

__all__ = ["InboundRecord", "find_request"]


class InboundRecord(msgspec.Struct, frozen=True):
    """What became of a queued order so far; `problems` where it ended in error."""

    id: UUID
    state: InboundState
    problems: Sequence[Problem]


async def find_request(connection: Connection, text: str) -> InboundRecord | None:
    """Find a record by its id or, failing that, the newest with this external id."""
    # PostgreSQL's text cannot hold U+0000, so nothing can be found under it.
    if "\0" in text:
        return None
    row = await connection.fetchrow(
        """SELECT id, state, error FROM inbound_request WHERE id = $1 OR external_id = $2
           ORDER BY (id = $1) IS TRUE DESC, number DESC LIMIT 1""",
        parse_id(text),
        text,
    )
    if row is None:
        return None
    problems = msgspec.json.decode(row["error"] or "[]", type=list[Problem])
    return InboundRecord(row["id"], InboundState(row["state"]), problems)
