"""The demo catalog holds what the published examples name, so that they can be ordered."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from ordering.catalog.lookups import find_references
from ordering.catalog.snapshot import read_catalog
from ordering.db.engine import Database
from ordering.domain.decode import decode_order
from ordering.domain.draft import OrderDraft
from ordering.domain.errors import Problem
from ordering.domain.references import References
from ordering.domain.rules import references as reference_rules
from ordering.domain.rules import relationships
from ordering.domain.rules.characteristics import work_notes

PUBLISHED = Path(__file__).parents[2] / "contract" / "published"
DEMO = Path(__file__).parents[3] / "app" / "ordering_app" / "demo"
ORDERS = {
    "sync": "post-order-productOrder-sync-request.json",
    "async": "post-order-productOrder-async-request.json",
}

#: Ids of orders, and of the contacts of a line, which are rows of an order.
NOT_REFERENCE_DATA = {
    "8d75939453126010a795ddeeff7b126a": "order",
    "6be0a925c3a220103e2e73ce3640ddfe": "order",
    "163ee2805358811032a4ddeeff7b122d": "order",
    "304e877ac3ab5110856d73ce3640dde5": "order",
    "64a9607feb45301032a442871352285b": "order",
    "4175939453126010a795ddeeff7b127d": "contact of a line",
    "c175939453126010a795ddeeff7b127c": "contact of a line",
    "51670151c35420105252716b7d40ddfe": "contact of a line",
}

WITH_IDS = ("product_offering", "product_specification", "location", "party", "product_inventory")


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Find every object of a payload."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        yield members
        for member in members.values():
            yield from objects(member)
    elif isinstance(value, list):
        for element in cast("list[Any]", value):
            yield from objects(element)


def published() -> list[Any]:
    paths = sorted(PUBLISHED.glob("*.json"))
    assert len(paths) == 16
    return [json.loads(path.read_text()) for path in paths]


async def found(demo_database: Database, body: bytes) -> tuple[Any, References]:
    draft, problems = decode_order(body)
    assert problems == []
    async with demo_database.acquire() as connection:
        catalog = await read_catalog(connection)
        return draft, await find_references(connection, catalog, [draft])


def _misplaced(draft: OrderDraft, found: References) -> list[Problem]:
    """List what the rules find about what a draft points at."""
    stated = relationships.parents(draft)
    return list(reference_rules.check(draft, stated, found, allow_version_update=False))


async def test_every_published_id_is_in_the_demo_catalog(demo_database: Database) -> None:
    text = "".join(path.read_text() for path in PUBLISHED.glob("*.json"))
    named = set(re.findall(r"\b[0-9a-f]{32}\b", text))
    stored: set[str] = set()
    async with demo_database.acquire() as connection:
        for table in WITH_IDS:
            rows = await connection.fetch(f"SELECT id FROM {table}")
            stored.update(row["id"].hex for row in rows)
    assert named - stored == set(NOT_REFERENCE_DATA)


async def test_published_names_are_those_of_the_catalog(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        catalog = await read_catalog(connection)
        rows = await connection.fetch("SELECT id, name FROM party")
    names = {row["id"].hex: row["name"] for row in rows}
    for sequence in (*catalog.offerings.values(), *catalog.specifications.values()):
        names.update((one.id.hex, one.name) for one in sequence)
    checked = {
        one["id"]
        for payload in published()
        for one in objects(payload)
        if one.get("id") in names and names[one["id"]] == one.get("name", names[one["id"]])
    }
    assert len(checked) == 8
    assert (catalog.channels["1"], catalog.channels["2"]) == ("Agent Assist", "Online channel")


async def test_published_values_are_options(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        catalog = await read_catalog(connection)
    for payload in published():
        for product in objects(payload):
            ref = product.get("productSpecification", {})
            for sent in product.get("productCharacteristic", ()):
                (specification,) = catalog.specifications[ref["id"]]
                known = specification.characteristics[sent["name"]]
                assert known.value_type == "Choice"
                assert sent["value"] in known.options
                assert sent.get("previousValue") in {None, "", *known.options}


@pytest.mark.parametrize("name", ORDERS)
async def test_the_demo_orders_are_the_published_ones_and_pass(
    demo_database: Database, name: str
) -> None:
    body = (DEMO / "orders" / f"{name}.json").read_bytes()
    assert body == (PUBLISHED / ORDERS[name]).read_bytes()
    draft, references = await found(demo_database, body)
    assert _misplaced(draft, references) == []
    assert list(work_notes(draft, references.catalog, validate_values=True)) == []
    assert references.catalog.currencies[draft.order_currency or draft.currency_code]


async def test_the_deprecated_example_passes(demo_database: Database) -> None:
    body = (PUBLISHED / "post-productorder-request.json").read_bytes()
    draft, references = await found(demo_database, body)
    assert _misplaced(draft, references) == []
    assert list(work_notes(draft, references.catalog, validate_values=True)) == []


async def test_what_orders_may_be_refused_for_is_there_too(demo_database: Database) -> None:
    async with demo_database.acquire() as connection:
        catalog = await read_catalog(connection)
        rows = await connection.fetch("SELECT status, count(*) FROM product_inventory GROUP BY 1")
    statuses = {one.status for offerings in catalog.offerings.values() for one in offerings}
    assert statuses == {"published", "draft", "retired"}
    assert {row[0]: row[1] for row in rows} == {"active": 4, "inactive": 1, "suspended": 1}
    assert {code for code, active in catalog.currencies.items() if not active} == {"DEM"}
