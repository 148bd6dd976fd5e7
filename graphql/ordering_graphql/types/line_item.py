"""Line items with their products, and what belongs to them."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import strawberry

from ordering.access.roles import Permission
from ordering_graphql.reading import (
    Condition,
    Embedded,
    Leaf,
    Many,
    One,
    OrderMap,
    Source,
    argument,
    column,
    declare,
    elements,
    extras,
    identity,
)
from ordering_graphql.types.node import Node
from ordering_graphql.types.scalars import JSON, OrderState
from ordering_graphql.types.values import (
    ExternalInventory,
    ItemPrice,
    ItemRelationship,
    Place,
    ProductOfferingRef,
    ProductSpecificationRef,
)

if TYPE_CHECKING:
    from ordering_graphql.types.order import Order

__all__ = ["LINES", "LineItem"]

LINES = Source("order_line_item", order="{row}.order_id", needs=Permission.READ_ORDERS)

_OF_LINE = "{row}.order_id = {parent}.order_id AND {row}.line_item_id = {parent}.id"


def _named(item_ids: str) -> Source:
    """Read the lines of the parent's order with these item ids.

    Each is looked up by itself: the limit, which changes nothing, keeps the planner from reading
    all lines of the order to join them, for each of its lines.
    """
    return Source(
        f"(SELECT line.* FROM ({item_ids}) AS wanted CROSS JOIN LATERAL ("
        "SELECT * FROM order_line_item WHERE order_id = {parent}.order_id"
        " AND item_id = wanted.item_id LIMIT 1) AS line)",
        order=LINES.order,
    )


_REQUIRERS = OrderMap(
    "requirers",
    "SELECT jsonb_object_agg(target, sources) FROM ("
    "SELECT relation.value->>'id' AS target,"
    " jsonb_agg(line.item_id ORDER BY line.position) AS sources"
    " FROM order_line_item line, jsonb_array_elements(line.relationships) AS relation"
    " WHERE line.order_id = {order} AND relation.value->>'relationshipType' = 'Requires'"
    " AND relation.value->>'id' IS NOT NULL"
    " GROUP BY 1) AS required",
)

_LINE_CHANGES = OrderMap(
    "line_changes",
    "SELECT jsonb_object_agg(item_id, entries) FROM ("
    "SELECT line.value->>'id' AS item_id, jsonb_agg(jsonb_build_object("
    "'revision', revision.id, 'version', line.value->'version',"
    " 'changeTypes', line.value->'changeTypes', 'fields', line.value->'fields',"
    " 'changedBy', revision.changed_by, 'changedAt', revision.changed_at,"
    " 'operation', revision.operation) ORDER BY revision.id) AS entries"
    " FROM order_revision revision,"
    " jsonb_array_elements(revision.changes->'lineItems') AS line"
    " WHERE revision.order_id = {order} AND line.value->>'id' IS NOT NULL"
    " GROUP BY 1) AS changed",
)


@strawberry.type(description="A characteristic of a line item's product.")
class CharacteristicValue:
    """A characteristic; values are whatever JSON the client sent."""

    name: str | None = column("name", "Name of the characteristic in the catalog.")
    value_type: str | None = column("value_type", "Kind of value, for instance Choice.")
    value: JSON | None = column("value", "The value that was ordered.")
    previous_value: JSON | None = column("previous_value", "The value before the change.")
    extras: JSON | None = extras()


@strawberry.type(description="A contact person of a line item.")
class Contact:
    """A contact."""

    contact_id: str = declare(
        "The id that the client gave or, without one, an id of ours.",
        Leaf("coalesce(nullif({row}.contact_id, ''), encode(uuid_send({row}.id), 'hex'))"),
    )
    name: str | None = column("name", "Whole name of the person.")
    first_name: str | None = column("first_name", "First name of the person.")
    last_name: str | None = column("last_name", "Last name of the person.")
    email: str | None = column("email", "Mail address of the person.")
    phone: str | None = column("phone", "Phone number of the person.")
    referred_type: str | None = column("referred_type", "The `@referredType` that was sent.")
    extras: JSON | None = extras()


@strawberry.type(description="An installed product that a line item's product requires.")
class RelatedItem:
    """A product relationship."""

    related_id: str | None = column("related_id", "Id of the product inventory, as it was sent.")
    relationship_type: str | None = column("relationship_type", "The kind of the relationship.")
    extras: JSON | None = extras()


@strawberry.type(description="What to look at on a line item before approving the order.")
class WorkNote:
    """A work note."""

    text: str = column("text", "What to look at.")
    created_at: datetime = column("created_at", "When it was written.")


@strawberry.type(description="The product that a line item is about.")
class Product:
    """The product of a line."""

    product_id: str | None = column(
        "product_id", "Id of the product inventory, for lines about an installed product."
    )
    is_bundle: bool | None = column("is_bundle", "Whether the product is a bundle.")
    extras: JSON | None = declare(
        "Attributes of the product that the client sent and that we do not know.",
        Leaf("{row}.product_extras"),
    )


@strawberry.type(description="What an accepted change did to a line item.")
class LineItemRevision:
    """An entry of the audit about one line."""

    version: int = declare("The line item's version after it.", Leaf("({row}->>'version')"))
    operation: str = declare(
        "The change: `update`, `cancel`, or the action of a transition.",
        Leaf("({row}->>'operation')"),
    )
    change_types: list[str] = declare(
        "What kinds of things were changed.", Leaf("({row}->'changeTypes')")
    )
    fields: JSON = declare(
        "What was different: values before and after by the names of the REST faces.",
        Leaf("({row}->'fields')"),
    )
    changed_by: str = declare("Who changed it.", Leaf("({row}->>'changedBy')"))
    changed_at: datetime = declare(
        "When it was changed.", Leaf("({row}->>'changedAt')::timestamptz")
    )


@strawberry.type(description="A line of an order; `itemId` is unique in its order, `id` anywhere.")
class LineItem(Node):
    """A line of an order."""

    id: strawberry.ID = identity("LineItem")
    item_id: str = column("item_id", "The client's id of the line item, unique in its order.")
    position: int = column("position", "Place among the line items of the order, from 0.")
    action: str = column(
        "action", "What is done: `add`, `change`, `delete`, `no-change`, `suspend` or `resume`."
    )
    action_reason: str | None = column("action_reason", "Why, in the client's words.")
    state: OrderState = column("state", "State of the line item.")
    version: int = column("version", "Rises by one with each accepted change of the line item.")
    ponr: bool = column("ponr", "Whether the point of no return is reached.")
    quantity: Decimal | None = column("quantity", "How many are ordered.")
    committed_due_date: datetime | None = column(
        "committed_due_date", "When the products were promised for."
    )
    product: Product = declare("The product that it is about.", Embedded())
    offering: ProductOfferingRef | None = declare(
        "The product offering as ordered.", Embedded("{row}.product_offering")
    )
    specification: ProductSpecificationRef | None = declare(
        "The product specification as ordered.", Embedded("{row}.product_specification")
    )
    place: Place | None = declare("Where the product is installed.", Embedded("{row}.place"))
    characteristics: list[CharacteristicValue] = declare(
        "The characteristics in the order in which they were sent, unchanged ones too.",
        Many(
            source=Source("order_characteristic_value"),
            where=_OF_LINE,
            order_by="{row}.id",
            narrow={"names": Condition("{row}.name = ANY ({value})", "text[]")},
            cost=10,
        ),
        argument("names", list[str] | None, "Only those with one of these names."),
    )
    prices: list[ItemPrice] = declare(
        "The charges as they were sent.", elements("{parent}.item_prices")
    )
    contacts: list[Contact] = declare(
        "Contact persons.",
        Many(source=Source("order_line_item_contact"), where=_OF_LINE, order_by="{row}.id", cost=2),
    )
    related_items: list[RelatedItem] = declare(
        "Installed products that the product requires.",
        Many(source=Source("order_line_related_item"), where=_OF_LINE, order_by="{row}.id", cost=2),
    )
    relationships: list[ItemRelationship] = declare(
        "Relationships to other line items, as they were sent.", elements("{parent}.relationships")
    )
    external_inventories: list[ExternalInventory] = declare(
        "Ids that the product inventory shall have in other systems.",
        elements("{parent}.external_product_inventory"),
    )
    extras: JSON | None = extras()
    work_notes: list[WorkNote] = declare(
        "What to look at before approving the order.",
        Many(source=Source("work_note"), where=_OF_LINE, order_by="{row}.id", cost=2),
    )
    order: Annotated["Order", strawberry.lazy("ordering_graphql.types.order")] = declare(
        "The order that it belongs to.",
        One(
            source=Source("customer_order", order="{row}.id"),
            where="{row}.id = {parent}.order_id",
        ),
    )
    parent: "LineItem | None" = declare(
        "The line item that it is below of.",
        One(source=LINES, where="{row}.id = {parent}.parent_line_item_id"),
    )
    children: list["LineItem"] = declare(
        "The line items directly below it.",
        Many(
            source=LINES,
            where="{row}.order_id = {parent}.order_id AND {row}.parent_line_item_id = {parent}.id",
            order_by="{row}.position",
            cost=10,
        ),
    )
    requires: list["LineItem"] = declare(
        "The line items of the order that it requires.",
        Many(
            source=_named(
                "SELECT DISTINCT relation.value->>'id' AS item_id"
                " FROM jsonb_array_elements({parent}.relationships) AS relation"
                " WHERE relation.value->>'relationshipType' = 'Requires'"
            ),
            order_by="{row}.position",
            cost=2,
            shared=True,
        ),
    )
    required_by: list["LineItem"] = declare(
        "The line items of the order that require it.",
        Many(
            source=_named(
                "SELECT DISTINCT jsonb_array_elements_text({map}->{parent}.item_id) AS item_id"
            ),
            order_by="{row}.position",
            cost=2,
            shared=True,
            map=_REQUIRERS,
        ),
    )
    revisions: list[LineItemRevision] = declare(
        "What accepted changes did to it, the oldest first.",
        elements("{map}->{parent}.item_id", cost=5, within=_LINE_CHANGES),
    )
