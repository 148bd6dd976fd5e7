"""An index for the orders that name a party, by the ids under which clients named it.

Built while orders are being placed: `CONCURRENTLY` is not possible in a transaction, so this
migration has none, and an index that an interrupted run left behind is dropped first.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.engine import ENGINE

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
    manager = MigrationManager(
        migration_id=ID, app_name="ordering", description=DESCRIPTION, wrap_in_transaction=False
    )

    async def change() -> None:
        for statement in STATEMENTS:
            await ENGINE.run_ddl(statement)

    manager.add_raw(change)
    return manager
