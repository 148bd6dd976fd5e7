"""What an order may point at, as it was found, and the questions that rules ask of it.

Records are found under the text that a client sends: the id (32 hexadecimal digits) or the
external id. `Catalog` holds the small reference data whole; `References` adds the parties,
locations and inventories that one batch of orders names.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

__all__ = [
    "Catalog",
    "CharacteristicSpec",
    "Inventory",
    "Location",
    "Offering",
    "Party",
    "PartyKind",
    "References",
    "Specification",
]

Versioned = TypeVar("Versioned", "Offering", "Specification")

#: `account`, `contact` or `consumer`.
PartyKind = str


class Offering(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a product offering."""

    id: UUID
    external_id: str | None = None
    name: str
    status: str
    version: str | None = None
    internal_version: int = 1


class CharacteristicSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A characteristic of a specification; `options` are the values it may take, if limited."""

    name: str
    value_type: str
    options: tuple[object, ...] = ()


class Specification(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a product specification, with its characteristics by name."""

    id: UUID
    external_id: str | None = None
    name: str
    status: str
    version: str | None = None
    internal_version: int = 1
    characteristics: Mapping[str, CharacteristicSpec] = {}


class Party(msgspec.Struct, frozen=True, kw_only=True):
    """An account, contact or consumer."""

    id: UUID
    kind: PartyKind
    name: str | None = None


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """A place."""

    id: UUID


class Inventory(msgspec.Struct, frozen=True, kw_only=True):
    """An installed product. `internal_version` is its specification's."""

    id: UUID
    external_id: str | None = None
    status: str
    internal_version: int | None = None


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The small reference data at one catalog revision.

    Offerings and specifications are keyed by id and by external id, versions ascending.
    `relationships` maps a type (`HasChild`, `Requires`) and a source specification to its targets.
    """

    revision: int = 0
    offerings: Mapping[str, Sequence[Offering]] = {}
    specifications: Mapping[str, Sequence[Specification]] = {}
    relationships: Mapping[tuple[str, UUID], frozenset[UUID]] = {}
    channels: Mapping[str, str] = {}
    currencies: Mapping[str, bool] = {}

    def offering(
        self, text: str, version: str | None = None, internal_version: str | None = None
    ) -> Offering | None:
        """Find an offering: the version named, else the newest published, else the newest."""
        return _choose(self.offerings.get(text, ()), version, internal_version)

    def specification(
        self, text: str, version: str | None = None, internal_version: str | None = None
    ) -> Specification | None:
        """Find a specification by the same rule as an offering."""
        return _choose(self.specifications.get(text, ()), version, internal_version)


class References(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a batch of orders points at and that exists."""

    catalog: Catalog
    parties: Mapping[tuple[PartyKind, str], Party] = {}
    locations: Mapping[str, Location] = {}
    inventories: Mapping[str, Inventory] = {}


def _choose(
    versions: Sequence[Versioned], version: str | None, internal_version: str | None
) -> Versioned | None:
    newest: Versioned | None = None
    for one in reversed(versions):
        if (version is None or one.version == version) and (
            internal_version is None or str(one.internal_version) == internal_version
        ):
            if one.status == "published":
                return one
            newest = newest or one
    return newest
