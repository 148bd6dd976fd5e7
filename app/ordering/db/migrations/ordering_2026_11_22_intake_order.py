"""Indexes and columns for the order in which the inbound queue is worked off, and for repeats.

The indexes of the first release know no turns of parties, and keep what waits for another attempt
among what is ready; a running older version claims by them, so a later migration drops them
(docs/decisions/0017-queue-order.md). Built while orders are being placed.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import concurrent_migration

ID = "2026-11-22T11:30:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "the order of the intake"

#: Each with the rest of its `CREATE INDEX`.
INDEXES = {
    "inbound_request_fresh": """
        (priority DESC, number) WHERE state = 'new' AND attempts = 0
    """,
    "inbound_request_fresh_party": """
        ((coalesce(account_id, consumer_id, '00000000-0000-0000-0000-000000000000'::uuid)),
         priority DESC, number)
        WHERE state = 'new' AND attempts = 0
    """,
    "inbound_request_tried": """
        ((coalesce(due_at, timestamptz '-infinity')), number)
        WHERE state = 'new' AND attempts > 0
    """,
    "inbound_request_unfinished_account": """
        (account_id, number)
        WHERE account_id IS NOT NULL AND state IN ('new', 'in_progress', 'pending')
    """,
}

STATEMENTS = tuple(
    statement
    for name, rest in INDEXES.items()
    for statement in (
        f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
        f"CREATE INDEX CONCURRENTLY {name} ON inbound_request {rest}",
    )
)

COLUMNS = (
    "ALTER TABLE inbound_request DROP CONSTRAINT IF EXISTS inbound_request_pending",
    """
    ALTER TABLE inbound_request ADD CONSTRAINT inbound_request_pending
        CHECK (state <> 'pending' OR execute_after IS NOT NULL) NOT VALID
    """,
    "ALTER TABLE inbound_request VALIDATE CONSTRAINT inbound_request_pending",
    "ALTER TABLE idempotency_key ADD COLUMN IF NOT EXISTS headers jsonb",
)


async def forwards() -> MigrationManager:
    """Build the indexes beside the running service, then change the tables."""
    return concurrent_migration(ID, DESCRIPTION, STATEMENTS, then=COLUMNS)
