"""Run the migrations, once, whoever asks.

Several processes may start at the same time; an advisory lock lets one migrate while the others
wait. The migrations' own statements run under a lock timeout, so that a migration which cannot
have its table at once fails and is tried again, rather than queueing every request behind it. A
migration that builds an index concurrently sets its own (docs/decisions/0005-migrations.md).
"""

import asyncio
import contextlib
import io
import itertools
import pkgutil
from importlib import import_module
from typing import Any

from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager

from ordering.db import migrations
from ordering.db.advisory import Turn
from ordering.db.connection import Connection, connect
from ordering.db.engine import ENGINE, Database
from ordering.db.failures import DATABASE_AWAY
from ordering.db.piccolo_app import APP_NAME

__all__ = ["MigrationError", "find_missing", "migrate"]

_RETRY_S = 0.1
_LOCK_TIMEOUT_MS = 5_000
_STATEMENT_TIMEOUT_MS = 600_000


class MigrationError(Exception):
    """A migration did not succeed, and will be run again.

    The database is as it was before it, but for a migration without a transaction, whose statements
    may be run again.
    """


async def migrate(database_url: str) -> list[str]:
    """Bring the schema of `database_url` up to date.

    Returns the ids of the migrations that ran. Raises `MigrationError`.
    """
    gatekeeper = await connect(database_url)
    try:
        await _keep_others_out(gatekeeper)
        before = await _applied(gatekeeper)
        database = Database(
            database_url,
            pool_size=1,
            lock_timeout_ms=_LOCK_TIMEOUT_MS,
            statement_timeout_ms=_STATEMENT_TIMEOUT_MS,
            engine=ENGINE,
        )
        await database.open()
        try:
            # Piccolo reports by printing; a command line that answers machines must not.
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                result = await ForwardsMigrationManager(app_name=APP_NAME).run()
        except DATABASE_AWAY as error:
            raise MigrationError(f"the migration failed: {error}") from error
        finally:
            await database.close()
        if not result.success:
            raise MigrationError(result.message or printed.getvalue())
        return sorted(await _applied(gatekeeper) - before)
    finally:
        await gatekeeper.close()


async def find_missing(connection: Connection) -> list[str]:
    """List the migrations that this version needs and the database has not got, in their order.

    Others may be there: those of a newer version, which this one runs beside.
    """
    applied = await _applied(connection)
    modules = [
        import_module(f"{migrations.__name__}.{each.name}")
        for each in pkgutil.iter_modules(migrations.__path__)
    ]
    return sorted({each.ID for each in modules} - applied)


async def _keep_others_out(connection: Any) -> None:
    """Get the advisory lock, asking again and again.

    A statement that waits for the lock would hold a snapshot, which building an index concurrently
    waits for, and so neither would ever end.
    """
    for pause_s in itertools.repeat(_RETRY_S):
        if await connection.fetchval("SELECT pg_try_advisory_lock($1)", Turn.MIGRATING):
            return
        await asyncio.sleep(pause_s)


async def _applied(connection: Any) -> set[str]:
    if await connection.fetchval("SELECT to_regclass('migration')") is None:
        return set()
    rows = await connection.fetch("SELECT name FROM migration WHERE app_name = $1", APP_NAME)
    return {row["name"] for row in rows}
