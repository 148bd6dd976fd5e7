"""Loading catalog files into PostgreSQL: all or nothing, by id or external id, over and over."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from ordering.catalog.document import KINDS
from ordering.catalog.loading import Count, LoadSummary, load_file
from ordering.catalog.snapshot import read_catalog
from ordering.db.connection import Connection
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.domain.errors import RetryableError
from support.catalog_files import A, B, C, choice, everything, load, problems, specification

PAGE = Path(__file__).parents[3] / "docs" / "catalog-format.md"


async def column(database: Database, query: str) -> list[Any]:
    async with database.acquire() as connection:
        return [row[0] for row in await connection.fetch(query)]


# -- the page --------------------------------------------------------------------------------------
async def test_the_examples_of_the_page_load_in_their_order(
    database: Database, tmp_path: Path
) -> None:
    blocks = re.findall(r"```(yaml|json|ndjson)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    loaded: set[str] = set()
    for number, (ending, text) in enumerate(blocks):
        path = tmp_path / f"{number}.{ending}"
        path.write_text(text)
        loaded |= set((await load_file(database, path)).kinds)
    assert loaded == set(KINDS)
    before = await everything(database)
    for number, (ending, _) in enumerate(blocks):
        await load_file(database, tmp_path / f"{number}.{ending}")
    after = await everything(database)
    (old,), (new,) = before.pop("catalog_revision"), after.pop("catalog_revision")
    assert (after, new["revision"]) == (before, old["revision"] + len(blocks))


# -- rows ------------------------------------------------------------------------------------------
EVERY_MEMBER = f"""\
productInventory:
  - id: {A}
    externalId: i
    name: I
    status: change_pending
    productOffering: {{externalId: o}}
    productSpecification: {{externalId: s, internalVersion: 7}}
    place: {{id: {B}}}
    account: {{externalId: a}}
    consumer: {{id: {C}}}
    productCharacteristic: [{{name: c, value: 1.50, valueType: Decimal}}]
productOffering:
  - {{externalId: o, name: O, lifecycleStatus: draft, version: v2, internalVersion: 2,
     productSpecification: {{externalId: s}}}}
productSpecification:
  - externalId: s
    name: S
    lifecycleStatus: retired
    version: v7
    internalVersion: 7
    productSpecCharacteristic:
      - id: {A}
        externalId: c
        name: c
        valueType: choICE
        mandatory: true
        characteristicValueSpecification: [{{id: {B}, externalId: o, value: {{x: 1.50}}}}]
