"""Payload factories: requests to create orders, as JSON-able dicts that are valid as they are.

What they name exists in the demo catalog (`ordering_app/demo/catalog.yaml`, the records of the
published examples), and in `support.found.demo_references()` for tests without a database. Each
factory takes the members to set or replace under their JSON names, so that a test says only what
matters to it:

    order()                                              one line, action `add`, in USD
    order(externalId="PO-1", note=[note("call first")])
    order(items=[item("1"), item("2", productOrderItemRelationship=[related("1")])])
    order(items=[change_item("1", place={"id": SITE})])
    order(relatedParty=[party("Consumer"), party("CustomerContact")])
    item("1", quantity=2, itemPrice=[price(20), price("9.99", unit="EUR")])
    item("1", product=product(productCharacteristic=[characteristic("Tenancy", "Base")]))

A member whose name is no Python name is given through a dict: `party(**{"@type": "Party"})`.
A member set to `ABSENT` is left out. `changed` and `removed` edit a copy by JSON Pointer:

    changed(order(), "/productOrderItem/0/action", "sell")
    removed(order(), "/relatedParty")

`to_json` encodes a payload as a client would; decimals become numbers with all their digits.
"""

import copy
from collections.abc import Sequence
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec

__all__ = [
    "ABSENT",
    "ACCOUNT",
    "CHANNEL",
    "CONSUMER",
    "CONTACT",
    "CONTROLLER",
    "DRAFT_OFFERING",
    "EDGE_DEVICE",
    "EDGE_INVENTORY",
    "INACTIVE_INVENTORY",
    "INVENTORY",
    "OFFERING",
    "RETIRED_OFFERING",
    "SECURITY",
    "SITE",
    "SPECIFICATION",
    "SUSPENDED_INVENTORY",
    "UNKNOWN_ID",
    "Payload",
    "change_item",
    "changed",
    "channel",
    "characteristic",
    "contact",
    "item",
    "note",
    "order",
    "party",
    "price",
    "product",
    "related",
    "removed",
    "to_json",
]

#: A JSON object.
Payload = dict[str, Any]

#: The parties of the published examples: an account, a consumer, a contact of the account.
ACCOUNT = "ffc68911c35420105252716b7d40dd55"
CONSUMER = "59f16de1c3b67110ff00ed23a140dd9e"
CONTACT = "eaf68911c35420105252716b7d40ddde"

OFFERING = "69017a0f536520103b6bddeeff7b127d"
RETIRED_OFFERING = "dsl-home"
DRAFT_OFFERING = "fiber-home-pro"

#: The specification of the parent lines; it has no characteristics, and three children:
SPECIFICATION = "cfe5ef6a53702010cd6dddeeff7b12f6"
CONTROLLER = "216663aa53702010cd6dddeeff7b12b5"
EDGE_DEVICE = "39b627aa53702010cd6dddeeff7b1202"
SECURITY = "a6514bd3534560102f18ddeeff7b1247"

#: Product inventories: active ones of `SPECIFICATION` and `EDGE_DEVICE`, then others.
INVENTORY = "fa6d13f45b5620102dff5e92dc81c77f"
EDGE_INVENTORY = "766d13f45b5620102dff5e92dc81c78a"
INACTIVE_INVENTORY = "dsl-of-funco-external"
SUSPENDED_INVENTORY = "fiber-of-funco-external"

#: A location and a distribution channel ("Online channel").
SITE = "25ab9c4d0a0a0bb300f7dabdc0ca7c1c"
CHANNEL = "2"

#: An id of the right shape under which nothing is found.
UNKNOWN_ID = "0123456789abcdef0123456789abcdef"

_PARTIES = {"Customer": ACCOUNT, "Consumer": CONSUMER, "CustomerContact": CONTACT}


class _Mark(Enum):
    ABSENT = "absent"


#: As the value of a member: leave the member out.
ABSENT: Final = _Mark.ABSENT


