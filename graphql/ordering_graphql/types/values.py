"""Value objects of orders: what is kept as JSON beside the columns of an order or a line."""

from datetime import datetime
from decimal import Decimal

import strawberry

from ordering_graphql.reading import Embedded, Leaf, declare, extras, member
from ordering_graphql.types.scalars import JSON

__all__ = [
    "Amount",
    "Channel",
    "ExternalInventory",
    "ItemPrice",
    "ItemRelationship",
    "Note",
    "Place",
    "Price",
    "ProductOfferingRef",
    "ProductSpecificationRef",
    "RelatedParty",
]


@strawberry.type(description="An amount of money.")
class Amount:
    """An amount in major units."""

    unit: str | None = member("unit", "ISO 4217 code of the currency.")
    value: Decimal | None = member("value", "The amount in major units: 20.5 is 20 dollars 50.")
    extras: JSON | None = extras("unit", "value")


@strawberry.type(description="What something costs.")
class Price:
    """A price."""

    tax_included_amount: Amount | None = declare(
        "The amount with taxes.", Embedded("({row}->'taxIncludedAmount')")
    )
    duty_free_amount: Amount | None = declare(
        "The amount without taxes.", Embedded("({row}->'dutyFreeAmount')")
    )
    tax_rate: Decimal | None = member("taxRate", "The tax rate in percent.")
    extras: JSON | None = extras("taxIncludedAmount", "dutyFreeAmount", "taxRate")


@strawberry.type(description="A charge of a line item.")
class ItemPrice:
    """A charge, once or per period."""

    name: str | None = member("name", "Name of the charge.")
    description: str | None = member("description", "What the charge is for.")
    price_type: str | None = member(
        "priceType", "`recurring` for a charge per period, `nonRecurring` for one that comes once."
    )
    recurring_charge_period: str | None = member(
        "recurringChargePeriod", "The period of a recurring charge, as in `month`."
    )
    price: Price | None = declare("The price per unit.", Embedded("({row}->'price')"))
    extras: JSON | None = extras(
        "name", "description", "priceType", "recurringChargePeriod", "price"
    )


@strawberry.type(description="A remark on an order.")
class Note:
    """A remark."""

    note_id: str | None = declare("The client's id of the note.", Leaf("({row}->>'id')"))
    author: str | None = member("author", "Who wrote it.")
    date: datetime | None = declare("When it was written.", Leaf("({row}->>'date')::timestamptz"))
    text: str | None = member("text", "The remark.")
    extras: JSON | None = extras("id", "author", "date", "text")


@strawberry.type(description="A way of selling that an order came through.")
class Channel:
    """A distribution channel as it was named."""

    channel_id: str | None = declare("Id of the channel.", Leaf("({row}->>'id')"))
    name: str | None = member("name", "Name of the channel.")
    extras: JSON | None = extras("id", "name")


@strawberry.type(description="An account, contact or consumer that an order is for.")
class RelatedParty:
    """A party as it was named."""

    party_id: str | None = declare(
        "Id or external id of the party, whichever the client named.", Leaf("({row}->>'id')")
    )
    name: str | None = member("name", "Name of the party.")
    referred_type: str | None = member(
        "@referredType", "What the party is: `Customer`, `Consumer` or `CustomerContact`."
    )
    type_name: str | None = member("@type", "The `@type` of the reference.")
    extras: JSON | None = extras("id", "name", "@referredType", "@type")


@strawberry.type(description="A product offering as a line item named it.")
class ProductOfferingRef:
    """A reference to an offering."""

    offering_id: str | None = declare(
        "External id of the offering or, without one, its id.", Leaf("({row}->>'id')")
    )
    name: str | None = member("name", "Name of the offering.")
    version: str | None = member("version", "Version of the offering.")
    internal_version: str | None = member(
        "internalVersion", "Version of the offering's record in the catalog."
    )
    internal_id: str | None = member("internalId", "Id of the offering in the catalog.")
    type_name: str | None = member("@type", "The `@type` of the reference.")
    extras: JSON | None = extras("id", "name", "version", "internalVersion", "internalId", "@type")


@strawberry.type(description="A product specification as a line item named it.")
class ProductSpecificationRef:
    """A reference to a specification."""

    specification_id: str | None = declare(
        "External id of the specification or, without one, its id.", Leaf("({row}->>'id')")
    )
    name: str | None = member("name", "Name of the specification.")
    version: str | None = member("version", "Version of the specification.")
    internal_version: str | None = member(
        "internalVersion", "Version of the specification's record in the catalog."
    )
    internal_id: str | None = member("internalId", "Id of the specification in the catalog.")
    type_name: str | None = member("@type", "The `@type` of the reference.")
    extras: JSON | None = extras("id", "name", "version", "internalVersion", "internalId", "@type")


@strawberry.type(description="Where a product is installed.")
class Place:
    """A reference to a location."""

    place_id: str | None = declare(
        "Id or external id of the location, whichever the client named.", Leaf("({row}->>'id')")
    )
    type_name: str | None = member("@type", "The `@type` of the reference.")
    extras: JSON | None = extras("id", "@type")


@strawberry.type(description="How a line item relates to another of its order, as it was sent.")
class ItemRelationship:
    """A relationship between lines."""

    item_id: str | None = declare("`itemId` of the other line item.", Leaf("({row}->>'id')"))
    relationship_type: str | None = member(
        "relationshipType", "`HasChild`, `HasParent` or `Requires`."
    )
    extras: JSON | None = extras("id", "relationshipType")


@strawberry.type(description="An id that a product inventory shall have in another system.")
class ExternalInventory:
    """An external id of an inventory."""

    external_product_inventory_id: str | None = member(
        "externalProductInventoryId", "The id in the other system."
    )
    extras: JSON | None = extras("externalProductInventoryId")
