"""One order per external id, where the settings say so (`unique_external_ids`).

What is held against an order to come are the orders there are and those that wait in the inbound
queue. There is no unique index, since orders of before may share external ids: whoever writes an
order locks its pair of external system and id first (docs/decisions/0016-idempotency.md).
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from ordering.db.advisory import LockKind, lock_names
from ordering.db.connection import Connection
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.ids import show_id

__all__ = ["Named", "claim_external_ids"]

#: External system and external id.
_Pair = tuple[str | None, str | None]

_FIND = """
SELECT asked.place, taken.id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (external_system, external_id, place)
CROSS JOIN LATERAL (
    SELECT id FROM customer_order AS known
    WHERE known.external_id = asked.external_id
      AND known.external_system IS NOT DISTINCT FROM asked.external_system
    UNION ALL
    SELECT id FROM inbound_request AS known
    WHERE known.external_id = asked.external_id
      AND known.external_system IS NOT DISTINCT FROM asked.external_system
      AND known.state IN ('new', 'in_progress', 'pending')
    LIMIT 1
) AS taken
"""


class Named(Protocol):
    """An order to come, or a request for one."""

    id: UUID
    external_id: str | None
    external_system: str | None


async def claim_external_ids(
    connection: Connection, wanted: Sequence[Named]
) -> list[Exception | None]:
    """Lock external ids until the end of the transaction; tells what stands against each.

    That is None, or the `InvalidRequestError` to raise because another order has it.
    """
    pairs: list[_Pair] = [(each.external_system, each.external_id) for each in wanted]
    names = {_name(pair) for pair in pairs if pair[1] is not None}
    if not names:
        return [None] * len(wanted)
    await lock_names(connection, LockKind.EXTERNAL_ID, names)
    systems, ids = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    rows = await connection.fetch(_FIND, systems, ids)
    owners: dict[str, UUID] = {}
    for row in rows:
        place: int = row["place"] - 1
        owners[_name(pairs[place])] = row["id"]
    told: list[Exception | None] = []
    for each, pair in zip(wanted, pairs, strict=True):
        owner = None if pair[1] is None else owners.setdefault(_name(pair), each.id)
        told.append(None if owner in (None, each.id) else _taken(pair[1], owner))
    return told


def _name(pair: _Pair) -> str:
    return f"external id {pair!r}"


def _taken(external_id: str | None, owner: UUID | None) -> InvalidRequestError:
    known = show_id(owner) if owner else ""
    problem = Problem.of(
        messages.EXTERNAL_ID_TAKEN, "/externalId", external_id=external_id, order=known
    )
    return InvalidRequestError([problem])
