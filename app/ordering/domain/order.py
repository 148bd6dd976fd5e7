"""The order aggregate: what the tables hold, and what every face shows.

Entities (order, line item) have typed attributes; value lists without a life of their own are
kept as JSON text in the shape in which the faces show them, so that reading an order is no work
(docs/decisions/0007-one-aggregate.md). Moments are UTC.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from ordering.domain.states import OrderState

__all__ = [
    "CharacteristicValue",
    "ContactPerson",
    "JsonText",
    "LineItem",
    "Order",
    "RelatedItem",
    "show_tag",
]

#: JSON as text: how PostgreSQL's jsonb comes and goes.
JsonText = str


class CharacteristicValue(msgspec.Struct, kw_only=True):
    """A characteristic of a line's product; values are JSON."""

    name: str | None = None
    value: JsonText | None = None
    value_type: str | None = None
    previous_value: JsonText | None = None
    extras: JsonText | None = None


class ContactPerson(msgspec.Struct, kw_only=True):
    """A contact of a line. `contact_id` is the id that the client gave, if it gave one."""

    id: UUID
    contact_id: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    referred_type: str | None = None
    extras: JsonText | None = None


class RelatedItem(msgspec.Struct, kw_only=True):
    """A product inventory that the line's product requires; `related_id` is the id as sent."""

    related_id: str | None = None
    product_inventory_id: UUID | None = None
    relationship_type: str | None = None
    extras: JsonText | None = None


class LineItem(msgspec.Struct, kw_only=True):
    """A line of an order. `item_id` is the client's id for it, unique within the order.

    `resulting_inventory_id` is the product inventory that the line brings about (`add`, and a
    `change` that moves a product); `inventory_status_before` the status that the inventory named
    by the line had before the line was approved: the line holds that inventory from then on until
    it ends. `state_before` is where the denial of a cancellation brings the line back to.
    """

    id: UUID
    item_id: str
    position: int
    action: str
    action_reason: str | None = None
    state: OrderState
    version: int = 1
    ponr: bool = False
    quantity: Decimal | None = None
    committed_due_date: datetime | None = None
    parent_line_item_id: UUID | None = None
    product_offering_id: UUID | None = None
    product_offering: JsonText | None = None
    product_specification_id: UUID | None = None
    product_specification: JsonText | None = None
    product_inventory_id: UUID | None = None
    product_id: str | None = None
    location_id: UUID | None = None
    place: JsonText | None = None
    relationships: JsonText | None = None
    item_prices: JsonText | None = None
    external_product_inventory: JsonText | None = None
    is_bundle: bool | None = None
    product_extras: JsonText | None = None
    extras: JsonText | None = None
    resulting_inventory_id: UUID | None = None
    inventory_status_before: str | None = None
    state_before: str | None = None
    characteristics: list[CharacteristicValue] = []
    contacts: list[ContactPerson] = []
    related_items: list[RelatedItem] = []
    work_notes: list[str] = []


class Order(msgspec.Struct, kw_only=True):
    """An order. `number` is given by the database when the order is created.

    `state_before` is where the denial of a cancellation brings the order back to.
    """

    id: UUID
    number: int | None = None
    external_id: str | None = None
    external_system: str | None = None
    state: OrderState
    version: int = 1
    ponr: bool = False
    order_currency: str | None = None
    currency_code: str | None = None
    order_date: datetime | None = None
    requested_start_date: datetime | None = None
    requested_completion_date: datetime | None = None
    expected_completion_date: datetime | None = None
    committed_due_date: datetime | None = None
    account_id: UUID | None = None
    consumer_id: UUID | None = None
    channels: JsonText | None = None
    notes: JsonText | None = None
    related_parties: JsonText | None = None
    extras: JsonText | None = None
    cancellation_reason: str | None = None
    requested_cancellation_date: datetime | None = None
    state_before: str | None = None
    created_by: str
    created_at: datetime
    updated_at: datetime
    line_items: list[LineItem] = []

    @property
    def tag(self) -> str:
        """Another text for every change of the order: what an HTTP entity tag is made of."""
        return show_tag(self.version, self.updated_at)

    @property
    def has_work_notes(self) -> bool:
        """Whether somebody has to look at a line before approving the order."""
        return any(item.work_notes for item in self.line_items)


def show_tag(version: int, updated_at: datetime) -> str:
    """Show the tag of an order with this version, changed last at this moment."""
    return f"{version}-{updated_at.timestamp() * 1000:.0f}"
