"""Rows of several tables in one statement: arrays in, `INSERT ... SELECT FROM unnest(...)`.

One round trip and one plan, whatever the number of rows (docs/decisions/0009-array-statements.md).
Columns and their types are read from the Piccolo tables, so that there is one list of them.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter

from piccolo.table import Table

from ordering.db.meta import column_name, filled_columns, table_name

__all__ = ["ArrayInsert"]


class ArrayInsert:
    """An insert into one table, from the n-th parameter of a statement on.

    `leading` names the columns whose values the caller puts before an object's own attributes.
    """

    def __init__(self, table: type[Table], *, leading: Sequence[str] = (), first: int = 1) -> None:
        columns = filled_columns(table)
        own = [column for column in columns if column_name(column) not in leading]
        ordered = [
            column for name in leading for column in columns if column_name(column) == name
        ] + own
        names = ", ".join(column_name(column) for column in ordered)
        arrays = ", ".join(
            f"${number}::{column.column_type}[]" for number, column in enumerate(ordered, first)
        )
        self.sql = f"INSERT INTO {table_name(table)} ({names}) SELECT * FROM unnest({arrays})"
        self.width = len(ordered)
        self._leading = len(leading)
        self._read = attrgetter(*(column_name(column) for column in own))

    def arrays(self, rows: Iterable[tuple[object, ...]]) -> Sequence[Sequence[object]]:
        """Turn rows into one array per column.

        A row is the leading values followed by the object that has the rest as attributes.
        """
        flat = [(*row[:-1], *self._read(row[-1])) for row in rows]
        return list(zip(*flat, strict=True)) or [()] * self.width
