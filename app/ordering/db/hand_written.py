"""Migrations whose operations are SQL statements (docs/decisions/0005-migrations.md)."""

from collections.abc import Sequence
from typing import Any, cast

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from ordering.db.engine import ENGINE

__all__ = ["concurrent_migration", "migration"]

_NO_LIMITS = ("SET lock_timeout = 0", "SET statement_timeout = 0")
_LIMITS = ("RESET lock_timeout", "RESET statement_timeout")

_UNFINISHED = """
SELECT relname AS name FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE NOT indisvalid AND indexrelid IN ({these})
"""


def migration(identity: str, description: str, statements: Sequence[str]) -> MigrationManager:
    """Make a migration that runs statements in one transaction."""
    return _manager(identity, description, statements, in_transaction=True)


def concurrent_migration(
    identity: str,
    description: str,
    statements: Sequence[str],
    then: Sequence[str] = (),
    *,
    indexes: Sequence[str] = (),
) -> MigrationManager:
    """Make a migration that works beside the running service, and runs `then` after it.

    Mostly it builds indexes. `CONCURRENTLY` is not possible in a transaction, and waits for every
    older snapshot, whatever it reads, while it locks nobody out: so `statements` may take their
    time, and each of them, and of `then`, must be one that may be run again. Those of `indexes`
    that an interrupted run left unfinished are dropped before; what it finished may be in use, and
    stays.
    """
    every = (*statements, *_LIMITS, *then)
    return _manager(
        identity, description, every, in_transaction=False, before=_NO_LIMITS, indexes=indexes
    )


def _manager(
    identity: str,
    description: str,
    statements: Sequence[str],
    *,
    in_transaction: bool,
    before: Sequence[str] = (),
    indexes: Sequence[str] = (),
) -> MigrationManager:
    manager = MigrationManager(
        migration_id=identity,
        app_name="ordering",
        description=description,
        wrap_in_transaction=in_transaction,
    )

    async def run() -> None:
        for statement in (*before, *await _drops(indexes), *statements):
            await ENGINE.run_ddl(statement)

    cast("Any", manager).add_raw(run)
    return manager


async def _drops(indexes: Sequence[str]) -> list[str]:
    """Write the statements that drop those of the indexes that are unfinished."""
    if not indexes:
        return []
    these = ", ".join(f"to_regclass('{name}')" for name in indexes)
    found = await cast("Any", ENGINE).run_ddl(_UNFINISHED.format(these=these))
    return [f"DROP INDEX CONCURRENTLY IF EXISTS {row['name']}" for row in found]
