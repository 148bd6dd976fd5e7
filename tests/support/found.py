"""Builders of what orders point at (`References`, `Catalog`), for tests without a database.

`demo_references()` finds everything that the factories of `support.payloads` name, with the
content of the demo catalog; the other builders make single records with defaults. A test that
needs another world replaces parts of it:

    found = demo_references(locations={}, currencies={"EUR": True})
    found = demo_references(offerings=[offering("fiber", version="v1"), offering("fiber", ...)])
"""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID, uuid5

from ordering.domain.decode import decode_order
from ordering.domain.draft import OrderDraft
from ordering.domain.ids import parse_id, show_id
from ordering.domain.references import (
    Catalog,
    CharacteristicSpec,
    Inventory,
    Location,
    Offering,
    Party,
    References,
    Specification,
)
from ordering.domain.rules import Policy, check
from support import payloads

__all__ = [
    "by_text",
    "choice",
    "demo_references",
    "draft_of",
    "id_of",
    "inventory",
    "judge",
    "offering",
    "specification",
]

Record = TypeVar("Record", Offering, Specification)

_NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


def id_of(text: str) -> UUID:
    """Give the id behind a text: itself if it is one, else one made from the external id."""
    return parse_id(text) or uuid5(_NAMES, text)


def _identity(text: str) -> dict[str, Any]:
    return {"id": id_of(text), "external_id": None if parse_id(text) else text}


def offering(text: str = payloads.OFFERING, **members: Any) -> Offering:
    """Build an offering, published, under its id or external id."""
    defaults: dict[str, Any] = {
        "name": "Premium SD-WAN Offering",
        "status": "published",
        "version": "v1",
    }
    return Offering(**(_identity(text) | defaults | members))


def choice(name: str, *options: object) -> CharacteristicSpec:
    """Build a characteristic that is limited to options."""
    return CharacteristicSpec(name=name, value_type="Choice", options=options)


def specification(
    text: str = payloads.SPECIFICATION, *characteristics: CharacteristicSpec, **members: Any
) -> Specification:
    """Build a specification, published, under its id or external id."""
    defaults: dict[str, Any] = {
        "name": "SD-WAN Service Package",
        "status": "published",
        "version": "v1",
        "characteristics": {each.name: each for each in characteristics},
    }
    return Specification(**(_identity(text) | defaults | members))


def inventory(text: str = payloads.INVENTORY, **members: Any) -> Inventory:
    """Build a product inventory, active, of the first version of its specification."""
    defaults: dict[str, Any] = {"status": "active", "internal_version": 1}
    return Inventory(**(_identity(text) | defaults | members))


def by_text(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Key records by id and by external id, as `Catalog` wants them."""
    found: dict[str, list[Record]] = {}
    for record in records:
        for text in (show_id(record.id), record.external_id):
            if text is not None:
                found.setdefault(text, []).append(record)
    return found


def demo_references(
    *,
    offerings: Iterable[Offering] | None = None,
    specifications: Iterable[Specification] | None = None,
    inventories: Iterable[Inventory] | None = None,
    parties: Mapping[tuple[str, str], Party] | None = None,
    locations: Mapping[str, Location] | None = None,
    **catalog: Any,
) -> References:
    """Find what the demo catalog holds, except for the parts that are given."""
    members: dict[str, Any] = {
        "revision": 1,
        "offerings": by_text(_OFFERINGS if offerings is None else offerings),
        "specifications": by_text(_SPECIFICATIONS if specifications is None else specifications),
        "relationships": _RELATIONSHIPS,
        "channels": {payloads.CHANNEL: "Online channel"},
        "currencies": {"USD": True, "EUR": True, "DEM": False},
    }
    return References(
        catalog=Catalog(**(members | catalog)),
        parties=_PARTIES if parties is None else parties,
        locations=_LOCATIONS if locations is None else locations,
        inventories={
            text: each
            for each in (_INVENTORIES if inventories is None else inventories)
            for text in (show_id(each.id), each.external_id)
            if text is not None
        },
    )


def draft_of(payload: object) -> OrderDraft:
    """Decode a payload that has the right shape."""
    draft, problems = decode_order(payloads.to_json(payload))
    assert problems == []
    return draft


def judge(
    payload: object, found: References | None = None, **policy: Any
) -> list[tuple[str, str, int]]:
    """Hold a payload against every rule; list pointer, text and code of each problem."""
    decoded = decode_order(payloads.to_json(payload))
    problems = check(decoded, found or demo_references(), Policy(**policy))
    return [(problem.pointer, problem.message, problem.code) for problem in problems]


_OFFERINGS = (
    offering(),
    offering(
        payloads.RETIRED_OFFERING,
        name="DSL Home",
        status="retired",
        version="v3",
        internal_version=3,
    ),
    offering(payloads.DRAFT_OFFERING, name="Fiber Home Pro", status="draft"),
)

_LEVELS = ("Base", "Advance", "Premium")
_SPECIFICATIONS = (
    specification(),
    specification(
        payloads.CONTROLLER,
        choice("Tenancy", "Base (10 site)", "Advance (50 sites)", "Premium (>50 sites)"),
        name="SD-WAN Controller",
    ),
    specification(
        payloads.EDGE_DEVICE,
        choice("CPE Model", "ASR", "ISR", "CSR"),
        choice("CPE Type", "Physical", "Virtual"),
        choice("WAN Optimization", *_LEVELS),
        choice("Routing", *_LEVELS),
        name="SD-WAN Edge Device",
    ),
    specification(payloads.SECURITY, choice("Security Type", *_LEVELS), name="SD-WAN Security"),
)

_RELATIONSHIPS = {
    ("HasChild", id_of(payloads.SPECIFICATION)): frozenset(
        map(id_of, (payloads.CONTROLLER, payloads.EDGE_DEVICE, payloads.SECURITY))
    ),
    ("Requires", id_of(payloads.EDGE_DEVICE)): frozenset(
        map(id_of, (payloads.SECURITY, payloads.CONTROLLER))
    ),
}

_INVENTORIES = (
    inventory(),
    inventory(payloads.EDGE_INVENTORY),
    inventory("326d13f45b5620102dff5e92dc81c785"),
    inventory("be6d13f45b5620102dff5e92dc81c781"),
    inventory(payloads.INACTIVE_INVENTORY, status="inactive", internal_version=3),
    inventory(payloads.SUSPENDED_INVENTORY, status="suspended"),
)

_PARTIES = {
    (kind, text): Party(id=id_of(text), kind=kind, name=name)
    for kind, text, name in (
        ("account", payloads.ACCOUNT, "Funco Intl"),
        ("consumer", payloads.CONSUMER, "Funco External"),
        ("contact", payloads.CONTACT, "Sally Thomas"),
    )
}

_LOCATIONS = {
    text: Location(id=id_of(text))
    for text in (payloads.SITE, "5671dd2ec3a53010188473ce3640dd81", "home-1")
}
