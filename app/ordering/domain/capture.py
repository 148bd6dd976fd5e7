"""From a draft that passed the rules to an order.

References are resolved and completed here, once: an order keeps showing the names and versions
that it was placed with, whatever becomes of the catalog.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    JsonText,
    LineItem,
    Order,
    RelatedItem,
)
from ordering.domain.references import (
    CharacteristicSpec,
    Inventory,
    PartyKind,
    References,
    Specification,
)
from ordering.domain.rules.characteristics import work_notes
from ordering.domain.rules.header import PARTY_KINDS, referred_type
from ordering.domain.rules.references import specification_of
from ordering.domain.rules.relationships import parents
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import PartyRef, to_json

__all__ = ["Circumstances", "capture", "capture_line", "join_lines"]


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """Under which id, by whom and when an order is placed."""

    order_id: UUID
    client: str
    moment: Timestamp
    validate_characteristic_values: bool = True


def capture(draft: OrderDraft, found: References, how: Circumstances) -> Order:
    """Make the order that a draft describes, in state `new`, version 1."""
    shown_parties, by_kind = _parties(draft, found)
    return Order(
        id=how.order_id,
        external_id=draft.external_id,
        external_system=draft.external_system,
        state=OrderState.NEW,
        order_currency=draft.currency,
        currency_code=draft.currency_code,
        order_date=draft.order_date,
        requested_start_date=draft.requested_start_date,
        requested_completion_date=draft.requested_completion_date,
        expected_completion_date=draft.requested_completion_date,
        committed_due_date=draft.committed_due_date,
        account_id=by_kind.get("account"),
        consumer_id=by_kind.get("consumer"),
        channels=_channels(draft, found),
        notes=_notes(draft, how),
        related_parties=shown_parties,
        extras=_extras(draft, "ProductOrder"),
        created_by=how.client,
        created_at=how.moment,
        updated_at=how.moment,
        line_items=_line_items(draft, found, how),
    )


def _line_items(draft: OrderDraft, found: References, how: Circumstances) -> list[LineItem]:
    notes: dict[int, list[str]] = defaultdict(list)
    for index, text in work_notes(
        draft, found.catalog, validate_values=how.validate_characteristic_values
    ):
        notes[index].append(text)
    lines = [
        capture_line(item, position, found, notes.get(position, []))
        for position, item in enumerate(draft.items)
    ]
    join_lines(lines, draft)
    return lines


def join_lines(lines: Sequence[LineItem], draft: OrderDraft) -> None:
    """Give each line the parent that the draft states for it."""
    row_ids = {line.item_id: line.id for line in lines}
    stated = parents(draft)
    for line in lines:
        parent = next(iter(stated.get(line.item_id, ())), None)
        line.parent_line_item_id = row_ids.get(parent) if parent else None


def capture_line(
    item: LineItemDraft, position: int, found: References, notes: list[str]
) -> LineItem:
    """Make the line that a draft describes, in state `new`, version 1, without a parent yet."""
    product = item.product or _NO_PRODUCT
    specification = specification_of(item, found.catalog)
    inventory = found.inventories.get(product.id) if product.id else None
    location = found.locations.get(product.place.id) if product.place and product.place.id else None
    offering_id, offering = _offering(item, found)
    return LineItem(
        id=new_id(),
        item_id=item.id or "",
        position=position,
        action=item.action or "",
        action_reason=item.action_reason,
        state=OrderState.NEW,
        quantity=None if item.quantity is None else Decimal(item.quantity),
        committed_due_date=item.committed_due_date,
        product_offering_id=offering_id,
        product_offering=offering,
        product_specification_id=specification.id if specification else None,
        product_specification=_specification(product, specification),
        product_inventory_id=_id(inventory),
        product_id=(inventory and inventory.external_id) or product.id,
        location_id=location.id if location else None,
        place=_place(product),
        relationships=to_json(item.product_order_item_relationship),
        item_prices=to_json(item.item_price),
        external_product_inventory=to_json(item.external_product_inventory),
        is_bundle=product.is_bundle,
        product_extras=_extras(product, "Product"),
        extras=_extras(item, "ProductOrderItem"),
        characteristics=_characteristics(product, specification),
        contacts=_contacts(product),
        related_items=_related_items(product, found),
        work_notes=notes,
    )


_NO_PRODUCT = ProductDraft()


def _characteristics(
    product: ProductDraft, specification: Specification | None
) -> list[CharacteristicValue]:
    known: Mapping[str, CharacteristicSpec] = specification.characteristics if specification else {}
    return [
        CharacteristicValue(
            name=sent.name,
            value=to_json(sent.value),
            value_type=sent.value_type or _value_type(known.get(sent.name or "")),
            previous_value=to_json(sent.previous_value),
            extras=to_json(sent.extras),
        )
        for sent in product.product_characteristic or ()
    ]


def _value_type(known: CharacteristicSpec | None) -> str | None:
    return known.value_type if known else None


def _id(inventory: Inventory | None) -> UUID | None:
    return inventory.id if inventory else None


def _contacts(product: ProductDraft) -> list[ContactPerson]:
    return [
        ContactPerson(
            id=new_id(),
            contact_id=sent.id,
            first_name=sent.first_name,
            last_name=sent.last_name,
            name=sent.name or " ".join(filter(None, (sent.first_name, sent.last_name))) or None,
            email=sent.email,
            phone=sent.phone,
            referred_type=sent.referred_type or sent.type_alias,
            extras=_extras(sent, "RelatedParty", sent.type_alias),
        )
        for sent in product.related_party or ()
    ]


def _related_items(product: ProductDraft, found: References) -> list[RelatedItem]:
    return [
        RelatedItem(
            related_id=sent.id,
            product_inventory_id=_id(found.inventories.get(sent.id or "")),
            relationship_type=sent.relationship_type,
            extras=to_json(sent.extras),
        )
        for sent in product.product_relationship or ()
    ]


def _offering(item: LineItemDraft, found: References) -> tuple[UUID | None, JsonText | None]:
    ref = item.product_offering
    if ref is None:
        return None, None
    offering = found.catalog.offering(ref.id or "", ref.version, ref.internal_version)
    if offering is None:
        return None, to_json(ref)
    internal_id = show_id(offering.id)
    shown = msgspec.structs.replace(
        ref,
        id=offering.external_id or internal_id,
        name=ref.name or offering.name,
        version=offering.version,
        internal_version=str(offering.internal_version),
        internal_id=internal_id,
    )
    return offering.id, to_json(shown)


def _specification(product: ProductDraft, specification: Specification | None) -> JsonText | None:
    ref = product.product_specification
    if ref is None:
        return None
    kind = ref.type or "ProductSpecificationRef"
    if specification is None:
        return to_json(msgspec.structs.replace(ref, type=kind))
    internal_id = show_id(specification.id)
    shown = msgspec.structs.replace(
        ref,
        id=specification.external_id or internal_id,
        name=ref.name or specification.name,
        version=specification.version,
        internal_version=str(specification.internal_version),
        internal_id=internal_id,
        type=kind,
    )
    return to_json(shown)


def _place(product: ProductDraft) -> JsonText | None:
    place = product.place
    return to_json(place and msgspec.structs.replace(place, type=place.type or "Place"))


def _channels(draft: OrderDraft, found: References) -> JsonText | None:
    names = found.catalog.channels
    return to_json(
        draft.channel
        and [
            msgspec.structs.replace(sent, name=sent.name or names.get(sent.id or ""))
            for sent in draft.channel
        ]
    )


def _notes(draft: OrderDraft, how: Circumstances) -> JsonText | None:
    return to_json(
        draft.note
        and [
            msgspec.structs.replace(
                sent, author=sent.author or how.client, date=sent.date or how.moment
            )
            for sent in draft.note
        ]
    )


def _parties(
    draft: OrderDraft, found: References
) -> tuple[JsonText | None, Mapping[PartyKind, UUID]]:
    """Complete the parties; find the first account and the first consumer that the order names."""
    shown: list[PartyRef] = []
    by_kind: dict[PartyKind, UUID] = {}
    for sent in draft.related_party or ():
        is_a = referred_type(sent)
        kind = PARTY_KINDS.get(is_a or "", "")
        party = found.parties.get((kind, sent.id or ""))
        if party is not None:
            by_kind.setdefault(kind, party.id)
        shown.append(
            msgspec.structs.replace(
                sent,
                name=sent.name or (party.name if party else None),
                referred_type=is_a,
                type=sent.type or "RelatedParty",
            )
        )
    return to_json(shown or None), by_kind


def _extras(value: Any, usual_type: str, type_alias: str | None = None) -> JsonText | None:
    """Collect what is kept beside the columns: unknown attributes, members without a column.

    An `@type` is kept only where it is not the one that we show anyway.
    """
    kept: dict[str, object] = {}
    if type_alias is not None:
        kept["type"] = type_alias
    if value.type is not None and value.type != usual_type:
        kept["@type"] = value.type
    if value.extras:
        kept.update(value.extras)
    return to_json(kept or None)
