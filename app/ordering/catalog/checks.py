"""What must hold within one record beyond its shape; pointers start at the record."""

from collections.abc import Hashable, Iterable, Iterator
from typing import TypeVar, cast

from ordering.catalog.document import (
    VALUE_TYPES,
    Currency,
    ProductInventory,
    ProductSpecification,
    Record,
    SpecificationCharacteristic,
    links,
)
from ordering.catalog.shape import Defect, name_of
from ordering.domain.ids import parse_id

__all__ = ["check"]

K = TypeVar("K", bound=Hashable)

_KNOWN_VALUE_TYPES = frozenset(name.lower() for name in VALUE_TYPES)


def check(record: Record) -> Iterator[Defect]:
    """Find what is wrong with a record that has the right shape."""
    if record.id is None and record.external_id is None and not isinstance(record, Currency):
        yield Defect("Expected an id or an externalId")
    yield from _external_id(record.external_id, "/externalId")
    for link in links(record):
        if (link.reference.id is None) == (link.reference.external_id is None):
            yield Defect("Expected either an id or an externalId", link.pointer)
    if isinstance(record, ProductSpecification):
        yield from _specification(record)
    if isinstance(record, ProductInventory):
        yield from _inventory(record)


def _external_id(text: str | None, pointer: str) -> Iterator[Defect]:
    if text is not None and parse_id(text) is not None:
        # An order names a record by either, so the two must be told apart.
        yield Defect("An externalId of 32 hexadecimal digits would be taken for an id", pointer)


def _specification(record: ProductSpecification) -> Iterator[Defect]:
    characteristics = record.product_spec_characteristic or ()
    at = "/productSpecCharacteristic"
    yield from _repeated((one.name for one in characteristics), at, "name")
    yield from _repeated((one.external_id for one in characteristics), at, "externalId")
    for index, characteristic in enumerate(characteristics):
        yield from _characteristic(characteristic, f"{at}/{index}")
    relationships = record.product_specification_relationship or ()
    keys = ((one.relationship_type, one.id, one.external_id) for one in relationships)
    yield from _repeated(keys, "/productSpecificationRelationship")


def _characteristic(one: SpecificationCharacteristic, pointer: str) -> Iterator[Defect]:
    yield from _value_type(one.value_type, f"{pointer}/valueType")
    options = one.characteristic_value_specification or ()
    at = f"{pointer}/characteristicValueSpecification"
    yield from _repeated((_key(option.value) for option in options), at, "value")
    yield from _repeated((option.external_id for option in options), at, "externalId")
    for index, option in enumerate(options):
        if option.value is None:
            yield Defect("Missing member", f"{at}/{index}/value")


def _key(value: object) -> Hashable:
    """Make equal keys of values that are equal in JSON: 1.5 and 1.50, but not 1 and true."""
    if isinstance(value, dict):
        members = cast("dict[str, object]", value).items()
        return frozenset((name, _key(content)) for name, content in members)
    if isinstance(value, list):
        return tuple(_key(element) for element in cast("list[object]", value))
    return None if value is None else (name_of(value), value)


def _inventory(record: ProductInventory) -> Iterator[Defect]:
    characteristics = record.product_characteristic or ()
    at = "/productCharacteristic"
    yield from _repeated((one.name for one in characteristics), at, "name")
    for index, one in enumerate(characteristics):
        if one.value_type is not None:
            yield from _value_type(one.value_type, f"{at}/{index}/valueType")


def _value_type(name: str, pointer: str) -> Iterator[Defect]:
    if name.lower() not in _KNOWN_VALUE_TYPES:
        yield Defect(f"Expected one of {', '.join(VALUE_TYPES)}", pointer)


def _repeated(keys: Iterable[K | None], pointer: str, member: str = "") -> Iterator[Defect]:
    seen: dict[K, int] = {}
    for index, key in enumerate(keys):
        if key is None:
            continue
        first = seen.setdefault(key, index)
        if first != index:
            at = f"{pointer}/{index}/{member}" if member else f"{pointer}/{index}"
            yield Defect(f"The same as in {pointer}/{first}", at)
