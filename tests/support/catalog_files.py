"""Writing, reading and loading catalog files."""

from itertools import count
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from ordering.catalog.document import Record
from ordering.catalog.findings import CatalogError, Findings
from ordering.catalog.loading import LoadSummary, load_file
from ordering.catalog.reading import Entry, read_entries
from ordering.db.engine import Database

A, B, C = (letter * 32 for letter in "abc")


def read(folder: Path, name: str, content: str | bytes) -> tuple[list[Entry], list[str]]:
    """Write a file and read it; problems are shown without the file's name."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_path(path)


def read_path(path: Path) -> tuple[list[Entry], list[str]]:
    """Read a file."""
    findings = Findings("")
    entries = list(read_entries(path, findings))
    try:
        findings.raise_any()
    except CatalogError as error:
        return entries, [finding.show() for finding in error.findings]
    return entries, []


def records(folder: Path, name: str, content: str | bytes) -> list[Record | None]:
    """Write a file, and read its records; there must be no problem."""
    entries, problems = read(folder, name, content)
    assert problems == []
    return [entry.record for entry in entries]


TABLES = (
    "product_offering",
    "product_specification",
    "specification_characteristic",
    "characteristic_option",
    "specification_relationship",
    "distribution_channel",
    "location",
    "party",
    "product_inventory",
    "currency",
)

_numbers = count()


async def load(database: Database, folder: Path, lists: dict[str, Any]) -> LoadSummary:
    """Load the lists as a JSON file."""
    path = folder / f"{next(_numbers)}.json"
    path.write_bytes(msgspec.json.encode(lists))
    return await load_file(database, path)


async def problems(database: Database, folder: Path, lists: dict[str, Any]) -> list[str]:
    """Load the lists, and show what is wrong with them; nothing may have changed."""
    before = await everything(database)
    with pytest.raises(CatalogError) as caught:
        await load(database, folder, lists)
    assert await everything(database) == before
    return [f"{finding.pointer}: {finding.message}" for finding in caught.value.findings]


async def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Read all rows of the reference data, and the revision."""
    async with database.acquire() as connection:
        return {
            table: [
                dict(cast("Any", row).items())
                for row in await connection.fetch(f"SELECT * FROM {table} ORDER BY id")
            ]
            for table in (*TABLES, "catalog_revision")
        }


def specification(**members: Any) -> dict[str, Any]:
    """Make a specification record."""
    return {"externalId": "s", "name": "S", "lifecycleStatus": "published", **members}


def choice(name: str, *values: object, **members: Any) -> dict[str, Any]:
    """Make a characteristic with options."""
    options = [{"value": value} for value in values]
    return {
        "name": name,
        "valueType": "Choice",
        "characteristicValueSpecification": options,
        **members,
    }
