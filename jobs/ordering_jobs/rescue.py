"""The clock's duty: give back what workers hold that no longer answer."""

import logging

from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering.inbound.claim import rescue

__all__ = ["rescue_expired"]

_log = logging.getLogger(__name__)


async def rescue_expired(database: Database, *, max_attempts: int) -> int:
    """Rescue expired claims; returns how many. A database that is away is tried next time."""
    try:
        async with database.acquire() as connection:
            rescued = await rescue(connection, max_attempts=max_attempts)
    except DATABASE_AWAY:
        _log.warning("cannot look for expired claims", exc_info=True)
        return 0
    if rescued:
        _log.warning("rescued %s records of the inbound queue from expired claims", rescued)
    return rescued
