"""The failures of PostgreSQL, sorted by what they mean to us."""

import asyncpg  # pyright: ignore[reportMissingTypeStubs] - it carries no types

__all__ = ["DATABASE_AWAY", "RETRYABLE"]

#: Any failure of the database or of the way to it: who can do without it for now, waits.
DATABASE_AWAY: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: Failures of the database's circumstances, not of what was asked: the same may succeed later.
RETRYABLE: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.TransactionRollbackError,  # deadlock, serialization failure
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.OperatorInterventionError,  # shutdown, statement timeout
    asyncpg.LockNotAvailableError,
)
