"""Rows of one table updated in one statement: arrays in, `UPDATE ... FROM unnest(...)`.

The counterpart of `array_insert`: one round trip, whatever the number of rows.
"""

from collections.abc import Collection, Iterable, Sequence
from operator import attrgetter

from piccolo.table import Table

from ordering.db.meta import column_name, filled_columns, table_name

__all__ = ["ArrayUpdate"]


class ArrayUpdate:
    """An update of one table, from the n-th parameter of a statement on.

    Updated are the columns among `members`, the attributes of the objects to come; a row is found
    by its `id`, which the objects have too.
    """

    def __init__(self, table: type[Table], members: Collection[str], *, first: int = 1) -> None:
        columns = {column_name(column): column for column in filled_columns(table)}
        names = ["id", *(name for name in columns if name in members and name != "id")]
        arrays = ", ".join(
            f"${number}::{columns[name].column_type}[]" for number, name in enumerate(names, first)
        )
        values = ", ".join(f"{name} = changed.{name}" for name in names[1:])
        self.sql = (
            f"UPDATE {table_name(table)} AS old SET {values}"
            f" FROM unnest({arrays}) AS changed({', '.join(names)}) WHERE old.id = changed.id"
        )
        self.width = len(names)
        self._read = attrgetter(*names)

    def arrays(self, rows: Iterable[object]) -> Sequence[Sequence[object]]:
        """Turn objects into one array per column."""
        return list(zip(*map(self._read, rows), strict=True)) or [()] * self.width