channel: [{{id: {A}, name: Ch}}]
location: [{{id: {B}, externalId: l, name: L, address: {{no: "007"}}}}]
account: [{{externalId: a, name: Ac, email: e, phone: "1"}}]
contact: [{{externalId: a, name: Co, account: {{externalId: a}}}}]
consumer: [{{id: {C}, externalId: a, name: Cs}}]
currency: [{{externalId: x, code: KWD, name: Dinar, minorUnits: 3, active: false}}]
"""


async def stored(database: Database, folder: Path) -> dict[str, list[dict[str, Any]]]:
    path = folder / "all.yaml"
    path.write_text(EVERY_MEMBER)
    summary = await load_file(database, path)
    assert summary == LoadSummary(1, dict.fromkeys(KINDS, Count(1, 0)))
    return await everything(database)


async def test_every_member_is_stored(database: Database, tmp_path: Path) -> None:
    rows = await stored(database, tmp_path)
    (o,), (s,), (i,) = (
        rows["product_offering"],
        rows["product_specification"],
        rows["product_inventory"],
    )
    assert o["product_specification_id"] == s["id"]
    assert (o["status"], o["version"], o["internal_version"]) == ("draft", "v2", 2)
    assert (s["status"], s["version"], s["internal_version"]) == ("retired", "v7", 7)
    party = {row["kind"]: row for row in rows["party"]}
    assert party["contact"]["account_id"] == party["account"]["id"]
    assert (party["account"]["email"], party["account"]["phone"]) == ("e", "1")
    assert (party["consumer"]["id"].hex, party["consumer"]["external_id"]) == (C, "a")
    assert (i["id"].hex, i["external_id"], i["name"], i["status"]) == (
        A,
        "i",
        "I",
        "change_pending",
    )
    assert (i["product_offering_id"], i["product_specification_id"]) == (o["id"], s["id"])
    assert (i["internal_version"], i["location_id"].hex, i["consumer_id"].hex) == (7, B, C)
    assert i["account_id"] == party["account"]["id"]
    assert "1.50" in i["characteristics"]
    (location,), (channel,) = rows["location"], rows["distribution_channel"]
    assert (location["name"], location["address"]) == ("L", '{"no": "007"}')
    assert (channel["id"].hex, channel["external_id"], channel["name"]) == (A, None, "Ch")
    (currency,) = rows["currency"]
    assert (currency["external_id"], currency["code"], currency["name"]) == ("x", "KWD", "Dinar")
    assert (currency["minor_units"], currency["active"]) == (3, False)


async def test_every_member_of_a_characteristic_is_stored(
    database: Database, tmp_path: Path
) -> None:
    rows = await stored(database, tmp_path)
    (characteristic,), (option,) = (
        rows["specification_characteristic"],
        rows["characteristic_option"],
    )
    assert characteristic | {"product_specification_id": None} == {
        "id": characteristic["id"],
        "external_id": "c",
        "product_specification_id": None,
        "internal_version": 7,
        "position": 0,
        "name": "c",
        "value_type": "choICE",
        "mandatory": True,
    }
    assert (characteristic["id"].hex, option["id"].hex, option["external_id"]) == (A, B, "o")
    assert (option["characteristic_id"], option["value"]) == (characteristic["id"], '{"x": 1.50}')


async def test_a_record_replaces_the_one_with_its_name(database: Database, tmp_path: Path) -> None:
    first = await load(
        database,
        tmp_path,
        {
            "location": [{"externalId": "a", "name": "A", "address": {"x": 1}}, {"id": B}],
            "currency": [{"code": "DEM", "active": False, "minorUnits": 0}],
        },
    )
    assert first.kinds == {"Location": Count(2, 0), "Currency": Count(1, 0)}
    (identity,) = await column(database, "SELECT id FROM location WHERE external_id = 'a'")
    second = await load(
        database,
        tmp_path,
        {
            "location": [
                {"externalId": "a", "name": None},
                {"id": B, "externalId": "b"},
                {"id": C},
            ],
            "currency": [{"code": "DEM"}],
        },
    )
    assert second.kinds == {"Location": Count(1, 2), "Currency": Count(0, 1)}
    rows = await everything(database)
    found = {
        row["external_id"]: (row["id"], row["name"], row["address"]) for row in rows["location"]
    }
    assert found["a"] == (identity, None, None)
    assert found["b"][0].hex == B
    (currency,) = rows["currency"]
    assert (currency["active"], currency["minor_units"]) == (True, 2)
    # An id can take another name, and lose it.
    await load(database, tmp_path, {"location": [{"id": identity.hex, "externalId": "z"}]})
    assert await column(database, "SELECT id FROM location WHERE external_id = 'z'") == [identity]


async def test_versions_share_their_id(database: Database, tmp_path: Path) -> None:
    for _ in range(2):
        await load(
            database,
            tmp_path,
            {
                "productOffering": [
                    {
                        "externalId": "o",
                        "name": "O2",
                        "lifecycleStatus": "draft",
                        "internalVersion": 2,
                    },
                    {"id": A, "externalId": "o", "name": "O1", "lifecycleStatus": "published"},
                ],
                "productSpecification": [
                    specification(internalVersion=1),
                    specification(internalVersion=2),
                ],
            },
        )
    await load(
        database,
        tmp_path,
        {"productOffering": [{"externalId": "o", "name": "O3", "lifecycleStatus": "draft"}]},
    )
    async with database.acquire() as connection:
        catalog = await read_catalog(connection)
    assert [(one.id.hex, one.name) for one in catalog.offerings["o"]] == [(A, "O3"), (A, "O2")]
    first, second = catalog.specifications["s"]
    assert first.id == second.id


async def test_characteristics_are_replaced_and_keep_their_ids(
    database: Database, tmp_path: Path
) -> None:
    async def names() -> dict[str, Any]:
        rows = await everything(database)
        options = {row["value"]: row["id"] for row in rows["characteristic_option"]}
        return {row["name"]: row["id"] for row in rows["specification_characteristic"]} | options

    old = specification(
        internalVersion=1, productSpecCharacteristic=[choice("a", "x", "y"), choice("b", 1)]
    )
    other = specification(internalVersion=2, productSpecCharacteristic=[choice("other", "o")])
    await load(database, tmp_path, {"productSpecification": [old, other]})
    before = await names()
    assert set(before) == {"a", "b", "other", '"x"', '"y"', "1", '"o"'}
    changed = specification(
        internalVersion=1, productSpecCharacteristic=[choice("c"), choice("a", "z", "x")]
    )
    await load(database, tmp_path, {"productSpecification": [changed]})
    after = await names()
    assert set(after) == {"a", "c", "other", '"x"', '"z"', '"o"'}
    assert {name: after[name] for name in before if name in after} == {
        name: before[name] for name in before if name in after
    }
    async with database.acquire() as connection:
        catalog = await read_catalog(connection)
    known = catalog.specifications["s"][0].characteristics
    assert list(known) == ["c", "a"]
    assert known["a"].options == ("z", "x")


async def test_relationships_hold_for_all_versions(database: Database, tmp_path: Path) -> None:
    def related(*names: str, version: int) -> dict[str, Any]:
        targets = [{"externalId": name, "relationshipType": "HasChild"} for name in names]
        return specification(internalVersion=version, productSpecificationRelationship=targets)

    async def children() -> list[str]:
        return await column(
            database,
            """SELECT t.external_id FROM specification_relationship r
               JOIN product_specification t ON t.id = r.target_specification_id ORDER BY 1""",
        )

    targets = [specification(externalId=name) for name in "abc"]
    versions = [related("a", "b", version=1), related("b", "c", version=2)]
    await load(database, tmp_path, {"productSpecification": [*targets, *versions]})
    assert await children() == ["a", "b", "c"]
    await load(database, tmp_path, {"productSpecification": [specification(internalVersion=3)]})
    assert await children() == ["a", "b", "c"]
    await load(database, tmp_path, {"productSpecification": [related("c", version=3)]})
    assert await children() == ["c"]
    await load(database, tmp_path, {"productSpecification": [related(version=1)]})
    assert await children() == []


# -- the transaction -------------------------------------------------------------------------------
async def test_progress_is_told_in_bytes(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "many.ndjson"
    line = '{{"@type": "Channel", "externalId": "{:04}", "name": "x"}}\n'
    path.write_text("".join(line.format(number) for number in range(2_500)))
    told: list[tuple[int, int]] = []
    summary = await load_file(database, path, lambda done, total: told.append((done, total)))
    size = path.stat().st_size
    assert told == [(size // 5 * 2, size), (size // 5 * 4, size), (size, size)]
    assert summary.kinds == {"Channel": Count(2_500, 0)}


async def test_a_load_is_announced_when_it_is_committed(database: Database, tmp_path: Path) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()

    def listen(_connection: object, _pid: int, _channel: str, payload: str) -> None:
        heard.put_nowait(payload)

    async with database.acquire() as connection:
        listener = cast("Any", connection)
        await listener.add_listener("catalog_changed", listen)
        summary = await load(database, tmp_path, {"currency": [{"code": "USD"}]})
        assert await asyncio.wait_for(heard.get(), 10) == str(summary.revision)
        await problems(database, tmp_path, {"currency": [{"code": "usd"}]})
        await load(database, tmp_path, {"currency": [{"code": "USD"}]})
        assert await asyncio.wait_for(heard.get(), 10) == str(summary.revision + 1)
        await listener.remove_listener("catalog_changed", listen)


async def test_loads_follow_each_other(database: Database, tmp_path: Path) -> None:
    lists = [{"location": [{"externalId": "same", "name": str(number)}]} for number in range(4)]
    summaries = await asyncio.gather(*(load(database, tmp_path, one) for one in lists))
    assert sorted(one.revision for one in summaries) == [1, 2, 3, 4]
    assert sorted(one.kinds["Location"].created for one in summaries) == [0, 0, 0, 1]


async def test_a_load_that_waits_too_long_may_be_repeated(
    database: Database, tmp_path: Path
) -> None:
    class Impatient:
        @asynccontextmanager
        async def transaction(self) -> AsyncGenerator[Connection]:
            async with database.transaction() as connection:
                await connection.execute("SET LOCAL lock_timeout = '50ms'")
                yield connection

    impatient = cast("Database", Impatient())
    async with database.transaction() as connection:
        await connection.execute("UPDATE catalog_revision SET revision = revision")
        with pytest.raises(RetryableError, match="Another catalog load is not finished"):
            await load(impatient, tmp_path, {"currency": [{"code": "USD"}]})
    assert (await load(impatient, tmp_path, {"currency": [{"code": "USD"}]})).revision == 1


@pytest.mark.parametrize("fails_at", [1, 2, 5, 9, 14, 20])
async def test_a_load_that_breaks_changes_nothing(
    database: Database, tmp_path: Path, fails_at: int
) -> None:
    await load(database, tmp_path, {"location": [{"externalId": "a", "name": "before"}]})
    before = await everything(database)

    class Failing:
        """A connection whose n-th command fails as if the server had gone away."""

        def __init__(self, connection: Connection) -> None:
            self._connection = connection
            self._left = fails_at

        def __getattr__(self, name: str) -> Any:
            method = getattr(self._connection, name)

            async def run(*args: Any) -> Any:
                self._left -= 1
                if self._left == 0:
                    raise asyncpg.ConnectionDoesNotExistError("gone")
                return await method(*args)

            return run

    class Broken:
        @asynccontextmanager
        async def transaction(self) -> AsyncGenerator[Connection]:
            async with database.transaction() as connection:
                yield cast("Connection", Failing(connection))

    with pytest.raises(asyncpg.ConnectionDoesNotExistError):
        await load(
            cast("Database", Broken()),
            tmp_path,
            {"location": [{"externalId": "a", "name": "after"}], "currency": [{"code": "USD"}]},
        )
    assert await everything(database) == before
