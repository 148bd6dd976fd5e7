"""Indexes and columns for the order in which the inbound queue is worked off, and for repeats.

The indexes of the first release know no turns of parties, and keep what waits for another attempt
among what is ready; a running older version claims by them, so a later migration drops them
(docs/decisions/0017-queue-order.md). Built beside the
running service: `CONCURRENTLY` is not possible in a transaction, so this migration has none, and
each statement may be run again.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.engine import ENGINE

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

STATEMENTS = (
    # Building waits for older snapshots, however long that takes (docs/decisions/0005).
    "SET lock_timeout = 0",
    "SET statement_timeout = 0",
    *(
        statement
        for name, rest in INDEXES.items()
        for statement in (
            f"DROP INDEX CONCURRENTLY IF EXISTS {name}",
            f"CREATE INDEX CONCURRENTLY {name} ON inbound_request {rest}",
        )
    ),
    "RESET lock_timeout",
    "RESET statement_timeout",
    "ALTER TABLE inbound_request DROP CONSTRAINT IF EXISTS inbound_request_pending",
    """
    ALTER TABLE inbound_request ADD CONSTRAINT inbound_request_pending
        CHECK (state <> 'pending' OR execute_after IS NOT NULL) NOT VALID
    """,
    "ALTER TABLE inbound_request VALIDATE CONSTRAINT inbound_request_pending",
    "ALTER TABLE idempotency_key ADD COLUMN IF NOT EXISTS headers jsonb",
)


async def forwards() -> MigrationManager:
    """Change the tables beside the running service."""
    manager = MigrationManager(
        migration_id=ID, app_name="ordering", description=DESCRIPTION, wrap_in_transaction=False
    )

    async def change() -> None:
        for statement in STATEMENTS:
            await ENGINE.run_ddl(statement)

    manager.add_raw(change)
    return manager
