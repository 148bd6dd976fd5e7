"""Bulks: many orders in one request, and what became of each line (docs/decisions/0018-bulks.md).

New tables only, which a running older version does not know.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T12:10:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "bulks"

STATEMENTS = (
    """
    CREATE TABLE bulk (
        id uuid PRIMARY KEY,
        initiated_by text NOT NULL,
        request_key text,
        state varchar(20) NOT NULL CHECK (state IN ('receiving', 'finished', 'interrupted')),
        accepted bigint NOT NULL DEFAULT 0,
        duplicates bigint NOT NULL DEFAULT 0,
        refused bigint NOT NULL DEFAULT 0,
        last_line bigint NOT NULL DEFAULT 0,
        claim_token uuid,
        lease_expires_at timestamptz,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        ended_at timestamptz,
        CHECK ((claim_token IS NOT NULL) = (state = 'receiving')),
        CHECK ((lease_expires_at IS NOT NULL) = (state = 'receiving')),
        CHECK ((ended_at IS NULL) = (state = 'receiving'))
    )
    """,
    """CREATE UNIQUE INDEX bulk_request_key ON bulk (initiated_by, request_key)
       WHERE request_key IS NOT NULL""",
    "CREATE INDEX bulk_updated ON bulk (updated_at)",
    """
    CREATE TABLE bulk_line (
        bulk_id uuid NOT NULL,
        number bigint NOT NULL,
        outcome varchar(20) NOT NULL CHECK (outcome IN ('accepted', 'duplicate', 'refused')),
        order_id uuid,
        external_id text,
        problems jsonb,
        digest bigint NOT NULL,
        PRIMARY KEY (bulk_id, number),
        CHECK ((order_id IS NULL) = (outcome = 'refused')),
        CHECK ((problems IS NOT NULL) = (outcome = 'refused'))
    )
    """,
    """CREATE INDEX bulk_line_not_accepted ON bulk_line (bulk_id, outcome, number)
       WHERE outcome <> 'accepted'""",
)


async def forwards() -> MigrationManager:
    """Create the tables, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
