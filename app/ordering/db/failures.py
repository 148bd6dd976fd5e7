"""The failures of PostgreSQL, sorted by what they mean to us."""

import re

from ordering.db.driver import asyncpg

__all__ = [
    "DATABASE_AWAY",
    "LOCKED",
    "OUTAGE",
    "PASSING",
    "RETRYABLE",
    "UNCERTAIN",
    "is_misuse",
    "is_too_large",
]

#: Any failure of the database or of the way to it: who can do without it for now, waits.
DATABASE_AWAY: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: The way to the database was lost: whether a statement under way was committed is not known.
UNCERTAIN: tuple[type[Exception], ...] = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
)

#: Somebody else held a lock for longer than we wait.
LOCKED: type[Exception] = asyncpg.LockNotAvailableError

#: The database serves nobody for now, whatever it is asked for: the way to it is lost, it stops or
#: starts, or has no room left.
OUTAGE: tuple[type[Exception], ...] = (
    *UNCERTAIN,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
)

#: Failures of the database's circumstances, not of what was asked: the same may succeed later.
RETRYABLE: tuple[type[Exception], ...] = (
    *OUTAGE,
    asyncpg.TransactionRollbackError,  # deadlock, serialization failure
    asyncpg.OperatorInterventionError,  # statement timeout, a session ended by an operator
    LOCKED,
)

#: What a process waits out that works by itself: besides what is retryable, a server that does not
#: let it in, or only reads, until that is mended; a session that was frozen for too long; a schema
#: that was changed below a prepared statement. All else, as a missing table, is a defect.
PASSING: tuple[type[Exception], ...] = (
    *RETRYABLE,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InvalidCachedStatementError,
)


def is_misuse(error: BaseException) -> bool:
    """Tell whether the driver refuses what we call it with: a defect, however often it is repeated.

    asyncpg has one type for that and for a way that is lost, of which it says that something is
    closed, released or being canceled. Values that do not fit are a `PostgresError` of their own.
    """
    if not isinstance(error, asyncpg.InterfaceError):
        return False
    return re.search("clos(ed|ing)|released|cancelling", str(error)) is None


def is_too_large(error: BaseException) -> bool:
    """Tell whether a value is larger than PostgreSQL can hold, which is a gigabyte.

    Functions that let a buffer grow say so; operators find out when they ask for the memory, of
    two values at most. Who asks for more than that has read a value that is damaged.
    """
    if isinstance(error, asyncpg.ProgramLimitExceededError):
        return True
    if not isinstance(error, asyncpg.InternalServerError):
        return False
    asked = re.fullmatch(r"invalid memory alloc request size (\d+)", str(error))
    return asked is not None and int(asked[1]) < 2**31
