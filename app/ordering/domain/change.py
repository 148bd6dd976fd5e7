"""What one accepted request changes of an order: decided without I/O, written at once.

Revisions, cancellations and transitions all are changes; the audit and the events are made from
them, so that no way of changing an order can leave them out.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from ordering.domain.order import LineItem, Order
from ordering.domain.timestamps import Timestamp, now

__all__ = [
    "UPDATE",
    "Change",
    "ChangeType",
    "Event",
    "Fields",
    "InventoryChange",
    "LineChange",
    "moment_after",
]

_MILLISECOND = timedelta(milliseconds=1)

#: Changed members by the names that the REST faces give them: the value before, and after.
Fields = Mapping[str, tuple[object, object]]


#: The operation of a revision, in the audit.
UPDATE = "update"


class ChangeType(StrEnum):
    """What a revision changed: of a line, or of the order's header.

    The first five are those of the Product Order Open API's product.
    """

    CHARACTERISTIC = "characteristic"
    CONTACT = "contact"
    PRICE = "price"
    QUANTITY = "quantity"
    RELATED_ITEMS = "related_items"
    OTHER = "other"
    LINE_ADDED = "line_added"
    LINE_CANCELED = "line_canceled"
    HEADER = "header"


class Event(StrEnum):
    """What listeners are told about an order (TMF622 v4)."""

    CREATED = "productOrderCreateEvent"
    ATTRIBUTES_CHANGED = "productOrderAttributeValueChangeEvent"
    STATE_CHANGED = "productOrderStateChangeEvent"
    INFORMATION_REQUIRED = "productOrderInformationRequiredEvent"
    CANCELLATION_REQUESTED = "cancelProductOrderCreateEvent"
    CANCELLATION_MOVED = "cancelProductOrderStateChangeEvent"


class LineChange(msgspec.Struct, kw_only=True):
    """A line after the change, and what is different; `notes` are work notes to be added.

    Without `fields` nothing is different that anybody is shown.

    `lists` names the lists that are: `characteristics`, `contacts`, `related_items`.
    """

    line: LineItem
    fields: Fields
    types: Sequence[ChangeType] = ()
    lists: Collection[str] = ()
    notes: Sequence[str] = ()


class InventoryChange(msgspec.Struct, kw_only=True):
    """What becomes of a product inventory, old or new; `None` leaves a member as it is.

    `external_id` is for new ones only, and is not given if another inventory has it.
    """

    id: UUID
    status: str
    external_id: str | None = None
    name: str | None = None
    product_offering_id: UUID | None = None
    product_specification_id: UUID | None = None
    internal_version: int | None = None
    location_id: UUID | None = None
    account_id: UUID | None = None
    consumer_id: UUID | None = None
    characteristics: str | None = None


class Change(msgspec.Struct, kw_only=True):
    """A change of an order. `operation` names it in the audit; `details` are its circumstances."""

    order: Order
    operation: str
    client: str
    moment: Timestamp
    fields: Fields = {}
    lines: Sequence[LineChange] = ()
    added: Sequence[LineItem] = ()
    inventories: Sequence[InventoryChange] = ()
    events: Sequence[Event] = ()
    details: Mapping[str, Any] = {}

    @property
    def types(self) -> list[ChangeType]:
        """All change types, each once, in their order."""
        found = {kind for line in self.lines for kind in line.types}
        if self.added:
            found.add(ChangeType.LINE_ADDED)
        if self.operation == UPDATE and self.fields:
            found.add(ChangeType.HEADER)
        return [kind for kind in ChangeType if kind in found]


def moment_after(order: Order) -> Timestamp:
    """Read the clock; never the moment of the order's last change, so that tags differ."""
    return max(now(), Timestamp.of(order.updated_at + _MILLISECOND))
