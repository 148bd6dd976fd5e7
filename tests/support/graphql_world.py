"""All that GraphQL may show of a database, as plain objects, for the oracle of its tests.

Orders come from the reader of the REST faces, the rest from rows as they are. Nothing of it knows
how the GraphQL face reads.
"""

import json
from typing import Any, NamedTuple, cast
from uuid import UUID

import msgspec

from ordering.db.engine import Database
from ordering.domain.ids import show_id
from ordering.domain.order import LineItem, Order
from ordering.orders.reader import AGGREGATE, Branch, OrderFilter, list_shown

__all__ = ["Digits", "Event", "Request", "Revision", "World", "exact", "load_world"]


class Digits(NamedTuple):
    """A JSON number with the digits that it is written with."""

    text: str


class Revision(dict[str, Any]):
    """A row of the audit."""


class Event(dict[str, Any]):
    """A row of the outbox."""


class Request(dict[str, Any]):
    """A row of the inbound queue."""


def exact(text: str | bytes | None) -> Any:
    """Read JSON, numbers as they are written; None stays None."""
    return None if text is None else json.loads(text, parse_int=Digits, parse_float=Digits)


class World(msgspec.Struct):
    """Everything, each list in the order in which it came into being."""

    orders: list[Order]
    lines: dict[UUID, LineItem]
    order_of: dict[UUID, Order]
    work_notes: dict[UUID, list[dict[str, Any]]]
    revisions: list[Revision]
    events: list[Event]
    requests: list[Request]
    parties: list[dict[str, Any]]
    offerings: list[dict[str, Any]]

    def order(self, identity: UUID | None) -> Order | None:
        """Find an order."""
        return next((order for order in self.orders if order.id == identity), None)

    def request(self, identity: UUID | None) -> Request | None:
        """Find a request of the inbound queue."""
        return next((each for each in self.requests if each["id"] == identity), None)

    def party_names(self, text: str) -> set[str]:
        """List the texts by which orders may name the party that is known under this one."""
        names = {text}
        for party in self.parties:
            known = {show_id(party["id"]), party["external_id"]}
            if text in known:
                names |= known - {None}
        return names

    def offering_names(self, text: str) -> set[str]:
        """List the text, and the ids of the offerings that have it as their external id."""
        return {text} | {
            show_id(each["id"]) for each in self.offerings if each["external_id"] == text
        }


_JSON_COLUMNS = ("change_types", "changes", "error", "attempt_history", "inventory_ids")


async def load_world(database: Database) -> World:
    """Read everything."""
    async with database.acquire() as connection:
        page = await list_shown(
            connection, OrderFilter(), AGGREGATE, Branch.ALL, limit=10_000, offset=0
        )
        orders = [msgspec.json.decode(order, type=Order) for order in page.orders]

        async def rows(table: str, order_by: str = "id") -> list[dict[str, Any]]:
            found = await connection.fetch(f"SELECT * FROM {table} ORDER BY {order_by}")
            plain = [dict(cast("Any", row).items()) for row in found]
            return [
                {k: exact(v) if k in _JSON_COLUMNS else v for k, v in row.items()} for row in plain
            ]

        notes: dict[UUID, list[dict[str, Any]]] = {}
        for note in await rows("work_note"):
            notes.setdefault(note["line_item_id"], []).append(note)
        return World(
            orders=orders,
            lines={line.id: line for order in orders for line in order.line_items},
            order_of={line.id: order for order in orders for line in order.line_items},
            work_notes=notes,
            revisions=[Revision(row) for row in await rows("order_revision")],
            events=[Event(row) for row in await rows("order_event")],
            requests=[Request(row) for row in await rows("inbound_request", "number")],
            parties=await rows("party"),
            offerings=await rows("product_offering"),
        )
