"""What Piccolo knows of a table: its name, and its columns with their types."""

from typing import Any, cast

from piccolo.columns import BigSerial, Column
from piccolo.table import Table

__all__ = ["column_name", "filled_columns", "table_name"]


def _meta(described: type[Table] | Column) -> Any:
    # Piccolo documents `_meta` as the way to what it knows, under a name that looks private.
    return cast("Any", described)._meta  # noqa: SLF001 - see above


def table_name(table: type[Table]) -> str:
    """Return the name of a table in the database."""
    return _meta(table).tablename


def column_name(column: Column) -> str:
    """Return the name of a column in the database."""
    return _meta(column).db_column_name


def filled_columns(table: type[Table]) -> list[Column]:
    """List the columns that we fill: all but those that the database counts up."""
    return [column for column in _meta(table).columns if not isinstance(column, BigSerial)]
