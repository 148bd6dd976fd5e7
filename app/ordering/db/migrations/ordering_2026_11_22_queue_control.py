"""The switch of the inbound queue, and indexes for those who look at its records.

Built while orders are being placed, as `orders by party` is: no transaction, and what an
interrupted run left behind is dropped first. The table comes last and tells that all is done.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.engine import ENGINE

ID = "2026-11-22T11:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "queue control"

STATEMENTS = (
    "DROP INDEX CONCURRENTLY IF EXISTS inbound_request_created",
    "CREATE INDEX CONCURRENTLY inbound_request_created ON inbound_request (created_at)",
    "DROP INDEX CONCURRENTLY IF EXISTS inbound_request_partial_success",
    """
    CREATE INDEX CONCURRENTLY inbound_request_partial_success ON inbound_request (state, number)
        WHERE state = 'completed' AND status = 'partial_success'
    """,
    """
    CREATE TABLE IF NOT EXISTS queue_control (
        id smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        paused boolean NOT NULL,
        changed_by text NOT NULL,
        changed_at timestamptz NOT NULL
    )
    """,
)


async def forwards() -> MigrationManager:
    """Build the indexes and the table beside the running service."""
    manager = MigrationManager(
        migration_id=ID, app_name="ordering", description=DESCRIPTION, wrap_in_transaction=False
    )

    async def change() -> None:
        for statement in STATEMENTS:
            await ENGINE.run_ddl(statement)

    manager.add_raw(change)
    return manager
