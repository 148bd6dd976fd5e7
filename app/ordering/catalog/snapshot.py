"""The small reference data, whole, in the memory of each process.

Offerings, specifications, channels and currencies are read by every order and change rarely, so
each process keeps an immutable `Catalog` and replaces it when the catalog revision rises. A
notification tells at once; a check of the revision every few seconds heals a lost one.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from ordering.background import keep_going
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering.domain.ids import show_id
from ordering.domain.references import Catalog, CharacteristicSpec, Offering, Specification

__all__ = ["CatalogKeeper", "read_catalog"]

_log = logging.getLogger(__name__)
_PAUSE_S = 1.0

# Options are compared with what clients send, whose numbers are decimals.
_decoder = msgspec.json.Decoder(list[Any], float_hook=Decimal)


async def read_catalog(connection: Connection) -> Catalog:
    """Read the whole catalog, as of one moment, in a repeatable-read transaction."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        revision = await connection.fetchval("SELECT revision FROM catalog_revision")
        offerings = await connection.fetch(
            """SELECT id, external_id, name, status, version, internal_version
               FROM product_offering ORDER BY internal_version"""
        )
        specifications = await connection.fetch(
            """SELECT id, external_id, name, status, version, internal_version
               FROM product_specification ORDER BY internal_version"""
        )
        characteristics = await connection.fetch(
            """SELECT c.product_specification_id, c.internal_version, c.name, c.value_type,
                      jsonb_agg(o.value ORDER BY o.position) FILTER (WHERE o.id IS NOT NULL)
                          AS options
               FROM specification_characteristic c
               LEFT JOIN characteristic_option o ON o.characteristic_id = c.id
               GROUP BY c.id ORDER BY c.position"""
        )
        relationships = await connection.fetch(
            """SELECT relationship_type, source_specification_id, target_specification_id
               FROM specification_relationship"""
        )
        channels = await connection.fetch("SELECT id, external_id, name FROM distribution_channel")
        currencies = await connection.fetch("SELECT code, active FROM currency")
    return Catalog(
        revision=revision,
        offerings=_by_text(Offering(**dict(row)) for row in map(_mapping, offerings)),
        specifications=_by_text(_specifications(specifications, characteristics)),
        relationships=_relationships(relationships),
        channels={
            text: row["name"]
            for row in channels
            for text in (show_id(row["id"]), row["external_id"])
            if text is not None
        },
        currencies={row["code"]: row["active"] for row in currencies},
    )


def _mapping(row: Any) -> dict[str, Any]:
    return dict(row.items())


def _specifications(rows: Iterable[Any], characteristics: Iterable[Any]) -> Iterable[Specification]:
    known: dict[tuple[UUID, int], dict[str, CharacteristicSpec]] = defaultdict(dict)
    for row in characteristics:
        known[row["product_specification_id"], row["internal_version"]][row["name"]] = (
            CharacteristicSpec(
                name=row["name"],
                value_type=row["value_type"],
                options=tuple(_decoder.decode(row["options"] or "[]")),
            )
        )
    for row in map(_mapping, rows):
        yield Specification(**row, characteristics=known[row["id"], row["internal_version"]])


def _by_text(versions: Iterable[Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for one in versions:
        found[show_id(one.id)].append(one)
        if one.external_id is not None:
            found[one.external_id].append(one)
    return dict(found)


def _relationships(rows: Iterable[Any]) -> dict[tuple[str, UUID], frozenset[UUID]]:
    found: dict[tuple[str, UUID], set[UUID]] = defaultdict(set)
    for row in rows:
        found[row["relationship_type"], row["source_specification_id"]].add(
            row["target_specification_id"]
        )
    return {key: frozenset(targets) for key, targets in found.items()}


class CatalogKeeper:
    """Keeps the catalog of this process current. `check_s` is the seconds between checks."""

    def __init__(self, database: Database, *, check_s: float) -> None:
        self._database = database
        self._check_s = check_s
        self._catalog: Catalog | None = None
        self._watch: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    @property
    def catalog(self) -> Catalog:
        """The catalog as last read."""
        if self._catalog is None:
            raise RuntimeError("the catalog has not been read yet")
        return self._catalog

    async def open(self) -> None:
        """Read the catalog, then watch it."""
        await self.refresh()
        self._watch = asyncio.create_task(
            keep_going("watching the catalog", self._check, pause_s=_PAUSE_S)
        )

    async def close(self) -> None:
        """Stop watching."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None

    async def refresh(self) -> None:
        """Read the catalog if its revision is another than that of the one kept."""
        async with self._database.acquire() as connection:
            revision = await connection.fetchval("SELECT revision FROM catalog_revision")
            if self._catalog is None or self._catalog.revision != revision:
                self._catalog = await read_catalog(connection)

    def notice(self) -> None:
        """Look now rather than at the next check; called when a notification arrives."""
        self._changed.set()

    async def _check(self) -> None:
        """Wait for a notice or the time of the next check, then look."""
        try:
            async with asyncio.timeout(self._check_s):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()
        try:
            await self.refresh()
        except DATABASE_AWAY:
            _log.warning("cannot read the catalog; keeping the last one", exc_info=True)
