"""Copies of orders, made by PostgreSQL: every row of theirs, under ids of its own.

An order that went through the use cases once is a pattern. Copying its rows costs what writing
them costs, and nothing of what deciding about them does.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from piccolo.columns import Timestamptz
from piccolo.table import Table

from ordering.db.meta import column_name, filled_columns, table_name
from ordering.db.tables import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderEvent,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    OrderRevision,
    ProductInventory,
    WorkNote,
)
from ordering.domain.ids import new_id

__all__ = ["COPIED_TABLES", "Copier", "Copy"]

_BELOW = (
    OrderLineItem,
    OrderCharacteristicValue,
    OrderLineItemContact,
    OrderLineRelatedItem,
    WorkNote,
    OrderRevision,
    OrderEvent,
)

#: What is copied of an order, parents first: with it the inventories that its lines have created.
COPIED_TABLES: tuple[type[Table], ...] = (ProductInventory, CustomerOrder, *_BELOW)

#: Columns that may hold the id of a row that is copied too; other ids are of reference data.
_OWN = {
    *("id", "order_id", "line_item_id", "parent_line_item_id"),
    *("product_inventory_id", "resulting_inventory_id"),
}

#: The tables whose rows have ids that we make.
_KEYED = ("product_inventory", "customer_order", "order_line_item", "order_line_item_contact")

#: Where the rows of a table come from, and which order a row is about. Inventories are found by way
#: of the lines, for nothing leads from one to its line.
_SOURCES = {table_name(table): (table_name(table) + " t", "t.order_id") for table in _BELOW} | {
    "customer_order": ("customer_order t", "t.id"),
    "product_inventory": (
        "order_line_item l JOIN product_inventory t ON t.id = l.resulting_inventory_id",
        "l.order_id",
    ),
}

# Nobody waits for these commits, sorting is done in memory, and a nested loop over tables that were
# filled a moment ago is never what is wanted.
_SESSION = """
SET synchronous_commit = off;
SET work_mem = '64MB';
SET enable_nestloop = off
"""

_IDS = """
INSERT INTO pg_temp.fresh
SELECT c.copy, o.id, f.id FROM pg_temp.copy c JOIN pg_temp.own o USING (about)
JOIN unnest($1::uuid[]) WITH ORDINALITY f (id, n) ON f.n = c.copy * $2 + o.slot
"""


class Copy(NamedTuple):
    """A copy to be made: of which order, and how much later (or earlier) all of it happened."""

    pattern: UUID
    shift: timedelta


class Copier:
    """Copies orders over a connection of its own, which keeps the patterns in temporary tables.

    What becomes of a pattern once `prepare` has read it makes no difference. External ids begin as
    the pattern's does, with three characters, and go on with the copy's own id. The ids tell the
    moment of the copying, not the one that the copy says it was created at.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._slots = 0
        self._statements = [_statement(table) for table in COPIED_TABLES]

    async def prepare(self, patterns: Sequence[UUID]) -> None:
        """Read the orders to be copied."""
        for table, (source, about) in _SOURCES.items():
            pattern = f"SELECT {about} AS about, t.* FROM {source}"
            await self._connection.execute(
                f"CREATE TEMP TABLE pattern_{table} AS {pattern} WHERE false"
            )
            await self._connection.execute(
                f"INSERT INTO pg_temp.pattern_{table} {pattern} WHERE {about} = ANY($1::uuid[])",
                patterns,
            )
        keyed = " UNION ALL ".join(
            f"SELECT about, id FROM pg_temp.pattern_{table}" for table in _KEYED
        )
        for statement in (
            f"""CREATE TEMP TABLE own AS
                SELECT about, id, row_number() OVER (PARTITION BY about ORDER BY id) AS slot
                FROM ({keyed}) AS keyed""",
            "CREATE TEMP TABLE copy (copy integer, about uuid, shift interval)",
            "CREATE TEMP TABLE fresh (copy integer, old uuid, id uuid)",
            f"ANALYZE pg_temp.own, {', '.join(f'pg_temp.pattern_{table}' for table in _SOURCES)}",
            _SESSION,
        ):
            await self._connection.execute(statement)
        self._slots = await self._connection.fetchval("SELECT max(slot) FROM pg_temp.own")

    async def make(self, copies: Sequence[Copy]) -> None:
        """Make these copies, in one transaction; their creation numbers rise in this order."""
        ids = [new_id() for _ in range(len(copies) * self._slots)]
        async with self._connection.transaction():
            await self._connection.execute("TRUNCATE pg_temp.copy, pg_temp.fresh")
            await self._connection.copy_records_to_table(
                "copy", records=[(place, *copy) for place, copy in enumerate(copies)]
            )
            await self._connection.execute(_IDS, ids, self._slots)
            await self._connection.execute("ANALYZE pg_temp.copy, pg_temp.fresh")
            for statement in self._statements:
                await self._connection.execute(statement)

    async def analyze(self) -> None:
        """Let PostgreSQL count what is there now, instead of some time later."""
        for table in map(table_name, COPIED_TABLES):
            await self._connection.execute(f"VACUUM ANALYZE {table}")


def _statement(table: type[Table]) -> str:
    """Make the statement that copies the rows of a table."""
    name = table_name(table)
    columns = {column_name(column): column for column in filled_columns(table)}
    own = [each for each in columns if each in _OWN]
    values: list[str] = []
    for each, column in columns.items():
        if each in own:
            values.append(f"coalesce(new_{each}.id, t.{each})")
        elif isinstance(column, Timestamptz):
            values.append(f"t.{each} + c.shift")
        elif (name, each) == ("customer_order", "external_id"):
            values.append("left(t.external_id, 3) || replace(new_id.id::text, '-', '')")
        else:
            values.append(f"t.{each}")
    joins = " ".join(
        f"LEFT JOIN pg_temp.fresh new_{each}"
        f" ON new_{each}.copy = c.copy AND new_{each}.old = t.{each}"
        for each in own
    )
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM pg_temp.copy c JOIN pg_temp.pattern_{name} t ON t.about = c.about {joins}"
        f" ORDER BY c.copy, t.{'number' if name == 'customer_order' else 'id'}"
    )
