"""Indexes by which the rows of one line are found, as those of its order were.

Each takes the place of one that has its first column only, which a running older version reads by
just as well. Built while orders are being placed: all of them before any that is replaced is dropped,
and those that an interrupted run has finished are kept, so that there always is one to read by.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T11:40:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "rows of a line"

#: Each with its table and columns, and the one that it replaces.
INDEXES = {
    "order_line_item_parent": (
        "order_line_item (order_id, parent_line_item_id, position)",
        "order_line_item_position",
    ),
    "order_characteristic_value_line": (
        "order_characteristic_value (order_id, line_item_id, id)",
        "order_characteristic_value_order",
    ),
    "order_line_item_contact_line": (
        "order_line_item_contact (order_id, line_item_id, id)",
        "order_line_item_contact_order",
    ),
    "order_line_related_item_line": (
        "order_line_related_item (order_id, line_item_id, id)",
        "order_line_related_item_order",
    ),
    "work_note_line": ("work_note (order_id, line_item_id, id)", "work_note_order"),
}

STATEMENTS = (
    *(
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {columns}"
        for name, (columns, _) in INDEXES.items()
    ),
    *(f"DROP INDEX CONCURRENTLY IF EXISTS {replaced}" for _, replaced in INDEXES.values()),
)


async def forwards() -> MigrationManager:
    """Build the indexes beside the running service, and drop those that they replace."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS, indexes=tuple(INDEXES))
