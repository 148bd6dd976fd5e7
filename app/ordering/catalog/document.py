"""The catalog file format: what `ordering catalog load` reads, as types.

Members are named after the resources of TMF620 (Product Catalog Management) where it has them.
Unlike orders, which keep attributes that we do not know, a catalog file with an unknown member is
refused: it is written for us, so the member is a mistake. The page docs/catalog-format.md
describes every kind; a test loads its examples.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

__all__ = [
    "KINDS",
    "VALUE_TYPES",
    "Account",
    "Channel",
    "CharacteristicValue",
    "Consumer",
    "Contact",
    "Currency",
    "InventoryCharacteristic",
    "Link",
    "Location",
    "Part",
    "ProductInventory",
    "ProductOffering",
    "ProductSpecification",
    "Record",
    "Reference",
    "SpecificationCharacteristic",
    "SpecificationReference",
    "SpecificationRelationship",
    "links",
]

_LIFECYCLE = ("archived", "draft", "published", "retired")
_INVENTORY = (
    "active",
    "change_pending",
    "inactivation_pending",
    "inactive",
    "installation_pending",
    "suspended",
)

#: The input types of a characteristic, as the catalog of the Product Order Open API names them.
#: They are compared without regard to case and kept as given.
VALUE_TYPES = (
    "Address",
    "Array.Date",
    "Array.Datetime",
    "Array.Decimal",
    "Array.Integer",
    "Array.Object",
    "Array.SingleLineText",
    "Attachment",
    "CheckBox",
    "Choice",
    "Date",
    "Date/Time",
    "Decimal",
    "Duration",
    "Email",
    "Integer",
    "Label",
    "Object",
    "Single Line Text",
    "Yes/No",
)


def _one_of(names: tuple[str, ...]) -> Meta:
    # `say` replaces msgspec's wording of a refused value (see `ordering.catalog.shape`).
    return Meta(extra={"say": f"Expected one of {', '.join(names)}"})


Id = Annotated[
    str,
    Meta(
        pattern=r"\A[0-9a-f]{32}\Z",
        extra={"say": "Expected 32 lower-case hexadecimal digits, as a string"},
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
InternalVersion = Annotated[int, Meta(ge=1, le=2_147_483_647)]
LifecycleStatus = Annotated[
    Literal["archived", "draft", "published", "retired"], _one_of(_LIFECYCLE)
]
InventoryStatus = Annotated[
    Literal[
        "active",
        "change_pending",
        "inactivation_pending",
        "inactive",
        "installation_pending",
        "suspended",
    ],
    _one_of(_INVENTORY),
]
RelationshipType = Annotated[Literal["HasChild", "Requires"], _one_of(("HasChild", "Requires"))]
ValueType = Annotated[str, Meta(extra={"say": "Expected a string"})]
CurrencyCode = Annotated[
    str,
    Meta(
        pattern=r"\A[A-Z]{3}\Z",
        extra={"say": "Expected a currency code of three capital letters (ISO 4217)"},
    ),
]
MinorUnits = Annotated[int, Meta(ge=0, le=4)]


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """The base of every object of a file."""


class Reference(Part, kw_only=True):
    """Names another record, by its id or by its external id. `name` is for the reader only."""

    id: Id | None = None
    external_id: Text | None = None
    name: str | None = None


class SpecificationReference(Reference, kw_only=True):
    """Names a specification, and the version that was installed."""

    internal_version: InternalVersion | None = None


class SpecificationRelationship(Reference, kw_only=True):
    """Names a specification that may be a child of this one, or that this one requires."""

    relationship_type: RelationshipType


class CharacteristicValue(Part, kw_only=True):
    """An option of a characteristic: a value that it may take."""

    id: Id | None = None
    external_id: Text | None = None
    value: Any


class SpecificationCharacteristic(Part, kw_only=True):
    """A characteristic of one version of a specification."""

    id: Id | None = None
    external_id: Text | None = None
    name: Text
    value_type: ValueType
    mandatory: bool = False
    characteristic_value_specification: list[CharacteristicValue] | None = None


class InventoryCharacteristic(Part, kw_only=True):
    """A characteristic of an installed product, with its value."""

    name: Text
    value_type: ValueType | None = None
    value: Any = None


class Record(Part, tag=True, tag_field="@type", kw_only=True):
    """One record of any kind; the class name is its `@type`."""

    #: The name of the kind's list in YAML and JSON files.
    LIST: ClassVar[str] = ""

    id: Id | None = None
    external_id: Text | None = None


class ProductOffering(Record, kw_only=True):
    """One version of what is sold."""

    LIST: ClassVar[str] = "productOffering"

    name: Text
    lifecycle_status: LifecycleStatus
    version: Text | None = None
    internal_version: InternalVersion = 1
    product_specification: Reference | None = None


class ProductSpecification(Record, kw_only=True):
    """One version of what a product is made of."""

    LIST: ClassVar[str] = "productSpecification"

    name: Text
    lifecycle_status: LifecycleStatus
    version: Text | None = None
    internal_version: InternalVersion = 1
    product_spec_characteristic: list[SpecificationCharacteristic] | None = None
    product_specification_relationship: list[SpecificationRelationship] | None = None


class Channel(Record, kw_only=True):
    """A way of selling."""

    LIST: ClassVar[str] = "channel"

    name: Text


class Location(Record, kw_only=True):
    """A place where a product is installed; `address` is any object."""

    LIST: ClassVar[str] = "location"

    name: Text | None = None
    address: dict[str, Any] | None = None


class _Party(Record, kw_only=True):
    """What accounts, contacts and consumers have in common."""

    name: Text
    email: Text | None = None
    phone: Text | None = None


class Account(_Party, kw_only=True):
    """A business customer."""

    LIST: ClassVar[str] = "account"


class Contact(_Party, kw_only=True):
    """A person to talk to, of an account."""

    LIST: ClassVar[str] = "contact"

    account: Reference | None = None


class Consumer(_Party, kw_only=True):
    """A private customer."""

    LIST: ClassVar[str] = "consumer"


class ProductInventory(Record, kw_only=True):
    """A product that is installed at a customer's place."""

    LIST: ClassVar[str] = "productInventory"

    name: Text | None = None
    status: InventoryStatus
    product_offering: Reference | None = None
    product_specification: SpecificationReference | None = None
    place: Reference | None = None
    account: Reference | None = None
    consumer: Reference | None = None
    product_characteristic: list[InventoryCharacteristic] | None = None


