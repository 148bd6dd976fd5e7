"""Locks on what has no row: on names, and on what one process at a time does.

PostgreSQL's advisory locks, held until the end of the transaction. Of names there are few locks
for many: PostgreSQL has room for some thousands only, and one order may have ten thousand names.
Names that share a lock wait for each other in vain, for as long as a short transaction takes.
"""

from collections.abc import Collection, Sequence
from enum import IntEnum, unique

from ordering.db.connection import Connection

__all__ = ["LOCK_NAMES", "LockKind", "Turn", "lock_names", "take_turn", "try_lock_names"]


class LockKind(IntEnum):
    """Kinds of names, whose locks are apart; a transaction locks them in this order."""

    EXTERNAL_ID = 1
    LINE = 2


@unique
class Turn(IntEnum):
    """What one process at a time does, and the key of its lock; who migrates has it for longer."""

    MIGRATING = 0x0_0DE_211
    SWEEPING = 0x0_0DE_212
    MAILING = 0x0_0DE_213
    FOLDING = 0x0_0DE_214


#: Locks the names that `{names}`, a relation with a column `name`, has. Always in the same order,
#: so that two who want several do not wait for each other.
LOCK_NAMES = """
SELECT pg_advisory_xact_lock({kind}, lock) FROM (
    SELECT DISTINCT (hashtextextended(name, 0) & 1023)::integer AS lock FROM {names} ORDER BY lock
) AS in_order
"""
_LOCK = LOCK_NAMES.format(kind="$1", names="unnest($2::text[]) AS name")
_TRY_LOCK = """
SELECT pg_try_advisory_xact_lock(hashtextextended(name, 0)) FROM unnest($1::text[]) AS name
"""


async def lock_names(connection: Connection, kind: LockKind, names: Collection[str]) -> None:
    """Lock names, waiting for whoever holds them, until the end of the transaction.

    What the next statements of the transaction read is not older than the locks.
    """
    await connection.execute(_LOCK, kind, list(names))


async def try_lock_names(connection: Connection, names: Sequence[str]) -> Sequence[bool]:
    """Lock those of a few names that nobody else holds; tells for each, in order, whether it was.

    These have locks of their own, since one that is held is not waited for.
    """
    rows = await connection.fetch(_TRY_LOCK, list(names))
    return [row[0] for row in rows]


async def take_turn(connection: Connection, turn: Turn) -> bool:
    """Take a turn if nobody else has it; tells whether it is ours.

    It ends with the transaction: nothing is to be given back, whatever becomes of us.
    """
    return await connection.fetchval("SELECT pg_try_advisory_xact_lock($1)", turn)
