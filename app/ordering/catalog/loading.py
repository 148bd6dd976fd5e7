"""Loading reference data: a file, all or nothing, in one transaction.

A record is inserted, or replaces the one with its id (and, for offerings and specifications, its
internal version). Nothing is ever deleted but the characteristics, options and relationships that
a specification of the file no longer has.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from ordering.catalog.consistency import find_inconsistencies
from ordering.catalog.document import KINDS
from ordering.catalog.findings import CatalogError, CatalogProblem, Findings
from ordering.catalog.reading import Entry, read_entries
from ordering.catalog.staging import Stage
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.db.failures import LOCKED
from ordering.db.notices import CATALOG_CHANGED
from ordering.domain.errors import Problem, RetryableError

__all__ = ["CatalogError", "CatalogProblem", "Count", "LoadSummary", "load_file"]

_BATCH = 1_000
_STATEMENT_TIMEOUT_MS = 600_000
_INTERNAL_ERROR = 1

Progress = Callable[[int, int], None]


class Count(msgspec.Struct, frozen=True):
    """How many records of a kind were new, and how many replaced another."""

    created: int
    updated: int


class LoadSummary(msgspec.Struct, frozen=True):
    """What a load did: the catalog's new revision, and the counts by kind (`@type`)."""

    revision: int
    kinds: Mapping[str, Count]


async def load_file(
    database: Database, path: Path, on_progress: Progress | None = None
) -> LoadSummary:
    """Load a catalog file.

    `on_progress` is told the bytes read so far, and the size of the file. Raises `CatalogError`
    with everything that is wrong, and `RetryableError` when another load takes too long.
    """
    findings = Findings(str(path))
    async with database.transaction() as connection:
        # The timeout of ordinary statements is too short for a file of a million records.
        await connection.execute(
            "SELECT set_config('statement_timeout', $1, true)", str(_STATEMENT_TIMEOUT_MS)
        )
        revision = await _raise_revision(connection)
        stage = Stage(connection)
        await stage.open()
        await _stage_entries(stage, path, findings, on_progress)
        if not findings.incomplete:
            # Otherwise what is missing from the file would be reported once more.
            await stage.resolve()
            await find_inconsistencies(connection, findings)
        findings.raise_any()
        kinds = {kind: await _store(connection, kind) for kind in KINDS if kind in stage.kinds}
        # PostgreSQL delivers it when the transaction commits.
        await connection.execute("SELECT pg_notify($1, $2)", CATALOG_CHANGED, str(revision))
    return LoadSummary(revision, kinds)


async def _raise_revision(connection: Connection) -> int:
    """Count this load; the row's lock makes loads follow each other."""
    try:
        return await connection.fetchval(
            """
            INSERT INTO catalog_revision (id, revision, changed_at) VALUES (1, 1, now())
            ON CONFLICT (id) DO UPDATE
                SET revision = catalog_revision.revision + 1, changed_at = now()
            RETURNING revision
            """
        )
    except LOCKED as error:
        problem = Problem("Another catalog load is not finished", "", _INTERNAL_ERROR)
        raise RetryableError([problem]) from error


async def _stage_entries(
    stage: Stage, path: Path, findings: Findings, on_progress: Progress | None
) -> None:
    entries = read_entries(path, findings)
    # Reading and decoding in a thread keep the event loop free.
    while batch := await asyncio.to_thread(_take, entries):
        await stage.add(batch)
        if on_progress is not None:
            size = await asyncio.to_thread(_size, path)
            on_progress(min(batch[-1].offset, size), size)


def _size(path: Path) -> int:
    return path.stat().st_size


def _take(entries: Iterator[Entry]) -> list[Entry]:
    return list(islice(entries, _BATCH))


# -- the statements, by kind -----------------------------------------------------------------------
_OFFERINGS = """
INSERT INTO product_offering AS t (id, external_id, name, status, version, internal_version,
                                   product_specification_id)
SELECT s.id, s.external_id, s.body->>'name', s.body->>'lifecycleStatus', s.body->>'version',
       s.version, r.found
FROM staged_record s LEFT JOIN staged_reference r ON r.seq = s.seq
WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id, internal_version) DO UPDATE
SET external_id = excluded.external_id, name = excluded.name, status = excluded.status,
    version = excluded.version, product_specification_id = excluded.product_specification_id
RETURNING t.xmax
"""

_SPECIFICATIONS = """
INSERT INTO product_specification AS t (id, external_id, name, status, version, internal_version)
SELECT s.id, s.external_id, s.body->>'name', s.body->>'lifecycleStatus', s.body->>'version',
       s.version
FROM staged_record s WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id, internal_version) DO UPDATE
SET external_id = excluded.external_id, name = excluded.name, status = excluded.status,
    version = excluded.version
RETURNING t.xmax
"""

_CHANNELS = """
INSERT INTO distribution_channel AS t (id, external_id, name)
SELECT s.id, s.external_id, s.body->>'name'
FROM staged_record s WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id) DO UPDATE SET external_id = excluded.external_id, name = excluded.name
RETURNING t.xmax
"""

_LOCATIONS = """
INSERT INTO location AS t (id, external_id, name, address)
SELECT s.id, s.external_id, s.body->>'name', nullif(s.body->'address', 'null')
FROM staged_record s WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id) DO UPDATE
SET external_id = excluded.external_id, name = excluded.name, address = excluded.address
RETURNING t.xmax
"""

