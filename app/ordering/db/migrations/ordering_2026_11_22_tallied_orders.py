"""The orders from before the tally are counted, too (docs/decisions/0029-totals.md).

Counting may take longer than any timeout, and locks nobody out. Done twice it adds nothing.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T14:10:00:000002"
VERSION = "1.38.0"
DESCRIPTION = "tallied orders"

STATEMENTS = ("SELECT recount_orders()",)


async def forwards() -> MigrationManager:
    """Count what is there, beside the running service."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS)
