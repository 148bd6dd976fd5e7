"""Orders, and what is worked out of their line items."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from ordering.access.roles import Permission
from ordering_graphql.reading import (
    Leaf,
    Many,
    One,
    Paged,
    Sort,
    Source,
    argument,
    column,
    declare,
    elements,
    extras,
    identity,
)
from ordering_graphql.types.connection import Connection
from ordering_graphql.types.filters import LineItemFilter
from ordering_graphql.types.history import (
    EVENT_SORTS,
    EVENTS,
    REVISION_SORTS,
    REVISIONS,
    OrderEvent,
    OrderRevision,
)
from ordering_graphql.types.line_item import LINES, LineItem
from ordering_graphql.types.node import Node
from ordering_graphql.types.paging import page_arguments
from ordering_graphql.types.scalars import JSON, OrderState
from ordering_graphql.types.values import Channel, Note, RelatedParty

if TYPE_CHECKING:
    from ordering_graphql.types.inbound import InboundRequest

__all__ = ["ORDERS", "LineItemSort", "Order"]

ORDERS = Source("customer_order", order="{row}.id", needs=Permission.READ_ORDERS)

_OF_ORDER = "{row}.order_id = {parent}.id"

#: Amounts are per unit. Lines that were canceled, and those that end a product, cost nothing.
_CHARGES = Source(
    "(SELECT price.value->>'priceType' AS price_type,"
    " price.value->>'recurringChargePeriod' AS period,"
    " sum((price.value#>>'{price,taxIncludedAmount,value}')::numeric"
    " * coalesce(line.quantity, 1)) AS tax_included,"
    " sum((price.value#>>'{price,dutyFreeAmount,value}')::numeric"
    " * coalesce(line.quantity, 1)) AS duty_free,"
    " count(DISTINCT line.id) AS lines"
    " FROM order_line_item line, jsonb_array_elements(line.item_prices) AS price"
    " WHERE line.order_id = {parent}.id AND line.action <> 'delete'"
    " AND line.state NOT IN ('canceled', 'rejected')"
    " GROUP BY 1, 2)"
)

_STATES = Source(
    "(SELECT line.state, count(*) AS lines FROM order_line_item line"
    " WHERE line.order_id = {parent}.id GROUP BY 1)"
)


@strawberry.enum(description="Orders of line items.")
class LineItemSort(Enum):
    """How line items are sorted."""

    POSITION_ASC = "POSITION_ASC"
    POSITION_DESC = "POSITION_DESC"


_BY_POSITION = {"{row}.position": "int", "{row}.id": "uuid"}
_LINE_SORTS = {
    LineItemSort.POSITION_ASC.value: Sort(_BY_POSITION),
    LineItemSort.POSITION_DESC.value: Sort(_BY_POSITION, descending=True),
}


@strawberry.type(
    description="What the line items of an order cost together, per kind of charge and period."
    " Amounts are per unit, so each counts as often as its line item's quantity says, once without"
    " one. Line items that are canceled or rejected, and those that delete, are left out."
)
class PriceTotal:
    """The total of one kind of charge."""

    price_type: str | None = column("price_type", "`recurring` or `nonRecurring`.")
    recurring_charge_period: str | None = column(
        "period", "The period of recurring charges, as in `month`."
    )
    tax_included_amount: Decimal | None = column(
        "tax_included", "Sum with taxes, in the order's currency; null if no charge has one."
    )
    duty_free_amount: Decimal | None = column(
        "duty_free", "Sum without taxes, in the order's currency; null if no charge has one."
    )
    line_item_count: int = column("lines", "How many line items have such a charge.")


@strawberry.type(description="How many line items of an order are in a state.")
class LineItemCount:
    """A state with its line items counted."""

    state: OrderState = column("state", "The state.")
    count: int = column("lines", "How many line items are in it.")


@strawberry.type(description="An order for products.")
class Order(Node):
    """An order with its line items."""

    id: strawberry.ID = identity()
    external_id: str | None = column("external_id", "The order's id in the system that placed it.")
    external_system: str | None = column("external_system", "The system that placed it.")
    state: OrderState = column("state", "State of the order.")
    version: int = column("version", "Rises by one with each accepted change.")
    ponr: bool = column("ponr", "Whether the point of no return is reached.")
    order_currency: str | None = column(
        "order_currency", "ISO 4217 code of all prices of the order."
    )
    currency_code: str | None = column(
        "currency_code", "The same under its older name, where the client sent that."
    )
    order_date: datetime | None = column("order_date", "When the customer ordered.")
    requested_start_date: datetime | None = column(
        "requested_start_date", "When the customer wants the work to begin."
    )
    requested_completion_date: datetime | None = column(
        "requested_completion_date", "When the customer wants the products."
    )
    expected_completion_date: datetime | None = column(
        "expected_completion_date", "When the products are expected to be there."
    )
    committed_due_date: datetime | None = column(
        "committed_due_date", "When the products were promised for."
    )
    cancellation_reason: str | None = column(
        "cancellation_reason", "Why the order shall be canceled, if that was asked for."
    )
    requested_cancellation_date: datetime | None = column(
        "requested_cancellation_date",
        "When the customer wants it canceled; it is never waited for.",
    )
    created_by: str = column("created_by", "Who placed it.")
    created_at: datetime = column("created_at", "When it was accepted.")
    updated_at: datetime = column("updated_at", "When it was changed last.")
    channels: list[Channel] = declare(
        "Channels that it came through.", elements("{parent}.channels")
    )
    notes: list[Note] = declare("Remarks.", elements("{parent}.notes"))
    related_parties: list[RelatedParty] = declare(
        "The parties that it is for.", elements("{parent}.related_parties")
    )
    extras: JSON | None = extras()
    price_totals: list[PriceTotal] = declare(
        "What it costs, per kind of charge and period.",
        Many(
            source=_CHARGES,
            order_by="{row}.price_type, {row}.period",
            cost=10,
        ),
    )
    line_item_count: int = declare(
        "How many line items it has.",
        Leaf("(SELECT count(*) FROM order_line_item line WHERE line.order_id = {row}.id)"),
    )
    line_item_counts: list[LineItemCount] = declare(
        "How many line items it has in each state that occurs.",
        Many(source=_STATES, order_by="{row}.state", cost=10),
    )
    line_items: Connection[LineItem] = declare(
        "Its line items; by default in the order in which they were sent.",
        Paged(source=LINES, where=_OF_ORDER, sorts=_LINE_SORTS, most=5_000),
        argument("filter", LineItemFilter | None, "Only those that fit."),
        argument("order_by", LineItemSort, "How they are sorted.", LineItemSort.POSITION_ASC),
        *page_arguments(5_000),
    )
    root_line_items: list[LineItem] = declare(
        "Its line items that are not below another one.",
        Many(
            source=LINES,
            where=f"{_OF_ORDER} AND {{row}}.parent_line_item_id IS NULL",
            order_by="{row}.position",
            cost=10,
        ),
    )
    revisions: Connection[OrderRevision] = declare(
        "What was changed by whom, the oldest first.",
        Paged(source=REVISIONS, where=_OF_ORDER, sorts=REVISION_SORTS, most=100),
        *page_arguments(100),
    )
    events: Connection[OrderEvent] = declare(
        "What listeners are told about it, the oldest first.",
        Paged(source=EVENTS, where=_OF_ORDER, sorts=EVENT_SORTS, most=100),
        *page_arguments(100),
    )
    inbound_request: (
        Annotated["InboundRequest", strawberry.lazy("ordering_graphql.types.inbound")] | None
    ) = declare(
        "The request of the inbound queue that it was made from, while that is kept.",
        One(
            source=Source("inbound_request", needs=Permission.READ_QUEUE),
            where="{row}.id = {parent}.id",
        ),
    )
