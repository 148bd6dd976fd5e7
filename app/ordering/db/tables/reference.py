"""Reference data: what an order may point at. Loaded by `ordering catalog load`.

Every kind has an `id` (UUID, 32 hex digits on every face) and an optional `external_id`, which
is accepted wherever the id is. Offerings and specifications keep one row per version; their
`id` is the same in all versions, so these two tables have a key of their own.
"""

from piccolo.columns import (
    JSONB,
    UUID,
    BigInt,
    BigSerial,
    Boolean,
    Integer,
    SmallInt,
    Text,
    Timestamptz,
    Varchar,
)
from piccolo.table import Table

__all__ = [
    "CatalogRevision",
    "CharacteristicOption",
    "Currency",
    "DistributionChannel",
    "Location",
    "Party",
    "ProductInventory",
    "ProductOffering",
    "ProductSpecification",
    "SpecificationCharacteristic",
    "SpecificationRelationship",
]


class ProductOffering(Table, tablename="product_offering"):
    """A version of what is sold. Only `published` ones can be added by an order."""

    key = BigSerial(primary_key=True)
    id = UUID(default=None)
    external_id = Text(null=True, default=None)
    name = Text()
    status = Varchar(length=20)
    version = Text(null=True, default=None)
    internal_version = Integer(default=1)
    product_specification_id = UUID(null=True, default=None)


class ProductSpecification(Table, tablename="product_specification"):
    """A version of what a product is made of."""

    key = BigSerial(primary_key=True)
    id = UUID(default=None)
    external_id = Text(null=True, default=None)
    name = Text()
    status = Varchar(length=20)
    version = Text(null=True, default=None)
    internal_version = Integer(default=1)


class SpecificationCharacteristic(Table, tablename="specification_characteristic"):
    """A characteristic of one version of a specification."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    product_specification_id = UUID(default=None)
    internal_version = Integer(default=1)
    position = Integer(default=0)
    name = Text()
    value_type = Text()
    mandatory = Boolean(default=False)


class CharacteristicOption(Table, tablename="characteristic_option"):
    """A value that a choice characteristic may take."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    characteristic_id = UUID(default=None)
    position = Integer(default=0)
    value = JSONB(default=None)


class SpecificationRelationship(Table, tablename="specification_relationship"):
    """Which specification may be a child of, or is required by, which."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    source_specification_id = UUID(default=None)
    target_specification_id = UUID(default=None)
    relationship_type = Varchar(length=20)


class DistributionChannel(Table, tablename="distribution_channel"):
    """A way of selling: online, agent, shop."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    name = Text()


class Location(Table, tablename="location"):
    """A place where a product is installed."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    name = Text(null=True, default=None)
    address = JSONB(null=True, default=None)


class Party(Table, tablename="party"):
    """An account, a contact of an account, or a consumer, told apart by `kind`."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    kind = Varchar(length=10)
    name = Text(null=True, default=None)
    account_id = UUID(null=True, default=None)
    email = Text(null=True, default=None)
    phone = Text(null=True, default=None)


class ProductInventory(Table, tablename="product_inventory"):
    """A projection of what is installed where; orders to change or end something point here."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    name = Text(null=True, default=None)
    status = Varchar(length=30)
    product_offering_id = UUID(null=True, default=None)
    product_specification_id = UUID(null=True, default=None)
    internal_version = Integer(null=True, default=None)
    location_id = UUID(null=True, default=None)
    account_id = UUID(null=True, default=None)
    consumer_id = UUID(null=True, default=None)
    characteristics = JSONB(null=True, default=None)


class Currency(Table, tablename="currency"):
    """An ISO 4217 code and the number of its minor units; inactive ones refuse new orders."""

    id = UUID(primary_key=True, default=None)
    external_id = Text(null=True, default=None)
    code = Varchar(length=3)
    name = Text(null=True, default=None)
    minor_units = SmallInt(default=2)
    active = Boolean(default=True)


class CatalogRevision(Table, tablename="catalog_revision"):
    """A single row that counts the changes of the reference data kept in memory."""

    id = SmallInt(primary_key=True, default=1)
    revision = BigInt(default=0)
    changed_at = Timestamptz()