def _object(defaults: Payload, members: Payload) -> Payload:
    return {name: value for name, value in (defaults | members).items() if value is not ABSENT}


def order(*, items: Sequence[Any] | None = None, **members: Any) -> Payload:
    """Build an order: one line to add, for the account, in USD. `items` are its lines."""
    defaults: Payload = {
        "orderCurrency": "USD",
        "productOrderItem": [item()] if items is None else list(items),
        "relatedParty": [party()],
    }
    return _object(defaults, members)


def item(id: str = "100", action: str = "add", **members: Any) -> Payload:
    """Build a line that adds a product. A `product` given replaces the default one."""
    defaults: Payload = {
        "id": id,
        "action": action,
        "quantity": 1,
        "productOffering": {"id": OFFERING},
        "product": product(),
    }
    return _object(defaults, members)


def change_item(
    id: str = "100",
    action: str = "change",
    inventory: str = INVENTORY,
    **product_members: Any,
) -> Payload:
    """Build a line about an installed product; further members are the product's."""
    return item(id, action, product=product(id=inventory, **product_members))


def product(specification: str = SPECIFICATION, **members: Any) -> Payload:
    """Build the product of a line, of this specification."""
    return _object({"productSpecification": {"id": specification}}, members)


def party(kind: str = "Customer", id: str | None = None, **members: Any) -> Payload:
    """Build a party of an order: by default the one of its kind that exists."""
    defaults: Payload = {"id": id or _PARTIES.get(kind, UNKNOWN_ID), "@referredType": kind}
    return _object(defaults, members)


def contact(**members: Any) -> Payload:
    """Build a contact person of a line's product."""
    defaults: Payload = {
        "firstName": "John",
        "lastName": "Smith",
        "@referredType": "OrderLineItemContact",
    }
    return _object(defaults, members)


def characteristic(name: str, value: Any, **members: Any) -> Payload:
    """Build a characteristic of a line's product."""
    return _object({"name": name, "value": value}, members)


def price(value: int | str | Decimal = 20, unit: str = "USD", **members: Any) -> Payload:
    """Build a monthly price. A `str` is a decimal number, not a JSON string."""
    amount: Payload = {"unit": unit, "value": Decimal(value)}
    defaults: Payload = {
        "priceType": "recurring",
        "recurringChargePeriod": "month",
        "price": {"taxIncludedAmount": amount},
    }
    return _object(defaults, members)


def note(text: str = "ring twice", **members: Any) -> Payload:
    """Build a note of an order."""
    return _object({"text": text}, members)


def channel(id: str = CHANNEL, **members: Any) -> Payload:
    """Build a channel of an order."""
    return _object({"id": id}, members)


def related(id: str, kind: str = "HasParent", **members: Any) -> Payload:
    """Build a relationship to another line of the order."""
    return _object({"id": id, "relationshipType": kind}, members)


def changed(payload: Payload, pointer: str, value: Any) -> Payload:
    """Copy a payload with one member or element replaced (or, for a member, added)."""
    edited, owner, last = _open(payload, pointer)
    owner[last] = value
    return edited


def removed(payload: Payload, pointer: str) -> Payload:
    """Copy a payload without one member or element."""
    edited, owner, last = _open(payload, pointer)
    del owner[last]
    return edited


def _open(payload: Payload, pointer: str) -> tuple[Payload, Any, Any]:
    """Copy a payload; find in the copy what holds the pointer's target, and under what key."""
    edited = copy.deepcopy(payload)
    *path, last = (
        step.replace("~1", "/").replace("~0", "~") for step in pointer.removeprefix("/").split("/")
    )
    owner: Any = edited
    for step in path:
        owner = owner[_key(owner, step)]
    return edited, owner, _key(owner, last)


def _key(owner: object, step: str) -> int | str:
    return int(step) if isinstance(owner, list) else step


_encoder = msgspec.json.Encoder(decimal_format="number")


def to_json(payload: object) -> bytes:
    """Encode a payload; decimals as JSON numbers with all their digits."""
    return _encoder.encode(payload)
