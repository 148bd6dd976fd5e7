"""All Piccolo tables. The migrations create them; a test compares the two."""

from piccolo.table import Table

from ordering.db.tables.access import ApiClient
from ordering.db.tables.intake import (
    EventSubscription,
    IdempotencyKey,
    InboundRequest,
    OrderEvent,
    QueueControl,
)
from ordering.db.tables.orders import (
    CustomerOrder,
    OrderCharacteristicValue,
    OrderLineItem,
    OrderLineItemContact,
    OrderLineRelatedItem,
    OrderRevision,
    WorkNote,
)
from ordering.db.tables.reference import (
    CatalogRevision,
    CharacteristicOption,
    Currency,
    DistributionChannel,
    Location,
    Party,
    ProductInventory,
    ProductOffering,
    ProductSpecification,
    SpecificationCharacteristic,
    SpecificationRelationship,
)

__all__ = [
    "ALL_TABLES",
    "ApiClient",
    "CatalogRevision",
    "CharacteristicOption",
    "Currency",
    "CustomerOrder",
    "DistributionChannel",
    "EventSubscription",
    "IdempotencyKey",
    "InboundRequest",
    "Location",
    "OrderCharacteristicValue",
    "OrderEvent",
    "OrderLineItem",
    "OrderLineItemContact",
    "OrderLineRelatedItem",
    "OrderRevision",
    "Party",
    "ProductInventory",
    "ProductOffering",
    "ProductSpecification",
    "QueueControl",
    "SpecificationCharacteristic",
    "SpecificationRelationship",
    "WorkNote",
]

ALL_TABLES: tuple[type[Table], ...] = (
    CustomerOrder,
    OrderLineItem,
    OrderCharacteristicValue,
    OrderLineItemContact,
    OrderLineRelatedItem,
    WorkNote,
    OrderRevision,
    OrderEvent,
    EventSubscription,
    InboundRequest,
    QueueControl,
    IdempotencyKey,
    ApiClient,
    ProductOffering,
    ProductSpecification,
    SpecificationCharacteristic,
    CharacteristicOption,
    SpecificationRelationship,
    DistributionChannel,
    Location,
    Party,
    ProductInventory,
    Currency,
    CatalogRevision,
)
