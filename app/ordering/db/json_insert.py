"""Rows of several tables in one statement: a JSON document in, an `INSERT ... SELECT` per table.

All rows are one parameter, which is made at the speed of an encoder; arrays have a price for each
value (docs/decisions/0026-json-statements.md). Columns and their types are read from the Piccolo
tables, so that there is one list of them.
"""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
from piccolo.columns import Column, Text, Varchar
from piccolo.table import Table

from ordering.db.connection import Connection
from ordering.db.meta import column_name, filled_columns, table_name
from ordering.domain.timestamps import show_timestamp

__all__ = ["JsonInsert", "to_document"]


class JsonInsert:
    """An insert into one table of entries: JSON arrays that begin with a value for each column.

    Filled are the columns that `kind` has as attributes, but for those `without`; before them come
    the `leading` ones, which are not in the entry but beside it. Defaults fill the rest.
    """

    def __init__(
        self,
        table: type[Table],
        kind: type[msgspec.Struct],
        *,
        leading: Sequence[str] = (),
        without: frozenset[str] = frozenset(),
    ) -> None:
        columns = {column_name(column): column for column in filled_columns(table)}
        names = [name for name in kind.__struct_fields__ if name in columns and name not in without]
        self._table = table_name(table)
        self._leading = leading
        self._values = {
            name: _value(columns[name], f"entry ->> {place}") for place, name in enumerate(names)
        }
        self.width = len(names)
        #: Reads from an object what its entry begins with.
        self.read = attrgetter(*names)

    def sql(self, source: str) -> str:
        """Write the insert of what `source` has in the column `entry`, and in the leading ones."""
        return (
            f"INSERT INTO {self._table} ({', '.join([*self._leading, *self._values])})"
            f" SELECT {', '.join([*self._leading, *self._values.values()])} FROM {source}"
        )

    def value(self, name: str) -> str:
        """Write how the value of a column is read from its entry."""
        return self._values[name]

    async def copy(self, connection: Connection, records: Sequence[tuple[Any, ...]]) -> None:
        """Write rows by COPY, leading values first. Of none, the database is not asked."""
        if records:
            columns = [*self._leading, *self._values]
            await connection.copy_records_to_table(self._table, records=records, columns=columns)


def _value(column: Column, text: str) -> str:
    # Without a cast a text that is too long is refused by its column, not cut.
    return text if isinstance(column, Text | Varchar) else f"({text})::{column.column_type}"


def to_document(entries: Sequence[object]) -> str:
    """Write entries as JSON. What is JSON already is a text in it, which jsonb will read itself."""
    return _ENCODER.encode(entries).decode()


def _show(value: object) -> object:
    if isinstance(value, datetime):
        return show_timestamp(value)
    raise NotImplementedError(type(value).__name__)


_ENCODER = msgspec.json.Encoder(enc_hook=_show)
