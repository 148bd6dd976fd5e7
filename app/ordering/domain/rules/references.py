"""Rules about what an order points at: catalog, parties, locations and inventories."""

from collections.abc import Iterator

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import Problem
from ordering.domain.messages import Message
from ordering.domain.references import Catalog, Inventory, References, Specification
from ordering.domain.rules.header import PARTY_KINDS, referred_type
from ordering.domain.rules.items import INVENTORY_ACTIONS
from ordering.domain.rules.relationships import Parents
from ordering.domain.values import SpecificationRef

__all__ = [
    "USABLE_STATUSES",
    "check",
    "check_each",
    "check_hierarchy",
    "check_version",
    "specification_of",
]

#: The statuses that a product inventory must be in, by action (Product Order Open API).
USABLE_STATUSES = {
    "change": frozenset({"active"}),
    "delete": frozenset({"active", "suspended"}),
    "suspend": frozenset({"active"}),
    "resume": frozenset({"suspended"}),
}

_PARTY_UNKNOWN: dict[str, Message] = {
    "account": messages.ACCOUNT_UNKNOWN,
    "consumer": messages.CONSUMER_UNKNOWN,
    "contact": messages.CONTACT_UNKNOWN,
}


def specification_of(item: LineItemDraft, catalog: Catalog) -> Specification | None:
    """Find the specification that a line names, in the version that it names."""
    ref = item.product.product_specification if item.product else None
    return None if ref is None else _specification(ref, catalog)


def _specification(ref: SpecificationRef, catalog: Catalog) -> Specification | None:
    return catalog.specification(ref.id, ref.version, ref.internal_version) if ref.id else None


def check(
    draft: OrderDraft, stated: Parents, found: References, *, allow_version_update: bool
) -> Iterator[Problem]:
    """Check that everything named exists and may be used in this way.

    `stated` are the parents that the lines of the draft state.
    """
    yield from check_each(draft, found, allow_version_update=allow_version_update)
    yield from check_hierarchy(draft, stated, found.catalog)


def check_each(
    draft: OrderDraft, found: References, *, allow_version_update: bool
) -> Iterator[Problem]:
    """Check channels, parties and each line by itself."""
    for index, channel in enumerate(draft.channel or ()):
        if channel.id and channel.id not in found.catalog.channels:
            yield Problem.of(messages.CHANNEL_UNKNOWN, f"/channel/{index}/id")
    for index, item in enumerate(draft.items):
        at = f"/productOrderItem/{index}"
        yield from _offering(item, found.catalog, at)
        if item.product is not None:
            yield from _product(item.product, found, at)
        if item.action in INVENTORY_ACTIONS:
            yield from _inventory(
                item, item.action, found, at, allow_version_update=allow_version_update
            )
    for index, party in enumerate(draft.related_party or ()):
        kind = PARTY_KINDS.get(referred_type(party) or "")
        if kind and party.id and (kind, party.id) not in found.parties:
            yield Problem.of(_PARTY_UNKNOWN[kind], f"/relatedParty/{index}/id")


def _offering(item: LineItemDraft, catalog: Catalog, at: str) -> Iterator[Problem]:
    ref = item.product_offering
    if ref is None or not ref.id:
        return
    offering = catalog.offering(ref.id, ref.version, ref.internal_version)
    if offering is None or (item.action == "add" and offering.status != "published"):
        yield Problem.of(messages.OFFERING_UNKNOWN, f"{at}/productOffering/id")


def _product(product: ProductDraft, found: References, at: str) -> Iterator[Problem]:
    ref = product.product_specification
    if ref is not None and ref.id and _specification(ref, found.catalog) is None:
        yield from _specification_problem(ref, found.catalog, f"{at}/product/productSpecification")
    if product.place is not None and product.place.id and product.place.id not in found.locations:
        yield Problem.of(messages.LOCATION_UNKNOWN, f"{at}/product/place/id")
    for index, relation in enumerate(product.product_relationship or ()):
        if relation.id and relation.id not in found.inventories:
            pointer = f"{at}/product/productRelationship/{index}/id"
            yield Problem.of(messages.INVENTORY_UNKNOWN, pointer)


def _specification_problem(ref: SpecificationRef, catalog: Catalog, at: str) -> Iterator[Problem]:
    versions_exist = (
        ref.version is not None
        and ref.internal_version is not None
        and catalog.specification(ref.id or "", ref.version)
        and catalog.specification(ref.id or "", None, ref.internal_version)
    )
    if versions_exist:
        yield Problem.of(messages.SPECIFICATION_VERSIONS_DIFFER, f"{at}/internalVersion")
    else:
        yield Problem.of(messages.SPECIFICATION_UNKNOWN, f"{at}/id")


def _inventory(
    item: LineItemDraft, action: str, found: References, at: str, *, allow_version_update: bool
) -> Iterator[Problem]:
    if item.product is None or not item.product.id:
        return
    inventory = found.inventories.get(item.product.id)
    if inventory is None:
        yield Problem.of(messages.INVENTORY_UNKNOWN, f"{at}/product/id")
        return
    if inventory.status not in USABLE_STATUSES[action]:
        yield Problem.of(messages.INVENTORY_INACTIVE, f"{at}/product/id")
    if not allow_version_update:
        yield from check_version(item, inventory, found.catalog, at)


def check_version(
    item: LineItemDraft, inventory: Inventory, catalog: Catalog, at: str
) -> Iterator[Problem]:
    """Check that a change names the version of the specification that is installed."""
    specification = specification_of(item, catalog)
    if (
        item.action == "change"
        and specification is not None
        and inventory.internal_version not in (None, specification.internal_version)
    ):
        pointer = f"{at}/product/productSpecification/id"
        yield Problem.of(messages.INVENTORY_VERSION_DIFFERS, pointer)


def check_hierarchy(draft: OrderDraft, stated: Parents, catalog: Catalog) -> Iterator[Problem]:
    """Check that children fit wherever the catalog says anything about their parent."""
    if not stated:
        return
    of_line = {item.id: specification_of(item, catalog) for item in draft.items if item.id}
    for child, of_child in stated.items():
        for parent, pointer in of_child.items():
            below, above = of_line.get(child), of_line.get(parent)
            allowed = catalog.relationships.get(("HasChild", above.id)) if above else None
            if below and allowed and below.id not in allowed:
                yield Problem.of(messages.SPECIFICATION_RELATIONSHIP_UNKNOWN, pointer)