_PARTIES = """
INSERT INTO party AS t (id, external_id, kind, name, account_id, email, phone)
SELECT s.id, s.external_id, lower(s.kind), s.body->>'name', r.found, s.body->>'email',
       s.body->>'phone'
FROM staged_record s LEFT JOIN staged_reference r ON r.seq = s.seq
WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id) DO UPDATE
SET external_id = excluded.external_id, name = excluded.name, account_id = excluded.account_id,
    email = excluded.email, phone = excluded.phone
RETURNING t.xmax
"""

_INVENTORIES = """
INSERT INTO product_inventory AS t (id, external_id, name, status, product_offering_id,
                                    product_specification_id, internal_version, location_id,
                                    account_id, consumer_id, characteristics)
SELECT s.id, s.external_id, s.body->>'name', s.body->>'status', r.offering, r.specification,
       r.version, r.place, r.account, r.consumer, nullif(s.body->'productCharacteristic', 'null')
FROM staged_record s
LEFT JOIN (
    SELECT seq, max(version) AS version,
           (array_agg(found) FILTER (WHERE member = 'productOffering'))[1] AS offering,
           (array_agg(found) FILTER (WHERE member = 'productSpecification'))[1] AS specification,
           (array_agg(found) FILTER (WHERE member = 'place'))[1] AS place,
           (array_agg(found) FILTER (WHERE member = 'account'))[1] AS account,
           (array_agg(found) FILTER (WHERE member = 'consumer'))[1] AS consumer
    FROM staged_reference GROUP BY seq
) r ON r.seq = s.seq
WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id) DO UPDATE
SET external_id = excluded.external_id, name = excluded.name, status = excluded.status,
    product_offering_id = excluded.product_offering_id,
    product_specification_id = excluded.product_specification_id,
    internal_version = excluded.internal_version, location_id = excluded.location_id,
    account_id = excluded.account_id, consumer_id = excluded.consumer_id,
    characteristics = excluded.characteristics
RETURNING t.xmax
"""

_CURRENCIES = """
INSERT INTO currency AS t (id, external_id, code, name, minor_units, active)
SELECT s.id, s.external_id, s.body->>'code', s.body->>'name', (s.body->>'minorUnits')::smallint,
       (s.body->>'active')::boolean
FROM staged_record s WHERE s.kind = $1 ORDER BY s.seq
ON CONFLICT (id) DO UPDATE
SET external_id = excluded.external_id, code = excluded.code, name = excluded.name,
    minor_units = excluded.minor_units, active = excluded.active
RETURNING t.xmax
"""

_UPSERTS = {
    "ProductOffering": _OFFERINGS,
    "ProductSpecification": _SPECIFICATIONS,
    "Channel": _CHANNELS,
    "Location": _LOCATIONS,
    "Account": _PARTIES,
    "Contact": _PARTIES,
    "Consumer": _PARTIES,
    "ProductInventory": _INVENTORIES,
    "Currency": _CURRENCIES,
}

# What a specification consists of, replaced; options follow their characteristic when it goes.
_PARTS = (
    """
    DELETE FROM specification_characteristic c
    USING staged_record s
    WHERE s.kind = 'ProductSpecification' AND c.product_specification_id = s.id
        AND c.internal_version = s.version
    """,
    """
    INSERT INTO specification_characteristic (id, external_id, product_specification_id,
        internal_version, position, name, value_type, mandatory)
    SELECT p.id, p.external_id, s.id, s.version, p.characteristic, p.name, p.value_type,
           p.mandatory
    FROM staged_part p JOIN staged_record s ON s.seq = p.seq WHERE p.option IS NULL
    """,
    """
    INSERT INTO characteristic_option (id, external_id, characteristic_id, position, value)
    SELECT o.id, o.external_id, c.id, o.option, o.value
    FROM staged_part o
    JOIN staged_part c
        ON c.seq = o.seq AND c.characteristic = o.characteristic AND c.option IS NULL
    WHERE o.option IS NOT NULL
    """,
    # Relationships hold for all versions of a specification: those of the versions in the file
    # together replace what there was, unless none of them has the member.
    """
    DELETE FROM specification_relationship t
    USING staged_record s
    WHERE s.kind = 'ProductSpecification' AND t.source_specification_id = s.id
        AND s.body->'productSpecificationRelationship' <> 'null'
        AND NOT EXISTS (
            SELECT FROM staged_record v JOIN staged_reference r ON r.seq = v.seq
            WHERE v.kind = 'ProductSpecification' AND v.id = s.id
                AND r.found = t.target_specification_id
                AND r.relationship_type = t.relationship_type)
    """,
    """
    INSERT INTO specification_relationship (id, source_specification_id,
        target_specification_id, relationship_type)
    SELECT r.fresh_id, s.id, r.found, r.relationship_type
    FROM staged_reference r JOIN staged_record s ON s.seq = r.seq
    WHERE r.relationship_type IS NOT NULL ORDER BY r.fresh_id
    ON CONFLICT (source_specification_id, target_specification_id, relationship_type)
    DO NOTHING
    """,
)


async def _store(connection: Connection, kind: str) -> Count:
    # A row that this statement inserted was never locked, so its xmax is 0.
    row = await connection.fetchrow(
        f"""
        WITH written AS ({_UPSERTS[kind]})
        SELECT count(*) FILTER (WHERE xmax = 0), count(*) FILTER (WHERE xmax <> 0) FROM written
        """,
        kind,
    )
    if kind == "ProductSpecification":
        for statement in _PARTS:
            await connection.execute(statement)
    return Count(*(row or (0, 0)))
