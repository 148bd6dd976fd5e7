"""One order per external id, where the settings say so (`unique_external_ids`).

What is held against an order to come are the orders there are and those that wait in the inbound
queue. There is no unique index, since orders of before may share external ids: whoever writes an
order locks its pair of external system and id first (docs/decisions/0016-idempotency.md).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol
from uuid import UUID

from ordering.db.advisory import LockKind, lock_names
from ordering.db.connection import Connection, Row
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.ids import show_id

__all__ = ["FIND_OWNERS", "ExternalIds", "FindOwners", "Named", "find_order_owners"]

#: External system and external id.
_Pair = tuple[str | None, str | None]

#: Finds what has external systems and ids: rows of a place, counted from one, and the owner's id.
FindOwners = Callable[
    [Connection, Sequence[str | None], Sequence[str | None]], Awaitable[Sequence[Row]]
]

#: The statement of a `FindOwners`, over a table of which `{which}` rows count.
FIND_OWNERS = """
SELECT asked.place, known.id
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS asked (external_system, external_id, place)
JOIN {table} AS known ON known.external_id = asked.external_id
  AND known.external_system IS NOT DISTINCT FROM asked.external_system
WHERE {which}
"""
_FIND_ORDERS = FIND_OWNERS.format(table="customer_order", which="true")


async def find_order_owners(
    connection: Connection, systems: Sequence[str | None], ids: Sequence[str | None]
) -> Sequence[Row]:
    """Find the orders that have these external systems and ids."""
    return await connection.fetch(_FIND_ORDERS, systems, ids)


class Named(Protocol):
    """An order to come, or a request for one."""

    id: UUID
    external_id: str | None
    external_system: str | None


class ExternalIds:
    """Gives each external id away once; `requests` and `orders` tell who has which."""

    def __init__(self, *, requests: FindOwners, orders: FindOwners) -> None:
        # Requests become orders, never the other way, and workers lock no external id: who looks
        # at the orders first misses one that is created between the two looks.
        self._owners = (requests, orders)

    async def claim(
        self, connection: Connection, wanted: Sequence[Named]
    ) -> list[Exception | None]:
        """Lock external ids until the end of the transaction; tells what stands against each.

        That is None, or the `InvalidRequestError` to raise because another order has it.
        """
        owners = await self.find(connection, wanted)
        return [
            None if owner is None else _taken(each.external_id, owner)
            for each, owner in zip(wanted, owners, strict=True)
        ]

    async def find(self, connection: Connection, wanted: Sequence[Named]) -> list[UUID | None]:
        """Lock external ids as `claim` does; tells for each which other order has it, if any.

        Of several that want the same, the first one gets it.
        """
        pairs: list[_Pair] = [(each.external_system, each.external_id) for each in wanted]
        asked = sorted({pair for pair in pairs if pair[1] is not None}, key=_name)
        if not asked:
            return [None] * len(wanted)
        await lock_names(connection, LockKind.EXTERNAL_ID, [_name(pair) for pair in asked])
        systems, ids = [pair[0] for pair in asked], [pair[1] for pair in asked]
        owners: dict[_Pair, UUID] = {}
        for find in self._owners:
            for row in await find(connection, systems, ids):
                place: int = row["place"] - 1
                owners.setdefault(asked[place], row["id"])
        found: list[UUID | None] = []
        for each, pair in zip(wanted, pairs, strict=True):
            owner = None if pair[1] is None else owners.setdefault(pair, each.id)
            found.append(None if owner == each.id else owner)
        return found


def _name(pair: _Pair) -> str:
    return f"external id {pair!r}"


def _taken(external_id: str | None, owner: UUID) -> InvalidRequestError:
    problem = Problem.of(
        messages.EXTERNAL_ID_TAKEN, "/externalId", external_id=external_id, order=show_id(owner)
    )
    return InvalidRequestError([problem])
