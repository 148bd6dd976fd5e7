"""The scratch tables of a load: what a file says, put beside what the database holds.

A file may hold a million records that refer to each other in any order. So they are gathered in
temporary tables as they are read, and everything that needs the whole file is asked of PostgreSQL,
a statement for each question: which id has a record, what do references name, what is there twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from ordering.catalog.document import (
    Currency,
    ProductOffering,
    ProductSpecification,
    Record,
    links,
)
from ordering.catalog.reading import Entry
from ordering.catalog.shape import ENCODER
from ordering.db.connection import Connection
from ordering.domain.ids import new_id, parse_id

__all__ = ["Stage"]

# `space` is where ids are unique. `lookup` names a record that has no id in the file.
_TABLES = (
    """
    CREATE TEMPORARY TABLE staged_record (
        seq integer, kind text, space text, line integer, pointer text,
        id uuid, fresh_id uuid, external_id text, lookup text, version integer, body jsonb
    ) ON COMMIT DROP
    """,
    """
    CREATE TEMPORARY TABLE staged_reference (
        seq integer, member text, target text, line integer, pointer text,
        id uuid, external_id text, version integer, relationship_type text, fresh_id uuid,
        found uuid
    ) ON COMMIT DROP
    """,
    # A characteristic, or with `option` an option of it.
    """
    CREATE TEMPORARY TABLE staged_part (
        seq integer, characteristic integer, option integer, line integer, pointer text,
        id uuid, fresh_id uuid, external_id text, name text, value_type text, mandatory boolean,
        value jsonb
    ) ON COMMIT DROP
    """,
    "CREATE TEMPORARY TABLE staged_name (kind text, id uuid, lookup text) ON COMMIT DROP",
    """
    CREATE TEMPORARY TABLE known_record (kind text, id uuid, lookup text, version integer)
    ON COMMIT DROP
    """,
)

_STAGE_RECORDS = """
INSERT INTO staged_record
SELECT seq, kind, space, line, pointer, id, fresh_id, external_id, lookup, version, body::jsonb
FROM unnest($1::integer[], $2::text[], $3::text[], $4::integer[], $5::text[], $6::uuid[],
            $7::uuid[], $8::text[], $9::text[], $10::integer[], $11::text[])
     AS r (seq, kind, space, line, pointer, id, fresh_id, external_id, lookup, version, body)
"""

_STAGE_REFERENCES = """
INSERT INTO staged_reference (seq, member, target, line, pointer, id, external_id, version,
                              relationship_type, fresh_id)
SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::integer[], $5::text[],
                     $6::uuid[], $7::text[], $8::integer[], $9::text[], $10::uuid[])
"""

_STAGE_PARTS = """
INSERT INTO staged_part
SELECT seq, characteristic, option, line, pointer, id, fresh_id, external_id, name, value_type,
       mandatory, value::jsonb
