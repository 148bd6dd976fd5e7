"""Who watches which orders, and the notices about them (docs/decisions/0023-subscriptions.md).

The table is unlogged: it holds leases of a minute, and who holds one writes it again after a crash.
The trigger is new to a running older version too, and costs it one probe of an empty table.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T13:10:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "watched orders"

STATEMENTS = (
    """
    CREATE UNLOGGED TABLE order_watch (
        id bigserial PRIMARY KEY,
        order_id uuid NOT NULL,
        holder uuid NOT NULL,
        until timestamptz NOT NULL,
        UNIQUE (order_id, holder)
    )
    """,
    # NOTIFY takes a lock that lets one commit after the other through, so only those pay for it
    # whose order is watched.
    """
    CREATE FUNCTION tell_watchers() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT FROM order_watch) THEN
            PERFORM pg_notify('order_changed', order_id::text)
            FROM order_watch
            WHERE order_id = ANY (ARRAY(SELECT order_id FROM written)) AND until > now();
        END IF;
        RETURN NULL;
    END
    $$
    """,
    """
    CREATE TRIGGER order_event_watched AFTER INSERT ON order_event
        REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION tell_watchers()
    """,
)


async def forwards() -> MigrationManager:
    """Create the table and the trigger, in one transaction."""
    return migration(ID, DESCRIPTION, STATEMENTS)
