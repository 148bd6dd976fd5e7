"""What must hold among the records of a file, and between them and the database.

Each question is one statement over the scratch tables (`ordering.catalog.staging`).
"""

from typing import NamedTuple

from ordering.catalog.findings import Findings
from ordering.db.connection import Connection
from ordering.domain.wording import MOST_SHOWN

__all__ = ["find_inconsistencies"]


class _Check(NamedTuple):
    """A statement that finds what is wrong, where, and what the message names.

    `first_line` and `first_pointer` tell where the other record stands that it collides with.
    """

    message: str
    query: str


_CHECKS = (
    _Check(
        "The same record is also {place}",
        """
        SELECT line, pointer, first_line, first_pointer, NULL AS subject
        FROM (
            SELECT seq, line, pointer, row_number() OVER same AS n,
                   first_value(line) OVER same AS first_line,
                   first_value(pointer) OVER same AS first_pointer
            FROM staged_record WHERE id IS NOT NULL
            WINDOW same AS (PARTITION BY space, id, version ORDER BY seq)
        ) d WHERE n > 1 ORDER BY seq
        """,
    ),
    _Check(
        "{subject} names another record {place}",
        """
        SELECT line, pointer, first_line, first_pointer, lookup AS subject
        FROM (
            SELECT seq, line, pointer, lookup, id, first_value(id) OVER same AS first_id,
                   first_value(line) OVER same AS first_line,
                   first_value(pointer) OVER same AS first_pointer
            FROM staged_record WHERE lookup IS NOT NULL
            WINDOW same AS (PARTITION BY kind, lookup ORDER BY seq)
        ) d WHERE id <> first_id ORDER BY seq
        """,
    ),
    # Also where that record gets another name by the same file: PostgreSQL checks a unique index
    # row by row, so names cannot be swapped within a statement.
    _Check(
        "{subject} already names another record",
        """
        SELECT DISTINCT s.seq, s.line, s.pointer, s.lookup AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_record s JOIN known_record k ON k.kind = s.kind AND k.lookup = s.lookup
        WHERE k.id <> s.id ORDER BY s.seq
        """,
    ),
    _Check(
        "The id is that of a record of the kind {subject}",
        """
        SELECT s.line, s.pointer, k.kind AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_record s JOIN known_record k ON k.id = s.id
        WHERE s.space = 'party' AND k.kind IN ('Account', 'Contact', 'Consumer')
            AND k.kind <> s.kind
        ORDER BY s.seq
        """,
    ),
    _Check(
        "There is no {subject}",
        """
        SELECT line, pointer,
               target || ' ' || coalesce(external_id, replace(id::text, '-', '')) AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_reference WHERE found IS NULL ORDER BY seq
        """,
    ),
    _Check(
        "There is no internalVersion {subject} of this ProductSpecification",
        """
        SELECT r.line, r.pointer, r.version AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_reference r
        WHERE r.found IS NOT NULL AND r.version IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM known_record k
                WHERE k.kind = r.target AND k.id = r.found AND k.version = r.version)
            AND NOT EXISTS (
                SELECT FROM staged_record s
                WHERE s.kind = r.target AND s.id = r.found
                    AND (s.version = r.version OR s.version < 0))
        ORDER BY r.seq
        """,
    ),
    _Check(
        "A specification cannot relate to itself",
        """
        SELECT r.line, r.pointer, NULL AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_reference r JOIN staged_record s ON s.seq = r.seq AND s.id = r.found
        WHERE r.relationship_type IS NOT NULL ORDER BY r.seq
        """,
    ),
    _Check(
        "The same id is also {place}",
        """
        SELECT line, pointer, first_line, first_pointer, NULL AS subject
        FROM (
            SELECT seq, line, pointer, row_number() OVER same AS n,
                   first_value(line) OVER same AS first_line,
                   first_value(pointer) OVER same AS first_pointer
            FROM staged_part
            WINDOW same AS (PARTITION BY option IS NULL, id
                            ORDER BY seq, characteristic, option)
        ) d WHERE n > 1 ORDER BY seq
        """,
    ),
    _Check(
        "The id belongs to another version or specification",
        """
        SELECT p.line, p.pointer, NULL AS subject,
               NULL::integer AS first_line, NULL AS first_pointer
        FROM staged_part p
        LEFT JOIN characteristic_option o ON p.option IS NOT NULL AND o.id = p.id
        JOIN specification_characteristic c
            ON c.id = CASE WHEN p.option IS NULL THEN p.id ELSE o.characteristic_id END
        WHERE NOT EXISTS (
            SELECT FROM staged_record s
            WHERE s.kind = 'ProductSpecification' AND s.id = c.product_specification_id
                AND s.version = c.internal_version)
        ORDER BY p.seq
        """,
    ),
)


async def find_inconsistencies(connection: Connection, findings: Findings) -> None:
    """Ask every question; the answers go to `findings`."""
    for check in _CHECKS:
        rows = await connection.fetch(
            f"SELECT *, count(*) OVER () AS total FROM ({check.query}) found LIMIT {MOST_SHOWN}"
        )
        for row in rows:
            place = _place(row["first_line"], row["first_pointer"])
            message = check.message.format(subject=row["subject"], place=place)
            findings.note(message, row["pointer"], row["line"])
        if rows:
            findings.count(rows[0]["total"] - len(rows))


def _place(line: int | None, pointer: str | None) -> str:
    return f"in line {line}" if line is not None else f"at {pointer}"
