"""A function that writes a text as a JSON string (docs/decisions/0021-json-from-sql.md).

PostgreSQL puts its body in its place where it is called. `to_json` looks up for each value what
kind of type it is given; `json_scalar`, which PostgreSQL 17 has, when a statement starts.
"""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.hand_written import migration

ID = "2026-11-22T14:20:00:000001"
VERSION = "1.38.0"
DESCRIPTION = "json strings"

#: Stable, as `to_json` is: an immutable function with it inside would really be called.
STATEMENTS = (
    """
    DO $do$ BEGIN
        EXECUTE format(
            'CREATE OR REPLACE FUNCTION json_string(text) RETURNS json'
            ' LANGUAGE sql STABLE PARALLEL SAFE RETURN %s($1)',
            CASE WHEN current_setting('server_version_num')::int >= 170000
                THEN 'json_scalar' ELSE 'to_json' END);
    END $do$
    """,
)


async def forwards() -> MigrationManager:
    """Make the function."""
    return migration(ID, DESCRIPTION, STATEMENTS)
