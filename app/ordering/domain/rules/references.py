"""Rules about what an order points at: catalog, parties, locations and inventories."""

from collections.abc import Iterator

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import Problem
from ordering.domain.messages import Message
from ordering.domain.references import Catalog, Inventory, References, Specification
from ordering.domain.rules.header import PARTY_KINDS, referred_type
from ordering.domain.rules.items import INVENTORY_ACTIONS, line_problem
from ordering.domain.rules.relationships import Parents, problem_at
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
        if not _is_offered(item, found.catalog):
            yield line_problem(messages.OFFERING_UNKNOWN, index, "productOffering/id")
        if item.product is not None:
            yield from _product(item.product, found, index)
        if item.action in INVENTORY_ACTIONS:
            yield from _inventory(
                item, item.action, found, index, allow_version_update=allow_version_update
            )
    for index, party in enumerate(draft.related_party or ()):
        kind = PARTY_KINDS.get(referred_type(party) or "")
        if kind and party.id and (kind, party.id) not in found.parties:
            yield Problem.of(_PARTY_UNKNOWN[kind], f"/relatedParty/{index}/id")


def _is_offered(item: LineItemDraft, catalog: Catalog) -> bool:
    ref = item.product_offering
    if ref is None or not ref.id:
        return True
    offering = catalog.offering(ref.id, ref.version, ref.internal_version)
    return offering is not None and (item.action != "add" or offering.status == "published")


def _product(product: ProductDraft, found: References, index: int) -> Iterator[Problem]:
    ref = product.product_specification
    if ref is not None and ref.id and _specification(ref, found.catalog) is None:
        yield _specification_problem(ref, found.catalog, index)
    if product.place is not None and product.place.id and product.place.id not in found.locations:
        yield line_problem(messages.LOCATION_UNKNOWN, index, "product/place/id")
    for number, relation in enumerate(product.product_relationship or ()):
        if relation.id and relation.id not in found.inventories:
            member = f"product/productRelationship/{number}/id"
            yield line_problem(messages.INVENTORY_UNKNOWN, index, member)


def _specification_problem(ref: SpecificationRef, catalog: Catalog, index: int) -> Problem:
    versions_exist = (
        ref.version is not None
        and ref.internal_version is not None
        and catalog.specification(ref.id or "", ref.version)
        and catalog.specification(ref.id or "", None, ref.internal_version)
    )
    if versions_exist:
        member = "product/productSpecification/internalVersion"
        return line_problem(messages.SPECIFICATION_VERSIONS_DIFFER, index, member)
    return line_problem(messages.SPECIFICATION_UNKNOWN, index, "product/productSpecification/id")


def _inventory(
    item: LineItemDraft, action: str, found: References, index: int, *, allow_version_update: bool
) -> Iterator[Problem]:
    if item.product is None or not item.product.id:
        return
    inventory = found.inventories.get(item.product.id)
    if inventory is None:
        yield line_problem(messages.INVENTORY_UNKNOWN, index, "product/id")
        return
    if inventory.status not in USABLE_STATUSES[action]:
        yield line_problem(messages.INVENTORY_INACTIVE, index, "product/id")
    if not allow_version_update:
        yield from check_version(item, inventory, found.catalog, index)


def check_version(
    item: LineItemDraft, inventory: Inventory, catalog: Catalog, index: int
) -> Iterator[Problem]:
    """Check that a change names the version of the specification that is installed."""
    specification = specification_of(item, catalog)
    if (
        item.action == "change"
        and specification is not None
        and inventory.internal_version not in (None, specification.internal_version)
    ):
        member = "product/productSpecification/id"
        yield line_problem(messages.INVENTORY_VERSION_DIFFERS, index, member)


def check_hierarchy(draft: OrderDraft, stated: Parents, catalog: Catalog) -> Iterator[Problem]:
    """Check that children fit wherever the catalog says anything about their parent."""
    if not stated:
        return
    of_line = {item.id: specification_of(item, catalog) for item in draft.items if item.id}
    for child, of_child in stated.items():
        for parent, place in of_child.items():
            below, above = of_line.get(child), of_line.get(parent)
            allowed = catalog.relationships.get(("HasChild", above.id)) if above else None
            if below and allowed and below.id not in allowed:
                yield problem_at(place, messages.SPECIFICATION_RELATIONSHIP_UNKNOWN)
