"""What must hold among the records of a file, and between them and the database."""

from pathlib import Path

import msgspec
import pytest

from ordering.catalog.loading import CatalogError, load_file
from ordering.db.engine import Database
from support.catalog_files import A, B, C, choice, load, problems, specification


async def test_dangling_references_are_refused(database: Database, tmp_path: Path) -> None:
    await load(database, tmp_path, {"location": [{"externalId": "known"}]})
    inventory = {
        "externalId": "i",
        "status": "active",
        "productOffering": {"id": A},
        "productSpecification": {"externalId": "s", "internalVersion": 2},
        "place": {"externalId": "known"},
        "account": {"externalId": "wrong"},
        "consumer": {"externalId": "known"},
    }
    child = {"externalId": "t", "relationshipType": "HasChild"}
    itself = {"externalId": "s", "relationshipType": "Requires"}
    assert await problems(
        database,
        tmp_path,
        {
            "productInventory": [inventory],
            # Wrong in itself, so it is not reported as missing.
            "account": [{"externalId": "wrong"}],
            "productSpecification": [
                specification(productSpecificationRelationship=[child, itself])
            ],
        },
    ) == [
        "/account/0/name: Missing member",
        f"/productInventory/0/productOffering: There is no ProductOffering {A}",
        "/productInventory/0/consumer: There is no Consumer known",
        (
            "/productSpecification/0/productSpecificationRelationship/0:"
            " There is no ProductSpecification t"
        ),
        (
            "/productInventory/0/productSpecification: There is no internalVersion 2 of this"
            " ProductSpecification"
        ),
        (
            "/productSpecification/0/productSpecificationRelationship/1: A specification cannot"
            " relate to itself"
        ),
    ]


async def test_what_is_given_twice_is_refused(database: Database, tmp_path: Path) -> None:
    characteristics = [choice("a", id=A), choice("b", id=A)]
    assert await problems(
        database,
        tmp_path,
        {
            "location": [
                {"id": A, "externalId": "a"},
                {"id": A},
                {"externalId": "a"},
                {"id": B, "externalId": "a"},
            ],
            "account": [{"id": C, "name": "x"}],
            "consumer": [{"id": C, "name": "x"}],
            "currency": [{"code": "USD"}, {"code": "USD"}],
            "productSpecification": [
                specification(internalVersion=1, productSpecCharacteristic=characteristics),
                specification(internalVersion=1),
            ],
        },
    ) == [
        "/location/1: The same record is also at /location/0",
        "/location/2: The same record is also at /location/0",
        "/consumer/0: The same record is also at /account/0",
        "/currency/1: The same record is also at /currency/0",
        "/productSpecification/1: The same record is also at /productSpecification/0",
        "/location/3: a names another record at /location/0",
        (
            "/productSpecification/0/productSpecCharacteristic/1: The same id is also at"
            " /productSpecification/0/productSpecCharacteristic/0"
        ),
    ]
    lines = tmp_path / "twice.ndjson"
    lines.write_text('{"@type": "Location", "externalId": "a"}\n' * 2)
    with pytest.raises(CatalogError, match=r"2: The same record is also in line 1$"):
        await load_file(database, lines)


async def test_names_of_stored_records_are_not_taken(database: Database, tmp_path: Path) -> None:
    option = {"id": B, "value": 1}
    stored = choice("a", id=A) | {"characteristicValueSpecification": [option]}
    await load(
        database,
        tmp_path,
        {
            "location": [{"id": A, "externalId": "a"}, {"id": B, "externalId": "b"}],
            "account": [{"id": A, "name": "x"}],
            "currency": [{"id": A, "code": "USD"}],
            "productSpecification": [specification(productSpecCharacteristic=[stored])],
        },
    )
    taken = choice("c") | {"characteristicValueSpecification": [option]}
    other = specification(externalId="t", productSpecCharacteristic=[choice("a", id=A), taken])
    at = "/productSpecification/0/productSpecCharacteristic"
    assert await problems(
        database,
        tmp_path,
        {
            # Not even swapped.
            "location": [{"id": A, "externalId": "b"}, {"id": B, "externalId": "a"}],
            "contact": [{"id": A, "name": "x"}],
            "currency": [{"id": B, "code": "USD"}],
            "productSpecification": [other],
        },
    ) == [
        "/location/0: b already names another record",
        "/location/1: a already names another record",
        "/currency/0: USD already names another record",
        "/contact/0: The id is that of a record of the kind Account",
        f"{at}/0: The id belongs to another version or specification",
        (
            f"{at}/1/characteristicValueSpecification/0: The id belongs to another version or"
            " specification"
        ),
    ]


async def test_problems_of_the_whole_file_are_counted(database: Database, tmp_path: Path) -> None:
    wrong = [
        {"externalId": str(number), "name": "x", "account": {"externalId": "none"}}
        for number in range(600)
    ]
    path = tmp_path / "many.json"
    path.write_bytes(msgspec.json.encode({"contact": wrong}))
    with pytest.raises(CatalogError) as caught:
        await load_file(database, path)
    assert (len(caught.value.findings), caught.value.total) == (500, 600)
    assert str(caught.value).endswith("\nand 100 more")


async def test_a_broken_line_hides_what_else_is_missing(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "broken.ndjson"
    contact = '{"@type": "Contact", "externalId": "c", "name": "C", "account": {"externalId": "a"}}'
    path.write_text(f'{contact}\n{{"@type": "Account", "externalId": "a\n')
    with pytest.raises(CatalogError) as caught:
        await load_file(database, path)
    assert [finding.line for finding in caught.value.findings] == [2]
