"""Columns for what becomes of an order after it was placed.

New columns without a default: the tables are not rewritten, and a running older version neither
names nor misses them.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T09:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "changing orders"

STATEMENTS = (
    """
    ALTER TABLE customer_order
        ADD COLUMN cancellation_reason text,
        ADD COLUMN requested_cancellation_date timestamptz,
        ADD COLUMN state_before varchar(40)
    """,
    """
    ALTER TABLE order_line_item
        ADD COLUMN resulting_inventory_id uuid,
        ADD COLUMN inventory_status_before varchar(30),
        ADD COLUMN state_before varchar(40)
    """,
)


async def forwards() -> MigrationManager:
    """Add the columns, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
