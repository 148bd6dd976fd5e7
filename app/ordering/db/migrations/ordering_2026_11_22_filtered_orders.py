"""Indexes for the filters that portals use first (docs/decisions/0020-one-statement-per-document.md).

That on external ids takes the place of one that only finds whole ones; a running older version
reads by it just as well. The others are new: one entry per order, and one per line, whose columns
do not change with its state. Built while orders are being placed; those that an interrupted run has
finished are kept.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T13:40:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "filtered orders"

#: Each with its table, columns and condition.
INDEXES = {
    # Its order is that of characters, whatever the database's is: texts that begin with another
    # are neighbours.
    "customer_order_external_text": """
        customer_order (external_id text_pattern_ops, number) WHERE external_id IS NOT NULL
    """,
    "customer_order_created": "customer_order (created_at)",
    "order_line_item_offering": """
        order_line_item (
            (coalesce(encode(uuid_send(product_offering_id), 'hex'), product_offering->>'id')),
            order_id
        )
    """,
}

STATEMENTS = (
    *(
        f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {rest}"
        for name, rest in INDEXES.items()
    ),
    "DROP INDEX CONCURRENTLY IF EXISTS customer_order_external_id",
)


async def forwards() -> MigrationManager:
    """Build the indexes beside the running service, and drop the one that is replaced."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS, indexes=tuple(INDEXES))
