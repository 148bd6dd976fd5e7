"""Rows of several tables in one statement: arrays in, `INSERT ... SELECT FROM unnest(...)`.

One round trip and one plan, whatever the number of rows (docs/decisions/0009-array-statements.md);
many rows of one table are cheaper by COPY. Columns and their types are read from the Piccolo
tables, so that there is one list of them.
"""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from piccolo.table import Table

from ordering.db.connection import Connection
from ordering.db.meta import column_name, filled_columns, table_name

__all__ = ["ArrayInsert"]


class ArrayInsert:
    """An insert into one table, from the n-th parameter of a statement on.

    Filled are the columns among `members`, the attributes of the objects to come, and before them
    those of `leading`, whose values the caller puts before the object; defaults fill the rest.
    """

    def __init__(
        self,
        table: type[Table],
        members: Collection[str],
        *,
        leading: Sequence[str] = (),
        first: int = 1,
    ) -> None:
        columns = {column_name(column): column for column in filled_columns(table)}
        own = [name for name in columns if name in members and name not in leading]
        names = [*leading, *own]
        arrays = ", ".join(
            f"${number}::{columns[name].column_type}[]" for number, name in enumerate(names, first)
        )
        self.sql = (
            f"INSERT INTO {table_name(table)} ({', '.join(names)}) SELECT * FROM unnest({arrays})"
        )
        self.width = len(names)
        self._table = table_name(table)
        self._names = names
        self._read = attrgetter(*own)

    def arrays(self, rows: Iterable[tuple[object, ...]]) -> Sequence[Sequence[object]]:
        """Turn rows into one array per column.

        A row is the leading values followed by the object that has the rest as attributes.
        """
        return list(zip(*self._records(rows), strict=True)) or [()] * self.width

    async def copy(self, connection: Connection, rows: Iterable[tuple[object, ...]]) -> None:
        """Write rows by COPY. Where there are none, the database is not asked."""
        if records := self._records(rows):
            await connection.copy_records_to_table(
                self._table, records=records, columns=self._names
            )

    def _records(self, rows: Iterable[tuple[object, ...]]) -> list[tuple[object, ...]]:
        return [(*row[:-1], *self._read(row[-1])) for row in rows]
