"""Tables of the order aggregate, named by the field's terms.

One order is one row of `customer_order` and its rows in the four child tables. Small value
lists without a life of their own (notes, channels, parties, prices, relationships) are jsonb,
in the shape in which the faces show them; `extras` keeps the attributes that this software
does not know (docs/decisions/0006-unknown-attributes.md).
"""

from piccolo.columns import (
    JSONB,
    UUID,
    BigSerial,
    Boolean,
    ForeignKey,
    Integer,
    Numeric,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

__all__ = [
    "CustomerOrder",
    "OrderCharacteristicValue",
    "OrderLineItem",
    "OrderLineItemContact",
    "OrderLineRelatedItem",
    "OrderRevision",
    "WorkNote",
]


class CustomerOrder(Table, tablename="customer_order"):
    """The order header. `number` is the creation number, which lists are sorted by."""

    id = UUID(primary_key=True, default=None)
    number = BigSerial()
    external_id = Text(null=True, default=None)
    external_system = Text(null=True, default=None)
    state = Varchar(length=40)
    version = Integer(default=1)
    ponr = Boolean(default=False)
    order_currency = Varchar(length=3, null=True, default=None)
    currency_code = Varchar(length=3, null=True, default=None)
    order_date = Timestamptz(null=True, default=None)
    requested_start_date = Timestamptz(null=True, default=None)
    requested_completion_date = Timestamptz(null=True, default=None)
    expected_completion_date = Timestamptz(null=True, default=None)
    committed_due_date = Timestamptz(null=True, default=None)
    account_id = UUID(null=True, default=None)
    consumer_id = UUID(null=True, default=None)
    channels = JSONB(null=True, default=None)
    notes = JSONB(null=True, default=None)
    related_parties = JSONB(null=True, default=None)
    extras = JSONB(null=True, default=None)
    created_by = Text()
    created_at = Timestamptz()
    updated_at = Timestamptz()
    cancellation_reason = Text(null=True, default=None)
    requested_cancellation_date = Timestamptz(null=True, default=None)
    state_before = Varchar(length=40, null=True, default=None)


class OrderLineItem(Table, tablename="order_line_item"):
    """One line. `item_id` is the client's id, unique within its order only."""

    id = UUID(primary_key=True, default=None)
    order_id = ForeignKey(CustomerOrder, null=False, default=None)
    position = Integer()
    item_id = Varchar(length=40)
    action = Varchar(length=20)
    action_reason = Text(null=True, default=None)
    state = Varchar(length=40)
    version = Integer(default=1)
    ponr = Boolean(default=False)
    quantity = Numeric(null=True, default=None)
    committed_due_date = Timestamptz(null=True, default=None)
    parent_line_item_id = UUID(null=True, default=None)
    product_offering_id = UUID(null=True, default=None)
    product_offering = JSONB(null=True, default=None)
    product_specification_id = UUID(null=True, default=None)
    product_specification = JSONB(null=True, default=None)
    product_inventory_id = UUID(null=True, default=None)
    product_id = Text(null=True, default=None)
    location_id = UUID(null=True, default=None)
    place = JSONB(null=True, default=None)
    relationships = JSONB(null=True, default=None)
    item_prices = JSONB(null=True, default=None)
    external_product_inventory = JSONB(null=True, default=None)
    is_bundle = Boolean(null=True, default=None)
    product_extras = JSONB(null=True, default=None)
    extras = JSONB(null=True, default=None)
    resulting_inventory_id = UUID(null=True, default=None)
    inventory_status_before = Varchar(length=30, null=True, default=None)
    state_before = Varchar(length=40, null=True, default=None)


class OrderCharacteristicValue(Table, tablename="order_characteristic_value"):
    """A characteristic of a line's product. `value` is JSON: text, number, flag, list or object."""

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    line_item_id = UUID(default=None)
    name = Text(null=True, default=None)
    value = JSONB(null=True, default=None)
    value_type = Text(null=True, default=None)
    previous_value = JSONB(null=True, default=None)
    extras = JSONB(null=True, default=None)


class OrderLineItemContact(Table, tablename="order_line_item_contact"):
    """A contact person of a line. `contact_id` is the id that the client sent, if any."""

    id = UUID(primary_key=True, default=None)
    order_id = UUID(default=None)
    line_item_id = UUID(default=None)
    contact_id = Text(null=True, default=None)
    first_name = Text(null=True, default=None)
    last_name = Text(null=True, default=None)
    name = Text(null=True, default=None)
    email = Text(null=True, default=None)
    phone = Text(null=True, default=None)
    referred_type = Text(null=True, default=None)
    extras = JSONB(null=True, default=None)


class OrderLineRelatedItem(Table, tablename="order_line_related_item"):
    """A product inventory that a line's product requires. `related_id` is the id as sent."""

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    line_item_id = UUID(default=None)
    related_id = Text(null=True, default=None)
    product_inventory_id = UUID(null=True, default=None)
    relationship_type = Text(null=True, default=None)
    extras = JSONB(null=True, default=None)


class WorkNote(Table, tablename="work_note"):
    """What somebody must look at on a line before approving the order; never a failure."""

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    line_item_id = UUID(null=True, default=None)
    text = Text()
    created_at = Timestamptz()


class OrderRevision(Table, tablename="order_revision"):
    """The audit: who changed what and when. One row per accepted change of an order."""

    id = BigSerial(primary_key=True)
    order_id = UUID(default=None)
    version = Integer()
    operation = Varchar(length=40)
    change_types = JSONB(default=None)
    changes = JSONB(null=True, default=None)
    changed_by = Text()
    changed_at = Timestamptz()
