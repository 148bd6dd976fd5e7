"""Columns for records that an outage interrupted, and for e-mails about those that failed.

A constant default and a nullable column: the tables are not rewritten, and a running older version
neither names nor misses them.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T12:00:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "failures"

STATEMENTS = (
    "ALTER TABLE inbound_request ADD COLUMN interruptions smallint NOT NULL DEFAULT 0",
    "ALTER TABLE order_event ADD COLUMN mail_due_at timestamptz",
)


async def forwards() -> MigrationManager:
    """Add the columns, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
