"""Ceiling of draining, and of bulks: COPY of the same rows, over one connection.

The rows exist before the clock starts: nothing is claimed, decoded, checked or marked as done.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from ordering.db.connection import connect
from ordering_app.bench.child import Work, child_main
from ordering_app.bench.same_work import ORDER_TABLES
from ordering_app.bench.template import read_template

__all__ = ["Copied", "CopyTask", "prepare"]


class CopyTask(msgspec.Struct):
    """How many orders to write, where, how many at once, and which rows of theirs."""

    database_url: str
    orders: int
    per_transaction: int = 100
    tables: tuple[str, ...] = ORDER_TABLES


class Copied(msgspec.Struct):
    """How long it took, in seconds."""

    seconds: float


@asynccontextmanager
async def prepare(task: CopyTask) -> AsyncGenerator[Work]:
    """Build all rows; yields what copies them."""
    connection: Any = await connect(task.database_url)
    template = await read_template(connection, task.tables)
    batches = [
        template.records(min(task.per_transaction, task.orders - start))
        for start in range(0, task.orders, task.per_transaction)
    ]

    async def work() -> Copied:
        started = time.perf_counter()
        for batch in batches:
            async with connection.transaction():
                for (table, columns), records in zip(template.tables, batch, strict=True):
                    await connection.copy_records_to_table(table, records=records, columns=columns)
        return Copied(time.perf_counter() - started)

    try:
        yield work
    finally:
        await connection.close()


if __name__ == "__main__":
    child_main(CopyTask, prepare)
