"""An order as a client sends it, before anything is known about it: a whole one, or a revision.

Members that the server owns (`id`, `href`, `state`, `version`, `ponr`, ...) are declared, so that
they are no unknown attributes, and ignored: what a client says about them has no effect.
"""

from typing import Annotated

from msgspec import Meta, field

from ordering.domain.numbers import Number
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import (
    Channel,
    Characteristic,
    Contact,
    ExternalInventory,
    Few,
    FilledKey,
    ItemPrice,
    ItemRelationship,
    JsonScalar,
    Key,
    Many,
    Note,
    OfferingRef,
    PartyRef,
    Place,
    ProductRelationship,
    SpecificationRef,
    Value,
)

__all__ = ["MAX_ITEM_ID", "LineItemDraft", "OrderDraft", "ProductDraft"]

#: The longest `productOrderItem.id`, in characters (Product Order Open API).
MAX_ITEM_ID = 40

#: Owned by the server: whatever a client sends here is ignored.
Ignored = Annotated[JsonScalar, Meta(extra={"any": True, "ignored": True})]


class ProductDraft(Value):
    """The product of a line. `id` names the product inventory that a change is about."""

    id: Key | None = None
    type: str | None = field(default=None, name="@type")
    is_bundle: bool | None = None
    product_characteristic: Few[Characteristic] | None = None
    product_specification: SpecificationRef | None = None
    place: Place | None = None
    related_party: Few[Contact] | None = None
    product_relationship: Few[ProductRelationship] | None = None


class LineItemDraft(Value):
    """A line of an order to be."""

    id: Annotated[str, Meta(max_length=MAX_ITEM_ID)] | None = None
    action: str | None = None
    action_reason: str | None = None
    quantity: Number | None = None
    committed_due_date: Timestamp | None = None
    product: ProductDraft | None = None
    product_offering: OfferingRef | None = None
    item_price: Few[ItemPrice] | None = None
    product_order_item_relationship: Many[ItemRelationship] | None = None
    external_product_inventory: Few[ExternalInventory] | None = None
    type: str | None = field(default=None, name="@type")
    #: Read when an order is revised; a new order has nothing to be canceled.
    revision_operation: Ignored = None
    state: Ignored = None
    version: Ignored = None
    ponr: Ignored = None


class OrderDraft(Value):
    """An order to be; in a revision, what is to be different."""

    external_id: FilledKey | None = None
    external_system: FilledKey | None = None
    order_currency: str | None = None
    currency_code: str | None = None
    order_date: Timestamp | None = None
    requested_start_date: Timestamp | None = None
    requested_completion_date: Timestamp | None = None
    committed_due_date: Timestamp | None = None
    channel: Few[Channel] | None = None
    note: Few[Note] | None = None
    product_order_item: Many[LineItemDraft] | None = None
    related_party: Few[PartyRef] | None = None
    type: str | None = field(default=None, name="@type")
    id: Ignored = None
    href: Ignored = None
    state: Ignored = None
    version: Ignored = None
    ponr: Ignored = None
    expected_completion_date: Ignored = None

    @property
    def currency(self) -> str | None:
        """The order's currency, under whichever of its two names it was sent."""
        return self.order_currency or self.currency_code

    @property
    def items(self) -> list[LineItemDraft]:
        """The lines, none if there are none."""
        return self.product_order_item or []
