"""The stock: orders that are there already, to be read and changed.

One order of the service, written again and again under ids of its own, in progress. It is kept in
the benchmark's schema and put back before every measurement: the same rows under the same ids.
What a measurement made of it is told by comparing the tables with what was kept.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ordering.db.connection import Connection
from ordering.db.meta import column_name, filled_columns, table_name
from ordering.db.tables import ALL_TABLES
from ordering_app.bench.model import BenchError
from ordering_app.bench.same_work import ORDER_TABLES, empty_tables, make_checkpoint
from ordering_app.bench.template import SCHEMA, read_template

__all__ = [
    "AUDIT_TABLES",
    "NEWS",
    "Changes",
    "Growth",
    "changed",
    "growth",
    "has_stock",
    "keep_news",
    "keep_stock",
    "put_stock",
    "require_growth",
    "require_same_changes",
    "stocked_ids",
]

#: The tables that every change of an order adds rows to.
AUDIT_TABLES = ("order_revision", "order_event")

#: What a table's name begins with where the rows are kept that one change added to it.
NEWS = f"{SCHEMA}.news_"

_STOCK = f"{SCHEMA}.stock_"
_VERSIONED = ("customer_order", "order_line_item")
_MOMENTS = ("updated_at", "changed_at", "occurred_at")

#: Rows as JSON, by their table's name.
Changes = Mapping[str, Sequence[str]]

#: How many rows a table has more than in stock, by its name, and how many versions its rows have
#: gone on, by its name and `.version`.
Growth = Mapping[str, int]


async def has_stock(connection: Connection) -> bool:
    """Tell whether a stock is kept."""
    return await connection.fetchval(
        "SELECT to_regclass($1) IS NOT NULL", f"{_STOCK}customer_order"
    )


async def keep_stock(connection: Any, orders: int) -> None:
    """Make a stock of so many orders like the one that is in the tables, but in progress."""
    # By hand: the way there through the service would add product inventories, which are
    # reference data that the benchmark leaves alone.
    for table in _VERSIONED:
        await connection.execute(f"UPDATE {table} SET state = 'in_progress'")
    template = await read_template(connection, ORDER_TABLES, prefix="")
    await empty_tables(connection)
    for (table, columns), records in zip(template.tables, template.records(orders), strict=True):
        await connection.copy_records_to_table(table, records=records, columns=columns)
    for table in ORDER_TABLES:
        await connection.execute(f"CREATE TABLE {_STOCK}{table} AS TABLE {table}")


async def put_stock(connection: Connection) -> None:
    """Put the stock into the tables in place of whatever is there."""
    await empty_tables(connection)
    for table in ORDER_TABLES:
        await connection.execute(f"INSERT INTO {table} SELECT * FROM {_STOCK}{table}")
    await connection.execute(f"VACUUM ANALYZE {', '.join(ORDER_TABLES)}")
    await make_checkpoint(connection)


async def stocked_ids(connection: Connection) -> Sequence[Any]:
    """List the ids of the orders in stock, in the order of their creation."""
    rows = await connection.fetch(f"SELECT id FROM {_STOCK}customer_order ORDER BY number")
    return [row["id"] for row in rows]


async def changed(connection: Connection) -> Changes:
    """Read the rows that are not in stock: new ones, and those with another content.

    Numbers that the database counts up are no content: a row that is replaced by its like under a
    new one is not changed. Nor is the moment of the change told, which no two changes share.
    """
    found: dict[str, Sequence[str]] = {}
    for table, names in _contents().items():
        rows = await connection.fetch(
            f"""SELECT (to_jsonb(t) - $1::text[])::text AS content
                FROM (SELECT {names} FROM {table} EXCEPT ALL SELECT {names} FROM {_STOCK}{table}) t
                ORDER BY content""",
            _MOMENTS,
        )
        if rows:
            found[table] = [row["content"] for row in rows]
    return found


def require_same_changes(title: str, path: Changes, ceiling: Changes) -> None:
    """Raise `BenchError` naming every table in which the two sides changed other rows."""
    differing = [
        f"{table}: {path.get(table)} on our side, {ceiling.get(table)} on the other"
        for table in sorted({*path, *ceiling})
        if path.get(table) != ceiling.get(table)
    ]
    if not path:
        differing.append("nothing was changed at all")
    if differing:
        raise BenchError(f"{title}: the two sides did not do the same work: {'; '.join(differing)}")


async def keep_news(connection: Connection) -> None:
    """Keep the rows of the audit tables that are not in stock."""
    for table in AUDIT_TABLES:
        names = _contents()[table]
        await connection.execute(
            f"CREATE TABLE {NEWS}{table} AS SELECT {names} FROM {table}"
            f" EXCEPT ALL SELECT {names} FROM {_STOCK}{table}"
        )


async def growth(connection: Connection) -> Growth:
    """Measure by how much the tables have grown since the stock was put."""
    measures = [(table, table, "count(*)") for table in ORDER_TABLES]
    measures += [(f"{table}.version", table, "sum(version)") for table in _VERSIONED]
    found = {
        name: await connection.fetchval(
            f"SELECT (SELECT {measure} FROM {table}) - (SELECT {measure} FROM {_STOCK}{table})"
        )
        for name, table, measure in measures
    }
    return {name: more for name, more in found.items() if more}


def require_growth(title: str, once: Growth, times: int, found: Growth) -> None:
    """Raise `BenchError` unless what was found is the growth of doing the work so many times."""
    expected = {name: more * times for name, more in once.items() if times}
    if expected != found:
        raise BenchError(
            f"{title}: {times} answers should have added {expected}, but added {dict(found)}"
        )


def _contents() -> Mapping[str, str]:
    """List the columns that we fill, by table."""
    return {
        table_name(table): ", ".join(column_name(column) for column in filled_columns(table))
        for table in ALL_TABLES
        if table_name(table) in ORDER_TABLES
    }
