"""Value objects of an order, under the names that the Product Order Open API gives their members.

Members are optional where the published API calls them missing with a message of its own: shape
is the decoder's matter, presence the rules'. A `null` counts as absent. `extras` holds the
attributes that a client sent and that we do not know; they come back as they were
(docs/decisions/0006-unknown-attributes.md).
"""

from decimal import Decimal
from typing import Annotated, Any, TypeVar, cast

import msgspec
from msgspec import Meta, field

from ordering.domain.numbers import Number
from ordering.domain.timestamps import Timestamp, show_timestamp

__all__ = [
    "MAX_FEW",
    "Amount",
    "Channel",
    "Characteristic",
    "Contact",
    "ExternalInventory",
    "Extras",
    "Few",
    "FilledKey",
    "ItemPrice",
    "ItemRelationship",
    "JsonScalar",
    "Key",
    "Many",
    "Note",
    "OfferingRef",
    "PartyRef",
    "Place",
    "Price",
    "ProductRelationship",
    "SpecificationRef",
    "Value",
    "decode_hook",
    "encode",
    "to_json",
]

#: A name that is stored in an index: bounded, so that no index entry can be too long.
Key = Annotated[str, Meta(max_length=255)]

#: A key of the client's own: an order with an empty one could never be asked for.
FilledKey = Annotated[Key, Meta(min_length=1)]

_Element = TypeVar("_Element")

#: The array types of objects. Without a bound one body could ask for millions of objects, and for
#: as many problems. `Many` is for lines and what may be as many as lines: a parent's children.
MAX_FEW = 1_000
Few = Annotated[list[_Element], Meta(max_length=MAX_FEW)]
Many = Annotated[list[_Element], Meta(max_length=10_000)]

_Integer = Annotated[int, Meta(ge=-(2**62), le=2**62)]

#: Any JSON value. The fast decoder reads common scalars, the thorough one everything.
JsonScalar = Annotated[str | _Integer | bool | None, Meta(extra={"any": True})]


class Extras(dict[str, Any]):
    """Unknown attributes of one object, by name; a type of its own, so that none can be sent."""


class Value(
    msgspec.Struct,
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
    kw_only=True,
    gc=False,
):
    """The base of everything that a client sends: absent members are None and are not shown.

    What is read from JSON is a tree, so the garbage collector need not look at it.
    """

    # No JSON member can become this field: `decode_hook` refuses the type.
    extras: Extras | None = field(default=None, name="~extras")


class Amount(Value):
    """An amount of money in major units (`20.5` is 20 dollars 50), and its ISO 4217 code."""

    unit: str | None = None
    value: Number | None = None


class Price(Value):
    """What something costs. `tax_rate` is in percent."""

    tax_included_amount: Amount | None = None
    duty_free_amount: Amount | None = None
    tax_rate: Number | None = None


class ItemPrice(Value):
    """A charge of a line: once (`nonRecurring`) or per period (`recurring`)."""

    name: str | None = None
    description: str | None = None
    price_type: str | None = None
    recurring_charge_period: str | None = None
    price: Price | None = None


class Note(Value):
    """A remark of the customer."""

    id: str | None = None
    author: str | None = None
    date: Timestamp | None = None
    text: str | None = None


class Channel(Value):
    """A way of selling that the order came through."""

    id: str | None = None
    name: str | None = None


class PartyRef(Value):
    """An account, contact or consumer of the order. `type_alias` is a misprint of the source."""

    id: Key | None = None
    name: str | None = None
    type: str | None = field(default=None, name="@type")
    referred_type: str | None = field(default=None, name="@referredType")
    type_alias: str | None = field(default=None, name="type")


class OfferingRef(Value):
    """The product offering of a line. The versions and `internal_id` are answered by us."""

    id: Key | None = None
    name: str | None = None
    version: str | None = None
    internal_version: str | None = None
    internal_id: str | None = None
    type: str | None = field(default=None, name="@type")


class SpecificationRef(Value):
    """The product specification of a line. `internal_id` is answered by us."""

    id: Key | None = None
    name: str | None = None
    version: str | None = None
    internal_version: str | None = None
    internal_id: str | None = None
    type: str | None = field(default=None, name="@type")


class Place(Value):
    """Where a product is installed."""

    id: Key | None = None
    type: str | None = field(default=None, name="@type")


class Characteristic(Value):
    """A characteristic of a product: its name, value and, on a change, the value before."""

    name: str | None = None
    value_type: str | None = None
    value: JsonScalar = None
    previous_value: JsonScalar = None


class Contact(Value):
    """A contact person of a line. `name` is made of the two names where it was not sent."""

    id: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    phone: str | None = None
    type: str | None = field(default=None, name="@type")
    referred_type: str | None = field(default=None, name="@referredType")
    type_alias: str | None = field(default=None, name="type")


class ItemRelationship(Value):
    """How a line relates to another line of the order (`HasChild`, `HasParent`, `Requires`)."""

    id: str | None = None
    relationship_type: str | None = None


class ProductRelationship(Value):
    """An installed product (inventory) that the line's product requires."""

    id: Key | None = None
    relationship_type: str | None = None


class ExternalInventory(Value):
    """An id that the product inventory of this line shall have in another system."""

    external_product_inventory_id: Key | None = None


def decode_hook(kind: type[Any], value: object) -> object:
    """Read the types that msgspec does not know. Raises `ValueError` telling what is wrong."""
    if kind is Number:
        return Number.read(value)
    if kind is Timestamp:
        return Timestamp.parse(value)
    raise ValueError("Unexpected member")


def _encode_hook(value: object) -> object:
    if isinstance(value, Number):
        return Decimal(value)
    if isinstance(value, Timestamp):
        return show_timestamp(value)
    raise NotImplementedError(type(value).__name__)


_EXTRAS_TEXT = '"~extras"'
_EXTRAS_MARK = _EXTRAS_TEXT.encode()
_ENCODER = msgspec.json.Encoder(enc_hook=_encode_hook, decimal_format="number")


def encode(value: object) -> bytes:
    """Encode JSON; decimals as numbers with their digits, unknown attributes where they were."""
    encoded = _ENCODER.encode(value)
    return _ENCODER.encode(_merge(value)) if _EXTRAS_MARK in encoded else encoded


def to_json(value: object) -> str | None:
    """Encode JSON, as `encode` does, as a text; what is absent stays so.

    An order has dozens of small values that come this way, so few calls are made for each.
    """
    if value is None:
        return None
    text = _ENCODER.encode(value).decode()
    return encode(value).decode() if _EXTRAS_TEXT in text else text


def _merge(value: object) -> object:
    """Put the unknown attributes back among the members of the objects that they came with."""
    if isinstance(value, list):
        return [_merge(item) for item in cast("list[object]", value)]
    if not isinstance(value, Value):
        return value
    members: dict[str, object] = {
        info.encode_name: _merge(member)
        for info in msgspec.structs.fields(value)
        if info.name != "extras" and (member := getattr(value, info.name)) is not None
    }
    members.update(value.extras or {})
    return members
