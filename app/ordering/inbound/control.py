"""Whether the queue may be drained, who paused it, and how full it is.

The switch is one row of `queue_control`; no row means that nobody ever used it. Workers ask before
each claim; accepting goes on while they wait. The daily window is judged by the database's clock,
so that all workers agree.
"""

from datetime import datetime, time
from typing import NamedTuple, Self

import msgspec

from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.states import InboundState
from ordering.inbound.filters import in_state

__all__ = ["Gate", "QueueStatus", "Window", "read_status", "switch"]


class Window(NamedTuple):
    """The hours of a day, UTC, in which records are claimed; both alike is the whole day."""

    opens: time
    closes: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `22:00-06:00`; a window may span midnight."""
        opens, _, closes = text.partition("-")
        return cls(time.fromisoformat(opens), time.fromisoformat(closes))


class QueueStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the queue is doing.

    `oldest_new_age_ms` is the age, in milliseconds, of the record in state `new` that arrived
    first; None if there is none. `paused_by` and `paused_since` are None unless it is paused.
    """

    states: dict[InboundState, int]
    oldest_new_age_ms: int | None
    paused: bool
    paused_by: str | None
    paused_since: datetime | None
    window_open: bool


# -- may it be drained -----------------------------------------------------------------------------
_IN_WINDOW = """
($1::time IS NULL OR CASE WHEN $1::time < $2::time
    THEN (now() AT TIME ZONE 'UTC')::time >= $1 AND (now() AT TIME ZONE 'UTC')::time < $2
    ELSE (now() AT TIME ZONE 'UTC')::time >= $1 OR (now() AT TIME ZONE 'UTC')::time < $2
END)
"""
_OPEN = "SELECT NOT EXISTS (SELECT FROM queue_control WHERE paused) AND {window}"

# Who paused first stays the one who paused.
_SWITCH = """
INSERT INTO queue_control AS control (id, paused, changed_by, changed_at)
VALUES (1, $1, $2, now())
ON CONFLICT (id) DO UPDATE SET paused = $1, changed_by = $2, changed_at = now()
WHERE control.paused <> $1
"""

# -- how full it is --------------------------------------------------------------------------------
_COUNTS = """
SELECT wanted, (SELECT count(*) FROM inbound_request WHERE state = wanted)
FROM unnest($1::text[]) AS wanted
"""

_SITUATION = """
SELECT (SELECT floor(extract(epoch FROM now() - created_at) * 1000)::bigint
        FROM inbound_request WHERE {new} ORDER BY state, number LIMIT 1) AS age,
       {window} AS window_open, control.paused, control.changed_by, control.changed_at
FROM (SELECT) AS always LEFT JOIN queue_control AS control ON control.paused
"""


class Gate:
    """Lets workers claim, or not. `window` is None where every hour is as good."""

    def __init__(self, database: Database, window: str | None) -> None:
        self._database = database
        self._window = window

    async def is_open(self) -> bool:
        """Tell whether records may be claimed now; one small statement."""
        async with self._database.acquire() as connection:
            return await connection.fetchval(_OPEN.format(window=_IN_WINDOW), *_hours(self._window))


async def switch(connection: Connection, client: str, *, paused: bool) -> None:
    """Have no more records claimed, or have them claimed again; has no effect where it is so."""
    await connection.execute(_SWITCH, paused, client)


async def read_status(connection: Connection, window: str | None) -> QueueStatus:
    """Count the records of each state, and tell whether they are being claimed.

    The counts read an index, each state's part of it: a second or so for ten million records.
    """
    counts = await connection.fetch(_COUNTS, list(InboundState))
    statement = _SITUATION.format(window=_IN_WINDOW, new=in_state(InboundState.NEW))
    (row,) = await connection.fetch(statement, *_hours(window))
    return QueueStatus(
        states={InboundState(state): count for state, count in counts},
        oldest_new_age_ms=None if row["age"] is None else max(row["age"], 0),
        paused=bool(row["paused"]),
        paused_by=row["changed_by"],
        paused_since=row["changed_at"],
        window_open=row["window_open"],
    )


def _hours(window: str | None) -> tuple[time | None, time | None]:
    return (None, None) if window is None else Window.parse(window)
