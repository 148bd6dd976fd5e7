"""An index for lists of orders by their last change, however deep a page is.

Built while orders are being placed; an index that an interrupted run left behind is dropped first.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T12:45:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "orders by change"

STATEMENTS = (
    "DROP INDEX CONCURRENTLY IF EXISTS customer_order_updated",
    "CREATE INDEX CONCURRENTLY customer_order_updated ON customer_order (updated_at, number)",
)


async def forwards() -> MigrationManager:
    """Build the index beside the running service."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS)
