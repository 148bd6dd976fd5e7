"""The switch of the inbound queue, and indexes for those who look at its records.

Built while orders are being placed; what an interrupted run left behind is dropped first.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T11:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "queue control"

INDEXES = (
    "DROP INDEX CONCURRENTLY IF EXISTS inbound_request_created",
    "CREATE INDEX CONCURRENTLY inbound_request_created ON inbound_request (created_at)",
    "DROP INDEX CONCURRENTLY IF EXISTS inbound_request_partial_success",
    """
    CREATE INDEX CONCURRENTLY inbound_request_partial_success ON inbound_request (state, number)
        WHERE state = 'completed' AND status = 'partial_success'
    """,
)

TABLES = (
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
    """Build the indexes beside the running service, then the table."""
    return concurrent_migration(ID, DESCRIPTION, INDEXES, then=TABLES)
