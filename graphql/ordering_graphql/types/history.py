"""What happened to an order: the audit of its changes, and the events told to listeners."""

from datetime import datetime

import strawberry

from ordering.access.roles import Permission
from ordering_graphql.reading import Leaf, Sort, Source, column, declare, identity
from ordering_graphql.types.node import Node
from ordering_graphql.types.scalars import JSON

__all__ = ["EVENTS", "EVENT_SORTS", "REVISIONS", "REVISION_SORTS", "OrderEvent", "OrderRevision"]

REVISIONS = Source("order_revision", order="{row}.order_id", needs=Permission.READ_ORDERS)
EVENTS = Source("order_event", order="{row}.order_id", needs=Permission.READ_ORDERS)

#: The audit and the events are read in the order in which things happened. The names are in the
#: cursors, so that one of the other list is refused.
REVISION_SORTS = {"revisions": Sort({"{row}.id": "bigint"})}
EVENT_SORTS = {"events": Sort({"{row}.id": "bigint"})}


@strawberry.type(description="An accepted change of an order: who changed what, and when.")
class OrderRevision(Node):
    """A row of the audit."""

    id: strawberry.ID = identity("OrderRevision", key="{row}.id")
    version: int = column("version", "The order's version after it.")
    operation: str = column(
        "operation", "The change: `create`, `update`, `cancel`, or the action of a transition."
    )
    change_types: list[str] = column("change_types", "What kinds of things were changed.")
    changes: JSON | None = column(
        "changes",
        "What was different, of the header in `fields` and of line items in `lineItems`: values"
        " before and after by the names of the REST faces.",
    )
    changed_by: str = column("changed_by", "Who changed it.")
    changed_at: datetime = column("changed_at", "When it was changed.")


@strawberry.type(description="What listeners were told, or will be, about an order.")
class OrderEvent(Node):
    """A row of the outbox."""

    id: strawberry.ID = identity("OrderEvent", key="{row}.id")
    event_type: str = column("event_type", "The kind of event, as in TMF622.")
    occurred_at: datetime = column("occurred_at", "When it happened.")
    delivered: bool = declare(
        "Whether every listener has been told.", Leaf("({row}.delivered_at IS NOT NULL)")
    )