FROM unnest($1::integer[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::uuid[],
            $7::uuid[], $8::text[], $9::text[], $10::text[], $11::boolean[], $12::text[])
     AS r (seq, characteristic, option, line, pointer, id, fresh_id, external_id, name,
           value_type, mandatory, value)
"""

_NAME = """
INSERT INTO staged_name
SELECT kind, id, lookup FROM staged_record
UNION SELECT target, id, external_id FROM staged_reference
"""

# Two branches for each table, so that each is found by its index when the file is small.
_KNOW_VERSIONED = """
SELECT 'KIND', id, external_id, internal_version FROM TABLE
WHERE id IN (SELECT id FROM staged_name WHERE kind = 'KIND')
UNION
SELECT 'KIND', id, external_id, internal_version FROM TABLE
WHERE external_id IN (SELECT lookup FROM staged_name WHERE kind = 'KIND')
"""
_KNOW_SINGLE = """
SELECT 'KIND', id, LOOKUP, 0 FROM TABLE
WHERE id IN (SELECT id FROM staged_name WHERE kind = 'KIND')
UNION
SELECT 'KIND', id, LOOKUP, 0 FROM TABLE
WHERE LOOKUP IN (SELECT lookup FROM staged_name WHERE kind = 'KIND')
"""
_KNOW_PARTIES = """
SELECT initcap(p.kind), p.id, p.external_id, 0 FROM party p
WHERE p.id IN (SELECT id FROM staged_name WHERE kind IN ('Account', 'Contact', 'Consumer'))
UNION
SELECT initcap(p.kind), p.id, p.external_id, 0 FROM party p
JOIN staged_name n ON lower(n.kind) = p.kind AND n.lookup = p.external_id
"""


def _know(pattern: str, kind: str, table: str, lookup: str = "external_id") -> str:
    return pattern.replace("KIND", kind).replace("TABLE", table).replace("LOOKUP", lookup)


_KNOW = tuple(
    "INSERT INTO known_record " + query
    for query in (
        _know(_KNOW_VERSIONED, "ProductOffering", "product_offering"),
        _know(_KNOW_VERSIONED, "ProductSpecification", "product_specification"),
        _know(_KNOW_SINGLE, "Channel", "distribution_channel"),
        _know(_KNOW_SINGLE, "Location", "location"),
        _know(_KNOW_SINGLE, "ProductInventory", "product_inventory"),
        _know(_KNOW_SINGLE, "Currency", "currency", "code"),
        _KNOW_PARTIES,
    )
)

# What a record without id is called in the file with one, else in the database, else a new id.
_RESOLVE_RECORDS = """
UPDATE staged_record s SET id = r.id
FROM (
    SELECT f.kind, f.lookup, coalesce(f.given, k.id, f.fresh) AS id
    FROM (
        SELECT kind, lookup, (array_agg(fresh_id ORDER BY seq))[1] AS fresh,
               (array_agg(id ORDER BY seq) FILTER (WHERE id IS NOT NULL))[1] AS given
        FROM staged_record WHERE lookup IS NOT NULL GROUP BY kind, lookup
    ) f
    LEFT JOIN known_record k ON k.kind = f.kind AND k.lookup = f.lookup
) r
WHERE s.id IS NULL AND s.kind = r.kind AND s.lookup = r.lookup
"""

_RESOLVE_REFERENCES = (
    """
    UPDATE staged_reference r SET found = n.id
    FROM (SELECT kind, id FROM staged_record UNION SELECT kind, id FROM known_record) n
    WHERE r.target = n.kind AND r.id = n.id
    """,
    """
    UPDATE staged_reference r SET found = n.id
    FROM (SELECT kind, id, lookup FROM staged_record
          UNION SELECT kind, id, lookup FROM known_record) n
    WHERE r.target = n.kind AND r.external_id = n.lookup
    """,
)

# A characteristic or option that has no id keeps the one it has in the database, by its name or
# value: loading the same file again changes nothing.
_RESOLVE_PARTS = (
    """
    UPDATE staged_part p SET id = c.id
    FROM staged_record s
    JOIN specification_characteristic c
        ON c.product_specification_id = s.id AND c.internal_version = s.version
    WHERE s.kind = 'ProductSpecification' AND p.seq = s.seq AND p.option IS NULL
        AND p.id IS NULL AND p.name = c.name
    """,
    "UPDATE staged_part SET id = fresh_id WHERE id IS NULL AND option IS NULL",
    """
    UPDATE staged_part p SET id = o.id
    FROM staged_part c JOIN characteristic_option o ON o.characteristic_id = c.id
    WHERE c.option IS NULL AND p.seq = c.seq AND p.characteristic = c.characteristic
        AND p.option IS NOT NULL AND p.id IS NULL AND p.value = o.value
    """,
    "UPDATE staged_part SET id = fresh_id WHERE id IS NULL",
)


class Stage:
    """The scratch tables, in the transaction that is open on a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seq = 0
        #: The kinds of the records staged, by `@type`.
        self.kinds: set[str] = set()

    async def open(self) -> None:
        """Create the tables; the end of the transaction drops them."""
        for statement in _TABLES:
            await self._connection.execute(statement)

    async def add(self, entries: Sequence[Entry]) -> None:
        """Stage a batch of records, by one statement for each table."""
        records: list[Sequence[object]] = []
        references: list[Sequence[object]] = []
        parts: list[Sequence[object]] = []
        for entry in entries:
            self._seq += 1
            self.kinds.add(entry.kind.__name__)
            records.append(_record_row(self._seq, entry))
            references.extend(_reference_rows(self._seq, entry))
            if isinstance(entry.record, ProductSpecification):
                parts.extend(_part_rows(self._seq, entry, entry.record))
        await self._insert(_STAGE_RECORDS, records)
        await self._insert(_STAGE_REFERENCES, references)
        await self._insert(_STAGE_PARTS, parts)

    async def resolve(self) -> None:
        """Give every record its id, and find what the references name."""
        for table in ("staged_record", "staged_reference", "staged_part"):
            # Nothing else tells the planner how much is in a temporary table.
            await self._connection.execute("ANALYZE " + table)
        await self._connection.execute(_NAME)
        await self._connection.execute("ANALYZE staged_name")
        for statement in _KNOW:
            await self._connection.execute(statement)
        await self._connection.execute("ANALYZE known_record")
        for statement in (_RESOLVE_RECORDS, *_RESOLVE_REFERENCES, *_RESOLVE_PARTS):
            await self._connection.execute(statement)

    async def _insert(self, statement: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            await self._connection.execute(
                statement, *(list(column) for column in zip(*rows, strict=True))
            )


# Accounts, contacts and consumers share a table, hence their ids.
_SPACES: Mapping[str, str] = dict.fromkeys(("Account", "Contact", "Consumer"), "party")


def _record_row(seq: int, entry: Entry) -> tuple[object, ...]:
    kind = entry.kind.__name__
    return (
        seq,
        kind,
        _SPACES.get(kind, kind),
        entry.line,
        entry.pointer,
        _uuid(entry.id),
        new_id(),
        entry.external_id,
        entry.record.code if isinstance(entry.record, Currency) else entry.external_id,
        _version(seq, entry.record),
        ENCODER.encode(entry.record).decode() if entry.record is not None else None,
    )


def _version(seq: int, record: Record | None) -> int:
    """Tell the version; kinds without versions have one, and a wrong record equals no other."""
    if record is None:
        return -seq
    if isinstance(record, ProductOffering | ProductSpecification):
        return record.internal_version
    return 0


def _uuid(text: str | None) -> UUID | None:
    return parse_id(text) if text is not None else None


def _reference_rows(seq: int, entry: Entry) -> Iterator[tuple[object, ...]]:
    for link in links(entry.record) if entry.record is not None else ():
        relationship_type: str | None = getattr(link.reference, "relationship_type", None)
        version: int | None = getattr(link.reference, "internal_version", None)
        yield (
            seq,
            link.member,
            link.target.__name__,
            entry.line_of(link.pointer),
            entry.pointer + link.pointer,
            _uuid(link.reference.id),
            link.reference.external_id,
            version,
            relationship_type,
            new_id() if relationship_type is not None else None,
        )


def _part_rows(
    seq: int, entry: Entry, record: ProductSpecification
) -> Iterator[tuple[object, ...]]:
    def place(pointer: str) -> tuple[int | None, str]:
        return entry.line_of(pointer), entry.pointer + pointer

    for index, one in enumerate(record.product_spec_characteristic or ()):
        at = f"/productSpecCharacteristic/{index}"
        names = (_uuid(one.id), new_id(), one.external_id)
        content = (one.name, one.value_type, one.mandatory, None)
        yield (seq, index, None, *place(at), *names, *content)
        for number, option in enumerate(one.characteristic_value_specification or ()):
            at_option = f"{at}/characteristicValueSpecification/{number}"
            names = (_uuid(option.id), new_id(), option.external_id)
            value = ENCODER.encode(option.value).decode()
            yield (seq, index, number, *place(at_option), *names, None, None, None, value)
