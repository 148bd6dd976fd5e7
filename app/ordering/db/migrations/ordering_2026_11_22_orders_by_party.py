"""An index for the orders that name a party, by the ids under which clients named it.

Built while orders are being placed; an index that an interrupted run left behind is dropped first.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T09:00:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "orders by party"

STATEMENTS = (
    "DROP INDEX CONCURRENTLY IF EXISTS customer_order_party",
    """
    CREATE INDEX CONCURRENTLY customer_order_party ON customer_order
        USING gin (jsonb_path_query_array(related_parties, '$[*].id'))
        WHERE related_parties IS NOT NULL
    """,
)


async def forwards() -> MigrationManager:
    """Build the index beside the running service."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS)
