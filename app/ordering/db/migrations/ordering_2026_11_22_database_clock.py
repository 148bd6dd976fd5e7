"""Records of the queue and idempotency keys are as old as the database's clock says.

Defaults only: a running older version names its own moments, and goes on doing so. An order has the
moment of its record, and orders' moments are milliseconds.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T12:40:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "database clock"

STATEMENTS = (
    """
    ALTER TABLE inbound_request
        ALTER COLUMN created_at SET DEFAULT date_trunc('milliseconds', now()),
        ALTER COLUMN updated_at SET DEFAULT date_trunc('milliseconds', now())
    """,
    "ALTER TABLE idempotency_key ALTER COLUMN created_at SET DEFAULT now()",
)


async def forwards() -> MigrationManager:
    """Set the defaults, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
