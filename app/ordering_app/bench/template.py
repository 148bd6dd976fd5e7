"""One order's rows as the service wrote them, to be written again and again under fresh ids.

The ceilings write these, so what they write is what the service writes, whatever it comes to
write in the future. The rows are kept in a schema of their own, where every ceiling's process
finds them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from piccolo.table import Table

from ordering.db.array_insert import ArrayInsert
from ordering.db.connection import Connection
from ordering.db.meta import column_name, filled_columns, table_name
from ordering.db.tables import ALL_TABLES
from ordering.domain.ids import new_id
from ordering_app.bench.same_work import WRITTEN_TABLES

__all__ = ["SCHEMA", "Template", "drop_schema", "keep_template", "make_schema", "read_template"]

SCHEMA = "ordering_bench"

_TABLES = [table for table in ALL_TABLES if table_name(table) in WRITTEN_TABLES]

Row = tuple[object, ...]


class _Column(NamedTuple):
    """A column's values, and which of them are ids to be made afresh (position, which id)."""

    values: list[object]
    slots: list[tuple[int, int]]


class _TableRows(NamedTuple):
    """The rows of one table, column by column."""

    table: type[Table]
    names: list[str]
    columns: list[_Column]


class Template:
    """The rows of one piece of work, table by table, parents first."""

    def __init__(self, rows: Iterable[tuple[type[Table], Sequence[Row]]]) -> None:
        kept = [(table, found) for table, found in rows if found]
        own = _own_ids(kept)
        self._ids = len(own)
        self._tables = [_table_rows(table, found, own) for table, found in kept]

    @property
    def statement(self) -> str:
        """One statement that writes it all from arrays, in the order of `arrays`."""
        parts: list[str] = []
        first = 1
        for part in self._tables:
            insert = ArrayInsert(part.table, part.names, first=first)
            parts.append(insert.sql)
            first += insert.width
        *ctes, last = parts
        named = ", ".join(f"rows_{number} AS ({sql})" for number, sql in enumerate(ctes))
        return f"WITH {named} {last}" if ctes else last

    @property
    def tables(self) -> list[tuple[str, list[str]]]:
        """The tables and the columns that are filled."""
        return [(table_name(part.table), part.names) for part in self._tables]

    def arrays(self) -> list[list[object]]:
        """Return the columns of all tables under fresh ids, for `statement`."""
        ids = [new_id() for _ in range(self._ids)]
        return [_fresh(column, ids) for part in self._tables for column in part.columns]

    def records(self, times: int) -> list[list[Row]]:
        """Return rows for COPY, table by table: the work done so many times, each under new ids."""
        gathered: list[list[Row]] = [[] for _ in self._tables]
        for _ in range(times):
            ids = [new_id() for _ in range(self._ids)]
            for part, rows in zip(self._tables, gathered, strict=True):
                columns = [_fresh(column, ids) for column in part.columns]
                rows.extend(zip(*columns, strict=True))
        return gathered


def _own_ids(rows: Iterable[tuple[type[Table], Sequence[Row]]]) -> dict[object, int]:
    """Find the ids that were made for this work, the keys of its rows, and number them."""
    own: dict[object, int] = {}
    for table, found in rows:
        names = [column_name(column) for column in filled_columns(table)]
        if "id" in names:
            own.update({row[names.index("id")]: len(own) + n for n, row in enumerate(found)})
    return own


def _table_rows(table: type[Table], rows: Sequence[Row], own: dict[object, int]) -> _TableRows:
    columns: list[_Column] = []
    for values in zip(*rows, strict=True):
        slots = [
            (position, own[value])
            for position, value in enumerate(values)
            if isinstance(value, UUID) and value in own
        ]
        columns.append(_Column(list(values), slots))
    return _TableRows(table, [column_name(column) for column in filled_columns(table)], columns)


def _fresh(column: _Column, ids: Sequence[UUID]) -> list[object]:
    if not column.slots:
        return column.values
    values = column.values.copy()
    for position, which in column.slots:
        values[position] = ids[which]
    return values


async def make_schema(connection: Connection) -> None:
    """Make the schema, and in it an empty copy of every table and the table of documents."""
    await drop_schema(connection)
    await connection.execute(f"CREATE SCHEMA {SCHEMA}")
    for table in WRITTEN_TABLES:
        await connection.execute(f"CREATE TABLE {SCHEMA}.{table} (LIKE {table})")
    await connection.execute(
        f"CREATE TABLE {SCHEMA}.document (id uuid PRIMARY KEY, body jsonb NOT NULL)"
    )


async def drop_schema(connection: Connection) -> None:
    """Remove the schema and all in it."""
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


async def keep_template(connection: Connection, tables: Sequence[str]) -> None:
    """Keep what is in these tables now as the template."""
    for table in tables:
        await connection.execute(f"TRUNCATE {SCHEMA}.{table}")
        await connection.execute(f"INSERT INTO {SCHEMA}.{table} SELECT * FROM {table}")


async def read_template(
    connection: Connection, tables: Sequence[str], *, prefix: str = f"{SCHEMA}."
) -> Template:
    """Read the template, as far as it is in these tables.

    With an empty `prefix` the template is not what was kept, but what is in the tables now.
    """
    rows: list[tuple[type[Table], Sequence[Row]]] = []
    for table in _TABLES:
        if table_name(table) in tables:
            names = ", ".join(column_name(column) for column in filled_columns(table))
            found: list[Any] = await connection.fetch(
                f"SELECT {names} FROM {prefix}{table_name(table)}"
            )
            rows.append((table, [tuple(row) for row in found]))
    return Template(rows)
