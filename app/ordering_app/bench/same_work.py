"""Proof that two sides did the same work: the rows that they left behind.

A ceiling that writes less is no ceiling. So before anything is measured each side does its work
once, and what it left is compared table by table, in rows and in bytes; after every measurement
the rows must be that many times as many as there were answers.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it carries no types

from ordering.db.connection import Connection
from ordering.db.meta import table_name
from ordering.db.tables import ALL_TABLES
from ordering_app.bench.model import BenchError

__all__ = [
    "ORDER_TABLES",
    "WRITTEN_TABLES",
    "Footprint",
    "Work",
    "empty_tables",
    "footprint",
    "make_checkpoint",
    "require_rows",
    "require_same",
]

_WRITTEN_MODULES = ("ordering.db.tables.orders", "ordering.db.tables.intake")

#: The tables that taking orders fills; the others hold reference data and clients.
WRITTEN_TABLES = tuple(
    table_name(table) for table in ALL_TABLES if table.__module__ in _WRITTEN_MODULES
)

#: Those of them that creating an order fills.
ORDER_TABLES = tuple(name for name in WRITTEN_TABLES if name != "inbound_request")


class Work(NamedTuple):
    """What is in a table: rows, and the bytes of their values."""

    rows: int
    bytes: int


#: What is in each table that is not empty, by its name.
Footprint = Mapping[str, Work]


async def footprint(connection: Connection, tables: Sequence[str] = WRITTEN_TABLES) -> Footprint:
    """Measure what is in the tables now."""
    found: dict[str, Work] = {}
    for table in tables:
        row = await connection.fetchrow(
            f"SELECT count(*), coalesce(sum(pg_column_size(t.*)), 0)::bigint FROM {table} t"
        )
        if row is not None and row[0]:
            found[table] = Work(row[0], row[1])
    return found


def require_same(title: str, path: Footprint, ceiling: Footprint) -> None:
    """Raise `BenchError` naming every table in which the two sides differ."""
    differing = [
        f"{table}: {_tell(path.get(table))} on our side, {_tell(ceiling.get(table))} on the other"
        for table in sorted({*path, *ceiling})
        if path.get(table) != ceiling.get(table)
    ]
    if not path:
        differing.append("nothing was written at all")
    if differing:
        raise BenchError(f"{title}: the two sides did not do the same work: {'; '.join(differing)}")


def require_rows(title: str, once: Footprint, times: int, found: Footprint) -> None:
    """Raise `BenchError` unless the rows found are those of doing the work so many times."""
    expected = {table: work.rows * times for table, work in once.items() if times}
    counted = {table: work.rows for table, work in found.items()}
    if expected != counted:
        raise BenchError(
            f"{title}: {times} answers should have left the rows {expected}, but left {counted}"
        )


def _tell(work: Work | None) -> str:
    return f"{work.rows} rows of {work.bytes} bytes" if work else "none"


async def empty_tables(connection: Connection) -> None:
    """Forget all orders and requests, so that every measurement starts from the same state."""
    await connection.execute(f"TRUNCATE {', '.join(WRITTEN_TABLES)} CASCADE")
    await make_checkpoint(connection)


async def make_checkpoint(connection: Connection) -> None:
    """Make a checkpoint, so that none falls into one measurement that the other was spared."""
    with suppress(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CHECKPOINT")
