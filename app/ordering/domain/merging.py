"""What a revision says, laid over what the order holds: lines, their lists, and the header.

Nothing that an order holds is removed by leaving it out. Single members are replaced. Lists of a
line are merged by the key of their elements: characteristics by name, contacts and required
products by id, external inventories by id; the prices of a `priceType` that is named replace those
of that type; the relationships that a line states replace those that it stated. Of the header,
notes are added, channels and parties replaced (docs/decisions/0015-revisions.md).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from ordering.domain.change import ChangeType
from ordering.domain.ids import show_id
from ordering.domain.order import (
    CharacteristicValue,
    ContactPerson,
    JsonText,
    LineItem,
    Order,
    RelatedItem,
)
from ordering.domain.timestamps import show_timestamp
from ordering.domain.values import encode

__all__ = ["MergedHeader", "MergedLine", "merge_header", "merge_line"]

_Element = TypeVar("_Element", CharacteristicValue, ContactPerson, RelatedItem)
_Fields = dict[str, tuple[object, object]]

_decoder = msgspec.json.Decoder(float_hook=Decimal)

#: Members that are replaced: their name, the attribute that shows them, and those that go with it.
_LINE_MEMBERS: tuple[tuple[str, str, tuple[str, ...], ChangeType], ...] = (
    ("quantity", "quantity", (), ChangeType.QUANTITY),
    ("actionReason", "action_reason", (), ChangeType.OTHER),
    ("committedDueDate", "committed_due_date", (), ChangeType.OTHER),
    ("productOffering", "product_offering", ("product_offering_id",), ChangeType.OTHER),
    (
        "product.productSpecification",
        "product_specification",
        ("product_specification_id",),
        ChangeType.OTHER,
    ),
    ("product.id", "product_id", ("product_inventory_id",), ChangeType.OTHER),
    ("product.place", "place", ("location_id",), ChangeType.OTHER),
    ("product.isBundle", "is_bundle", (), ChangeType.OTHER),
    ("productOrderItemRelationship", "relationships", (), ChangeType.OTHER),
)

_HEADER_MEMBERS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("externalId", "external_id", ()),
    ("externalSystem", "external_system", ()),
    ("requestedStartDate", "requested_start_date", ()),
    ("requestedCompletionDate", "requested_completion_date", ("expected_completion_date",)),
    ("committedDueDate", "committed_due_date", ()),
    ("channel", "channels", ()),
    ("relatedParty", "related_parties", ("account_id", "consumer_id")),
)

_JSON = frozenset(
    {
        "channels",
        "external_product_inventory",
        "extras",
        "item_prices",
        "notes",
        "place",
        "product_extras",
        "product_offering",
        "product_specification",
        "related_parties",
        "relationships",
    }
)


class MergedLine(NamedTuple):
    """A line as it is to be, and how it differs from what it was."""

    line: LineItem
    fields: Mapping[str, tuple[object, object]]
    types: Sequence[ChangeType]
    lists: Collection[str]

    def lengths(self) -> dict[str, int]:
        """Tell how long each list of the line is that is different now."""
        line = self.line
        lists: dict[str, Sequence[object]] = {
            "product.productCharacteristic": line.characteristics,
            "product.relatedParty": line.contacts,
            "product.productRelationship": line.related_items,
            "itemPrice": self._shown("itemPrice"),
            "externalProductInventory": self._shown("externalProductInventory"),
        }
        return {name: len(each) for name, each in lists.items() if name in self.fields}

    def _shown(self, name: str) -> list[object]:
        return cast("list[object]", self.fields.get(name, (None, []))[1])


class MergedHeader(NamedTuple):
    """An order as its header is to be, and how that differs from what it was."""

    order: Order
    fields: Mapping[str, tuple[object, object]]

    @property
    def notes(self) -> int:
        """How many notes there are, if they are more than before."""
        return len(cast("list[object]", self.fields.get("note", (None, []))[1]))


class _Difference:
    """Collects what is different."""

    def __init__(self) -> None:
        self.fields: _Fields = {}
        self.types: set[ChangeType] = set()

    def note(self, name: str, kind: ChangeType, before: object, after: object) -> bool:
        """Note a member if it differs, and tell whether it does."""
        if before == after:
            return False
        self.fields[name] = (before, after)
        self.types.add(kind)
        return True


def merge_line(old: LineItem, said: LineItem) -> MergedLine:
    """Lay what a revision says of a line over the line; neither of the two is changed."""
    found = _Difference()
    changes: dict[str, Any] = {}
    for name, attribute, companions, kind in _LINE_MEMBERS:
        value = getattr(said, attribute)
        if value is not None and found.note(name, kind, *_both(attribute, old, value)):
            changes.update({each: getattr(said, each) for each in (attribute, *companions)})
    for name, attribute, merge, kind in (
        ("itemPrice", "item_prices", _merge_prices, ChangeType.PRICE),
        ("externalProductInventory", "external_product_inventory", _merge_ids, ChangeType.OTHER),
        ("product.extras", "product_extras", _merge_members, ChangeType.OTHER),
        ("extras", "extras", _merge_members, ChangeType.OTHER),
    ):
        merged = _merge_json(getattr(old, attribute), getattr(said, attribute), merge)
        if found.note(name, kind, *_both(attribute, old, merged)):
            changes[attribute] = merged
    lists = {
        "characteristics": _merge_characteristics(old, said, found),
        "contacts": _merge_contacts(old, said, found),
        "related_items": _merge_related_items(old, said, found),
    }
    line = msgspec.structs.replace(old, **changes, **lists)
    changed = [attribute for name, attribute in _LISTS.items() if name in found.fields]
    return MergedLine(line, found.fields, sorted(found.types, key=list(ChangeType).index), changed)


#: Lists of a line that have rows of their own: their member, and their attribute.
_LISTS = {
    "product.productCharacteristic": "characteristics",
    "product.relatedParty": "contacts",
    "product.productRelationship": "related_items",
}


def merge_header(old: Order, said: Order) -> MergedHeader:
    """Lay what a revision says of the header over the order; neither of the two is changed."""
    found = _Difference()
    changes: dict[str, Any] = {}
    for name, attribute, companions in _HEADER_MEMBERS:
        value = getattr(said, attribute)
        both = _both(attribute, old, value)
        if value is not None and found.note(name, ChangeType.HEADER, *both):
            changes.update({each: getattr(said, each) for each in (attribute, *companions)})
    for name, attribute, merge in (
        ("note", "notes", _add_elements),
        ("extras", "extras", _merge_members),
    ):
        merged = _merge_json(getattr(old, attribute), getattr(said, attribute), merge)
        if found.note(name, ChangeType.HEADER, *_both(attribute, old, merged)):
            changes[attribute] = merged
    return MergedHeader(msgspec.structs.replace(old, **changes), found.fields)


def _both(attribute: str, old: object, value: object) -> tuple[object, object]:
    """Show an attribute before and after, in a form that can be compared and kept in the audit."""
    return _show(attribute, getattr(old, attribute)), _show(attribute, value)


def _show(attribute: str, value: Any) -> object:
    if value is None:
        return None
    if attribute in _JSON:
        return _decoder.decode(value)
    return show_timestamp(value) if attribute.endswith("_date") else value


# -- JSON ------------------------------------------------------------------------------------------
def _merge_json(
    old: JsonText | None, said: JsonText | None, merge: Callable[[Any, Any], object]
) -> JsonText | None:
    if said in (None, "[]", "{}"):
        return old
    if old is None:
        return said
    return encode(merge(_decoder.decode(old), _decoder.decode(said))).decode()


def _merge_prices(old: list[Any], said: list[Any]) -> list[Any]:
    named = {price.get("priceType") for price in said}
    return [price for price in old if price.get("priceType") not in named] + said


def _merge_ids(old: list[Any], said: list[Any]) -> list[Any]:
    key = "externalProductInventoryId"
    named = {each.get(key) for each in said}
    return [each for each in old if each.get(key) not in named] + said


def _merge_members(old: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    return old | said


def _add_elements(old: list[Any], said: list[Any]) -> list[Any]:
    # What is repeated, as by a client that sends back what it has read, is no further element.
    return old + [each for each in said if each not in old]


# -- lists of a line -------------------------------------------------------------------------------
def _merge_characteristics(
    old: LineItem, said: LineItem, found: _Difference
) -> list[CharacteristicValue]:
    merged = _merge_list(old.characteristics, said.characteristics, lambda each: {each.name})
    before, after = _changed(old.characteristics, merged, _show_characteristic)
    found.note("product.productCharacteristic", ChangeType.CHARACTERISTIC, before, after)
    return merged


def _merge_contacts(old: LineItem, said: LineItem, found: _Difference) -> list[ContactPerson]:
    merged = _merge_list(
        old.contacts, said.contacts, lambda each: {each.contact_id, show_id(each.id)}
    )
    before, after = _changed(old.contacts, merged, _show_contact)
    found.note("product.relatedParty", ChangeType.CONTACT, before, after)
    return merged


def _merge_related_items(old: LineItem, said: LineItem, found: _Difference) -> list[RelatedItem]:
    merged = _merge_list(old.related_items, said.related_items, _related_keys)
    before, after = _changed(old.related_items, merged, _show_related_item)
    found.note("product.productRelationship", ChangeType.RELATED_ITEMS, before, after)
    return merged


def _related_keys(each: RelatedItem) -> set[str | None]:
    """Collect the ids that a required product is known by, whichever was sent."""
    known = each.product_inventory_id
    return {each.related_id, None if known is None else show_id(known)}


def _merge_list(
    old: Sequence[_Element], said: Sequence[_Element], keys: Callable[[_Element], set[str | None]]
) -> list[_Element]:
    """Replace what has a key in common, add the rest."""
    merged = list(old)
    places: dict[str | None, int] = {
        key: place for place, each in enumerate(old) for key in keys(each) if key is not None
    }
    for each in said:
        place = next((places[key] for key in keys(each) if key in places), None)
        if place is None:
            places.update(dict.fromkeys(keys(each) - {None}, len(merged)))
            merged.append(each)
        else:
            merged[place] = _lay_over(merged[place], each)
    return merged


def _lay_over(old: _Element, said: _Element) -> _Element:
    """Replace the members that are said; the row keeps its identity."""
    changes = {
        name: value
        for name in said.__struct_fields__
        if name not in ("id", "contact_id", "extras") and (value := getattr(said, name)) is not None
    }
    changes["extras"] = _merge_json(old.extras, said.extras, _merge_members)
    merged = msgspec.structs.replace(old, **changes)
    if isinstance(merged, ContactPerson) and {"first_name", "last_name"} & changes.keys():
        # A name that was made of the two names follows them.
        whole = [merged.first_name, merged.last_name]
        if changes.get("name") == _full_name(said):
            merged.name = " ".join(filter(None, whole)) or None
    return merged


def _full_name(contact: Any) -> str:
    return " ".join(filter(None, (contact.first_name, contact.last_name)))


def _changed(
    old: Sequence[_Element], new: Sequence[_Element], show: Callable[[_Element], object]
) -> tuple[list[object], list[object]]:
    """Show the elements that are different: as they were, and as they are."""
    before = [show(each) for each in old]
    after = [show(each) for each in new]
    differ = [place for place, shown in enumerate(after) if before[place : place + 1] != [shown]]
    return [before[place] for place in differ if place < len(before)], [after[i] for i in differ]


def _show_members(**members: object) -> dict[str, object]:
    return {name: value for name, value in members.items() if value is not None}


def _value(text: JsonText | None) -> object:
    return None if text is None else _decoder.decode(text)


def _show_characteristic(each: CharacteristicValue) -> object:
    return _show_members(
        name=each.name,
        value=_value(each.value),
        valueType=each.value_type,
        previousValue=_value(each.previous_value),
        extras=_value(each.extras),
    )


def _show_contact(each: ContactPerson) -> object:
    return _show_members(
        id=each.contact_id or show_id(each.id),
        name=each.name,
        firstName=each.first_name,
        lastName=each.last_name,
        email=each.email,
        phone=each.phone,
        extras=_value(each.extras),
    )


def _show_related_item(each: RelatedItem) -> object:
    return _show_members(
        id=each.related_id, relationshipType=each.relationship_type, extras=_value(each.extras)
    )