class Currency(Record, kw_only=True):
    """A currency; its code tells it apart, so it needs neither id nor external id."""

    LIST: ClassVar[str] = "currency"

    code: CurrencyCode
    name: Text | None = None
    minor_units: MinorUnits = 2
    active: bool = True


#: The kinds by `@type`.
KINDS: Mapping[str, type[Record]] = {
    kind.__name__: kind
    for kind in (
        ProductOffering,
        ProductSpecification,
        Channel,
        Location,
        Account,
        Contact,
        Consumer,
        ProductInventory,
        Currency,
    )
}


class Link(NamedTuple):
    """A reference as it stands in a record: its member, the kind of record that it names."""

    member: str
    target: type[Record]
    reference: Reference
    pointer: str


# (attribute, member, kind named) by kind.
_LINKS: Mapping[type[Record], tuple[tuple[str, str, type[Record]], ...]] = {
    ProductOffering: (("product_specification", "productSpecification", ProductSpecification),),
    Contact: (("account", "account", Account),),
    ProductInventory: (
        ("product_offering", "productOffering", ProductOffering),
        ("product_specification", "productSpecification", ProductSpecification),
        ("place", "place", Location),
        ("account", "account", Account),
        ("consumer", "consumer", Consumer),
    ),
}


def links(record: Record) -> Iterator[Link]:
    """Find every reference of a record; pointers are relative to it."""
    for attribute, member, target in _LINKS.get(type(record), ()):
        reference: Reference | None = getattr(record, attribute)
        if reference is not None:
            yield Link(member, target, reference, f"/{member}")
    if isinstance(record, ProductSpecification):
        member = "productSpecificationRelationship"
        for index, relationship in enumerate(record.product_specification_relationship or ()):
            yield Link(member, ProductSpecification, relationship, f"/{member}/{index}")
