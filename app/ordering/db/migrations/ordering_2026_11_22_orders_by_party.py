"""An index for the orders that name a party, by the ids under which clients named it.

Built while orders are being placed: `CONCURRENTLY` is not possible in a transaction, so this
migration has none, and an index that an interrupted run left behind is dropped first. It waits for
every older snapshot, whatever it reads, and locks nobody out meanwhile: so it may take its time.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.engine import ENGINE

ID = "2026-11-22T09:00:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "orders by party"

_PATIENCE = ("SET lock_timeout = 0", "SET statement_timeout = 0")
_IMPATIENCE = ("RESET lock_timeout", "RESET statement_timeout")

STATEMENTS = (
    *_PATIENCE,
    "DROP INDEX CONCURRENTLY IF EXISTS customer_order_party",
    """
    CREATE INDEX CONCURRENTLY customer_order_party ON customer_order
        USING gin (jsonb_path_query_array(related_parties, '$[*].id'))
        WHERE related_parties IS NOT NULL
    """,
    *_IMPATIENCE,
)


async def forwards() -> MigrationManager:
    """Build the index beside the running service, on the one connection that migrations have."""
    manager = MigrationManager(
        migration_id=ID, app_name="ordering", description=DESCRIPTION, wrap_in_transaction=False
    )

    async def change() -> None:
        for statement in STATEMENTS:
            await ENGINE.run_ddl(statement)

    manager.add_raw(change)
    return manager
