"""An index for the e-mails to be sent; it holds nothing else. Built beside the running service."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T12:00:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "failures mailed"

STATEMENTS = (
    "DROP INDEX CONCURRENTLY IF EXISTS order_event_mail_due",
    """
    CREATE INDEX CONCURRENTLY order_event_mail_due ON order_event (mail_due_at, id)
        WHERE mail_due_at IS NOT NULL
    """,
)


async def forwards() -> MigrationManager:
    """Build the index."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS)
