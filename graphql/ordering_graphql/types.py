"""The types that portals see. Names follow the REST contract; amounts are exact decimals."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import strawberry
from strawberry.scalars import JSON

from ordering.domain import order as domain
from ordering.domain.ids import show_id

__all__ = ["CharacteristicValue", "LineItem", "Order", "OrderConnection"]


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


@strawberry.type(description="A characteristic of a line item's product.")
class CharacteristicValue:
    """A characteristic; values are whatever JSON the client sent."""

    name: str | None = strawberry.field(description="Name of the characteristic in the catalog.")
    value_type: str | None = strawberry.field(description="Kind of value, for instance Choice.")
    value: JSON | None = strawberry.field(description="The value that was ordered.")
    previous_value: JSON | None = strawberry.field(description="The value before the change.")

    @classmethod
    def of(cls, value: domain.CharacteristicValue) -> "CharacteristicValue":
        """Show a characteristic."""
        return cls(
            name=value.name,
            value_type=value.value_type,
            value=_json(value.value),
            previous_value=_json(value.previous_value),
        )


@strawberry.type(description="A line of an order.")
class LineItem:
    """A line; its `id` is unique over all orders, its `itemId` within its order."""

    source: strawberry.Private[domain.LineItem]

    @strawberry.field(description="Identity of the line, unique over all orders.")
    def id(self) -> strawberry.ID:
        """Show the row's id."""
        return strawberry.ID(show_id(self.source.id))

    @strawberry.field(description="The client's id of the line, unique within its order.")
    def item_id(self) -> str:
        """Show the client's id."""
        return self.source.item_id

    @strawberry.field(description="What is done: add, change, delete, no-change, ...")
    def action(self) -> str:
        """Show the action."""
        return self.source.action

    @strawberry.field(description="State of the line.")
    def state(self) -> str:
        """Show the state."""
        return self.source.state

    @strawberry.field(description="How many are ordered.")
    def quantity(self) -> Decimal | None:
        """Show the quantity."""
        return self.source.quantity

    @strawberry.field(description="The product offering as ordered: id, name and version.")
    def product_offering(self) -> JSON | None:
        """Show the offering."""
        return _json(self.source.product_offering)

    @strawberry.field(description="The product specification as ordered: id, name and version.")
    def product_specification(self) -> JSON | None:
        """Show the specification."""
        return _json(self.source.product_specification)

    @strawberry.field(description="All characteristics, unchanged ones too.")
    def characteristics(self) -> list[CharacteristicValue]:
        """Show the characteristics."""
        return [CharacteristicValue.of(value) for value in self.source.characteristics]

    @strawberry.field(description="What to look at before approving the order.")
    def work_notes(self) -> list[str]:
        """Show the work notes."""
        return self.source.work_notes


@strawberry.type(description="An order for products.")
class Order:
    """An order with its lines."""

    source: strawberry.Private[domain.Order]

    @strawberry.field(description="Identity of the order: 32 hexadecimal digits.")
    def id(self) -> strawberry.ID:
        """Show the id."""
        return strawberry.ID(show_id(self.source.id))

    @strawberry.field(description="The order's id in the system that placed it.")
    def external_id(self) -> str | None:
        """Show the external id."""
        return self.source.external_id

    @strawberry.field(description="State of the order.")
    def state(self) -> str:
        """Show the state."""
        return self.source.state

    @strawberry.field(description="Rises by one with each accepted revision or cancellation.")
    def version(self) -> int:
        """Show the version."""
        return self.source.version

    @strawberry.field(description="Whether the point of no return is reached.")
    def ponr(self) -> bool:
        """Show the point of no return."""
        return self.source.ponr

    @strawberry.field(description="ISO 4217 code of all prices of the order.")
    def order_currency(self) -> str | None:
        """Show the currency."""
        return self.source.order_currency

    @strawberry.field(description="When the order was accepted, in UTC.")
    def created_at(self) -> datetime:
        """Show the time of creation."""
        return self.source.created_at

    @strawberry.field(description="When the customer wants the products, in UTC.")
    def requested_completion_date(self) -> datetime | None:
        """Show the requested completion date."""
        return self.source.requested_completion_date

    @strawberry.field(description="Why the order shall be canceled, if that was asked for.")
    def cancellation_reason(self) -> str | None:
        """Show the reason to cancel."""
        return self.source.cancellation_reason

    @strawberry.field(description="When the customer wants it canceled, in UTC; never waited for.")
    def requested_cancellation_date(self) -> datetime | None:
        """Show the requested date of the cancellation."""
        return self.source.requested_cancellation_date

    @strawberry.field(description="The lines, in the order in which they were sent.")
    def line_items(self) -> list[LineItem]:
        """Show the lines."""
        return [LineItem(source=item) for item in self.source.line_items]


@strawberry.type(description="A page of orders.")
class OrderConnection:
    """The orders of a page, oldest first."""

    nodes: list[Order] = strawberry.field(description="The orders of this page.")
    total_count: int = strawberry.field(description="How many orders there are in all.")

    @classmethod
    def of(cls, orders: Sequence[domain.Order], total: int) -> "OrderConnection":
        """Show a page."""
        return cls(nodes=[Order(source=order) for order in orders], total_count=total)
