"""Payloads of the inbound queue are kept apart from the rows that change.

A record is written three times in its life, and each new version of a row copies all of it but what
is kept apart. By default that begins at 2 KB, compressed; a usual payload is just below. Holds for
rows to come; nobody is locked out.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T12:20:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "payloads apart"

STATEMENTS = ("ALTER TABLE inbound_request SET (toast_tuple_target = 256)",)


async def forwards() -> MigrationManager:
    """Set the size from which rows are made smaller."""
    return migration(ID, DESCRIPTION, STATEMENTS)
