"""What Piccolo knows of a table: its name, and its columns with their types."""

from typing import Any, cast

from piccolo.columns import BigSerial, Column
from piccolo.table import Table

__all__ = ["column_name", "described_by", "filled_columns", "table_name"]


def described_by(described: type[Table] | Column) -> Any:
    """Return what Piccolo knows; it documents `_meta` for that, under a private name."""
    return cast("Any", described)._meta


def table_name(table: type[Table]) -> str:
    """Return the name of a table in the database."""
    return described_by(table).tablename


def column_name(column: Column) -> str:
    """Return the name of a column in the database."""
    return described_by(column).db_column_name


def filled_columns(table: type[Table]) -> list[Column]:
    """List the columns that we fill: all but those that the database counts up."""
    return [column for column in described_by(table).columns if not isinstance(column, BigSerial)]
