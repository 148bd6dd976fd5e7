"""Problems of records: all of them, each with its place."""

from pathlib import Path

import pytest

from ordering.catalog.document import VALUE_TYPES, ProductInventory
from support.catalog_files import read

ID = "25ab9c4d0a0a0bb300f7dabdc0ca7c1c"
TOO_LONG = "Expected a number of at most 300 digits before and after the point"
LISTS = (
    "Expected one of productOffering, productSpecification, channel, location, account, contact,"
    " consumer, productInventory, currency"
)


def test_every_problem_of_a_yaml_file_is_told_with_its_line(tmp_path: Path) -> None:
    text = """\
location:
  - externalId: x
    nme: 5
    name: null
    address: {a: [1, {c: 1e999}]}
  - name: z
  - 5
  -
channel:
  - externalId: 1
    name: a
  - externalId: "2"
    externalId: "3"
    name: ""
    "@type": Location
currency:
  - code: usd
    minorUnits: 7
    active: null
unknown: []
contact: 7
contact: []
"""
    entries, problems = read(tmp_path, "a.yaml", text)
    assert problems == [
        ":3: /location/0/nme: Unknown member",
        f":5: /location/0/address/a/1/c: {TOO_LONG}",
        ":6: /location/1: Expected an id or an externalId",
        ":7: /location/2: Expected an object, got a number",
        ":8: /location/3: Expected an object, got null",
        ":10: /channel/0/externalId: Expected a string, got a whole number",
        ":13: /channel/1/externalId: The name is given twice",
        ":14: /channel/1/name: Expected a string of length >= 1",
        ":15: /channel/1/@type: Expected Channel",
        ":17: /currency/0/code: Expected a currency code of three capital letters (ISO 4217)",
        ":18: /currency/0/minorUnits: Expected a whole number <= 4",
        ":19: /currency/0/active: Expected true or false, got null",
        f":20: /unknown: {LISTS}",
        ":21: /contact: Expected an array, got a number",
        ":22: /contact: The name is given twice",
    ]
    # What is wrong keeps its name, so that what refers to it is not reported as well.
    assert [(entry.record, entry.external_id) for entry in entries[:2]] == [
        (None, "x"),
        (None, None),
    ]


def test_problems_of_a_specification(tmp_path: Path) -> None:
    text = """\
productSpecification:
  - externalId: s1
    name: S
    lifecycleStatus: active
    productSpecCharacteristic: {}
  - externalId: s2
    name: S
    lifecycleStatus: draft
    productSpecCharacteristic:
      - name: c
        valueType: chOICE
        externalId: x
        characteristicValueSpecification:
          - {value: 1}
          - {value: 1.0}
          - {value: true}
          - {value: null}
          - {value: {a: [1.5]}, externalId: o}
          - {value: {a: [1.50]}, externalId: o}
      - {name: c, valueType: Chioce, externalId: x}
    productSpecificationRelationship:
      - {externalId: s1, relationshipType: HasChild}
      - {externalId: s1, relationshipType: HasChild}
      - {relationshipType: Requires}
"""
    problems = read(tmp_path, "a.yaml", text)[1]
    known = "Expected one of archived, draft, published, retired"
    assert problems[:2] == [
        f":4: /productSpecification/0/lifecycleStatus: {known}",
        ":5: /productSpecification/0/productSpecCharacteristic: Expected an array, got an object",
    ]
    characteristics = "/productSpecCharacteristic"
    options = f"{characteristics}/0/characteristicValueSpecification"
    relationships = "/productSpecificationRelationship"
    expected = [
        (15, f"{options}/1/value: The same as in {options}/0"),
        (17, f"{options}/3/value: Missing member"),
        (19, f"{options}/5/value: The same as in {options}/4"),
        (19, f"{options}/5/externalId: The same as in {options}/4"),
        (20, f"{characteristics}/1/name: The same as in {characteristics}/0"),
        (20, f"{characteristics}/1/externalId: The same as in {characteristics}/0"),
        (20, f"{characteristics}/1/valueType: Expected one of {', '.join(VALUE_TYPES)}"),
        (23, f"{relationships}/1: The same as in {relationships}/0"),
        (24, f"{relationships}/2: Expected either an id or an externalId"),
    ]
    at = "/productSpecification/1"
    assert sorted(problems[2:]) == sorted(f":{line}: {at}{rest}" for line, rest in expected)


def test_problems_of_an_inventory_and_its_references(tmp_path: Path) -> None:
    wrong = (
        '{"@type": "ProductInventory", "id": "ABC", "externalId": "e", "status": "gone",'
        ' "place": 5}\n'
        f'{{"@type": "ProductInventory", "externalId": "{ID}", "status": "active", "place": {{}},'
        f' "account": {{"id": "{ID}", "externalId": "a"}}, "productCharacteristic":'
        ' [{"name": "a"}, {"name": "a", "valueType": "x"}, {"name": "b", "valueType": "date"}]}'
    )
    entries, problems = read(tmp_path, "a.ndjson", wrong)
    at = "/productCharacteristic"
    statuses = ("active", "change_pending", "inactivation_pending", "inactive")
    statuses = (*statuses, "installation_pending", "suspended")
    assert problems[:-1] == [
        ":1: /id: Expected 32 lower-case hexadecimal digits, as a string",
        f":1: /status: Expected one of {', '.join(statuses)}",
        ":1: /place: Expected an object, got a number",
        ":2: /externalId: An externalId of 32 hexadecimal digits would be taken for an id",
        ":2: /place: Expected either an id or an externalId",
        ":2: /account: Expected either an id or an externalId",
        f":2: {at}/1/name: The same as in {at}/0",
    ]
    assert problems[-1].startswith(f":2: {at}/1/valueType: Expected one of Address, ")
    assert [(one.kind, one.id, one.external_id) for one in entries] == [
        (ProductInventory, None, "e"),
        (ProductInventory, None, ID),
    ]


@pytest.mark.parametrize(
    "number", ["1e99999999999999999999999", "1e-301", "-1e300", "1" + "0" * 300]
)
def test_numbers_beyond_all_bounds(tmp_path: Path, number: str) -> None:
    problem = f"/address/n: {TOO_LONG}"
    yaml = f"location: [{{externalId: a, address: {{n: {number}}}}}]"
    assert read(tmp_path, "a.yaml", yaml)[1] == [f":1: /location/0{problem}"]
    line = f'{{"@type": "Location", "externalId": "a", "address": {{"n": {number}}}}}'
    assert read(tmp_path, "a.ndjson", line)[1] == [f":1: {problem}"]


def test_a_value_nested_too_deep(tmp_path: Path) -> None:
    deep = '{"a":' * 100 + "1" + "}" * 100
    line = f'{{"@type": "Location", "externalId": "a", "address": {deep}}}'
    assert read(tmp_path, "a.ndjson", line)[1] == [
        ":1: /address" + "/a" * 63 + ": Nested deeper than 64 levels"
    ]


def test_problems_within_lists_of_objects(tmp_path: Path) -> None:
    text = (
        "location: [text]\nproductInventory: [{externalId: i, status: active,"
        " productCharacteristic: [a, {name: 5, vlaue: 1}, {value: 1}]}]\n"
    )
    at = "/productInventory/0/productCharacteristic"
    assert read(tmp_path, "a.yaml", text)[1] == [
        ":1: /location/0: Expected an object, got a string",
        f":2: {at}/0: Expected an object, got a string",
        f":2: {at}/1/name: Expected a string, got a whole number",
        f":2: {at}/1/vlaue: Unknown member",
        f":2: {at}/2/name: Missing member",
    ]
