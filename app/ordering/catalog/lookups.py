"""The large reference data: found for a batch of orders by one statement.

Parties, locations and inventories may be millions, so only those that the orders name are read,
each under the text under which it was named.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.gather import Gather
from ordering.domain.draft import OrderDraft
from ordering.domain.ids import parse_id
from ordering.domain.references import Catalog, Inventory, Location, Party, References
from ordering.domain.rules.header import PARTY_KINDS, referred_type

__all__ = ["ReferenceFinder", "find_references"]

# Each kind is asked for by id and by external id; `text` gives back what was asked for.
_STATEMENT = """
SELECT 'party' AS found, replace(id::text, '-', '') AS text, id, kind, name, external_id,
       NULL::text AS status, NULL::integer AS internal_version
FROM party WHERE id = ANY($1::uuid[])
UNION ALL
SELECT 'party', external_id, id, kind, name, external_id, NULL, NULL
FROM party WHERE external_id = ANY($2::text[])
UNION ALL
SELECT 'location', replace(id::text, '-', ''), id, NULL, NULL, external_id, NULL, NULL
FROM location WHERE id = ANY($3::uuid[])
UNION ALL
SELECT 'location', external_id, id, NULL, NULL, external_id, NULL, NULL
FROM location WHERE external_id = ANY($4::text[])
UNION ALL
SELECT 'inventory', replace(id::text, '-', ''), id, NULL, NULL, external_id, status,
       internal_version
FROM product_inventory WHERE id = ANY($5::uuid[])
UNION ALL
SELECT 'inventory', external_id, id, NULL, NULL, external_id, status, internal_version
FROM product_inventory WHERE external_id = ANY($6::text[])
"""


#: The texts under which parties, locations and inventories are named.
_Names = tuple[set[str], set[str], set[str]]


class ReferenceFinder:
    """Finds what drafts name; concurrent callers share a statement."""

    def __init__(self, database: Database, keeper: CatalogKeeper) -> None:
        self._keeper = keeper
        self._gather: Gather[_Names, References] = Gather(database, self._find)

    async def find(self, draft: OrderDraft) -> References:
        """Find what a draft names, and perhaps what others name too.

        The database is not asked where it names nothing, as revisions often do.
        """
        names = _names([draft])
        if not any(names):
            return References(catalog=self._keeper.catalog)
        return await self._gather.submit(names)

    async def _find(self, connection: Connection, asked: Sequence[_Names]) -> Sequence[References]:
        parties, locations, inventories = (
            set[str]().union(*each) for each in zip(*asked, strict=True)
        )
        names = (parties, locations, inventories)
        return [await _read(connection, self._keeper.catalog, names)] * len(asked)


async def find_references(
    connection: Connection, catalog: Catalog, drafts: Iterable[OrderDraft]
) -> References:
    """Find everything that the drafts name, in one statement however many they are."""
    names = _names(drafts)
    return await _read(connection, catalog, names) if any(names) else References(catalog=catalog)


async def _read(connection: Connection, catalog: Catalog, names: _Names) -> References:
    parameters = [part for texts in names for part in _split(texts)]
    return _collect(catalog, await connection.fetch(_STATEMENT, *parameters))


def _names(drafts: Iterable[OrderDraft]) -> _Names:
    """Collect the parties, locations and inventories that drafts name."""
    parties: set[str] = set()
    locations: set[str] = set()
    inventories: set[str] = set()
    for draft in drafts:
        for party in draft.related_party or ():
            if party.id and referred_type(party) in PARTY_KINDS:
                parties.add(party.id)
        for item in draft.items:
            product = item.product
            if product is None:
                continue
            if product.place is not None and product.place.id:
                locations.add(product.place.id)
            if product.id:
                inventories.add(product.id)
            for relation in product.product_relationship or ():
                if relation.id:
                    inventories.add(relation.id)
    return parties, locations, inventories


def _split(texts: set[str]) -> tuple[list[UUID], list[str]]:
    """Tell ids from external ids."""
    ids = {text: parse_id(text) for text in texts}
    return (
        [identity for identity in ids.values() if identity is not None],
        [text for text, identity in ids.items() if identity is None],
    )


def _collect(catalog: Catalog, rows: Iterable[Any]) -> References:
    parties: dict[tuple[str, str], Party] = {}
    locations: dict[str, Location] = {}
    inventories: dict[str, Inventory] = {}
    for row in rows:
        match row["found"]:
            case "party":
                party = Party(id=row["id"], kind=row["kind"], name=row["name"])
                parties[row["kind"], row["text"]] = party
            case "location":
                locations[row["text"]] = Location(id=row["id"])
            case _:
                inventories[row["text"]] = Inventory(
                    id=row["id"],
                    external_id=row["external_id"],
                    status=row["status"],
                    internal_version=row["internal_version"],
                )
    return References(
        catalog=catalog, parties=parties, locations=locations, inventories=inventories
    )
