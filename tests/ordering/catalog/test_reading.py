"""Reading catalog files: records, and every problem with its place."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering.catalog import reading
from ordering.catalog.document import (
    Account,
    Channel,
    Contact,
    Location,
    ProductSpecification,
)
from ordering.catalog.findings import CatalogError, Findings
from ordering.catalog.reading import read_entries
from support.catalog_files import read, read_path, records

ID = "25ab9c4d0a0a0bb300f7dabdc0ca7c1c"
LISTS = (
    "Expected one of productOffering, productSpecification, channel, location, account, contact,"
    " consumer, productInventory, currency"
)
TYPES = (
    "Expected one of ProductOffering, ProductSpecification, Channel, Location, Account, Contact,"
    " Consumer, ProductInventory, Currency"
)

SAME = [
    Location(id=ID, address={"city": "Oslo", "floor": Decimal("2.50")}),
    Channel(external_id="1", name="Shop"),
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (
            "a.yaml",
            (
                f"location:\n- id: {ID}\n  address: {{city: Oslo, floor: 2.50}}\n"
                "channel:\n- externalId: '1'\n  name: Shop\ncontact:\naccount: []\n"
            ),
        ),
        (
            "a.YML",
            (
                f"'location': [{{'@type': Location, id: '{ID}', name: null,"
                " address: {city: Oslo, floor: 2.50}}]\nchannel: [{externalId: '1', name: Shop}]\n"
            ),
        ),
        (
            "a.json",
            (
                f'{{"location": [{{"id": "{ID}", "address": {{"city": "Oslo", "floor": 2.50}}}}],'
                ' "channel": [{"@type": "Channel", "externalId": "1", "name": "Shop"}],'
                ' "contact": null, "account": []}'
            ),
        ),
        (
            "a.ndjson",
            (
                f'{{"@type": "Location", "id": "{ID}",'
                ' "address": {"city": "Oslo", "floor": 2.50}}'
                '\r\n\n {"@type": "Channel", "externalId": "1", "name": "Shop"}'
            ),
        ),
    ],
)
def test_the_same_records_in_each_format(tmp_path: Path, name: str, content: str) -> None:
    assert records(tmp_path, name, content) == SAME
    assert records(tmp_path, name, b"\xef\xbb\xbf" + content.encode()) == SAME


def test_places_of_records(tmp_path: Path) -> None:
    text = "account:\n- {externalId: a, name: A}\n\n- externalId: b\n  name: B\n"
    first, second = read(tmp_path, "a.yaml", text)[0]
    assert (first.pointer, first.line, second.pointer, second.line) == (
        "/account/0",
        2,
        "/account/1",
        4,
    )
    assert (second.line_of("/name"), second.line_of("/name/x"), second.line_of("/y")) == (5, 5, 4)
    (line,) = read(tmp_path, "a.ndjson", '\n{"@type": "Account", "externalId": "a", "name": "A"}')[
        0
    ]
    assert (line.pointer, line.line, line.line_of("/name")) == ("", 2, 2)
    (element,) = read(tmp_path, "a.json", '{"account": [{"externalId": "a", "name": "A"}]}')[0]
    assert (element.pointer, element.line_of("/name")) == ("/account/0", None)


def test_plain_scalars_of_yaml_are_what_json_has(tmp_path: Path) -> None:
    text = (
        "location:\n- externalId: a\n  address: {no: no, zeros: 007, day: 2024-01-31, clock: 1:30,"
        " nan: .nan, true: true, off: false, none: ~, n: -12, e: 1e2, q: '1', '<<': y,"
        f" long: {'9' * 299}}}\n"
    )
    assert records(tmp_path, "a.yaml", text) == [
        Location(
            external_id="a",
            address={
                "no": "no",
                "zeros": "007",
                "day": "2024-01-31",
                "clock": "1:30",
                "nan": ".nan",
                "true": True,
                "off": False,
                "none": None,
                "n": -12,
                "e": Decimal("1e2"),
                "q": "1",
                "<<": "y",
                "long": int("9" * 299),
            },
        )
    ]


def test_problems_of_ndjson_lines(tmp_path: Path) -> None:
    lines = (
        b'{"@type": "Locaton"}\n[1]\n{"a":\n{"@type": ["x"]}\n'
        b'{"@type": "Location", "id": "x\\u0000"}\n'
        b'{"@type": "Channel", "name": "\xff"}\n{"@type": "Channel", "name": "\\ud800"}\n'
        b'{"@type": "Account", "externalId": "a"}\n' + b"[" * 100_000
    )
    assert read(tmp_path, "a.ndjson", lines)[1] == [
        f":1: /@type: {TYPES}",
        ":2: Expected an object, got an array",
        ":3: Not valid JSON: Input data was truncated",
        f":4: /@type: {TYPES}",
        ":5: /id: The character U+0000 is not allowed",
        ":6: Not UTF-8: invalid start byte",
        ":7: Not valid JSON: Input data was truncated",
        ":8: /name: Missing member",
        ":9: Nested too deep",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"location": [\n{"id": x}]}', ":2: Not valid JSON: invalid character (byte 22)"),
        ('{"location": [', ": Not valid JSON: Input data was truncated"),
        ("[]", ": Not valid JSON: Expected object, got array"),
        ('{"location": {}}', ": /location: Expected an array, got an object"),
        ('{"x~/": 1}', f": /x~0~1: {LISTS}"),
        ('{"location": ' + "[" * 100_000, ": Nested too deep"),
        ("\xff", ":1: Not valid JSON: invalid character (byte 0)"),
        (
            '{"location": [{"address": {"n": ' + "1" * 5_000 + "}}]}",
            ": /location/0: Not valid JSON: Integer value out of range",
        ),
        ('{"location": [{"externalId": "a", "address": {"k\\u0000": 1}}]}', None),
        ("", ": The file holds no records"),
        ("{}", ": The file holds no records"),
        ('{"location": []}', ": The file holds no records"),
    ],
)
def test_problems_of_json(tmp_path: Path, content: str, problem: str | None) -> None:
    expected = problem or ": /location/0/address: The character U+0000 is not allowed in a name"
    assert read(tmp_path, "a.json", content)[1] == [expected.removeprefix(": ")]


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ("location:\n  - &a [*a]\n", [":2: Aliases are not supported"]),
        ("location: !!set {}\n", [":1: Tags are not supported"]),
        ("!x\nlocation: []\n", [":1: Tags are not supported"]),
        ("location:\n  - name: !!python/name:os.system x\n", [":2: Tags are not supported"]),
        ("location: !!seq\n  - name: x\n", [":1: Tags are not supported"]),
        ("location: " + "[" * 100_000, [":1: Nested deeper than 64 levels"]),
        ("location: " + "[" * 60 + "]" * 60, [":1: /location/0: Expected an object, got an array"]),
        ("location: [", [":2: Not valid YAML: did not find expected node content"]),
        ("location: [{a: \0}]", [":1: Not valid YAML: control characters are not allowed"]),
        ("? [a]\n: b\n", [":1: Expected a name"]),
        (
            'location: ["\\ud800"]',
            [":1: Not valid YAML: found invalid Unicode character escape code"],
        ),
        ("- 1\n", [":1: Expected a mapping of lists, got an array"]),
        ("location: []\n---\nlocation: []\n", [":2: Expected a single document"]),
        (b"location:\n  - name: \xff\n", [":2: Not UTF-8: invalid start byte"]),
        ("{a".encode("utf-16"), [":1: Not UTF-8: invalid start byte"]),
        ("", ["The file holds no records"]),
        ("~\n", ["The file holds no records"]),
        ("# nothing\n", ["The file holds no records"]),
        ("location:\n", ["The file holds no records"]),
    ],
)
def test_problems_of_yaml(tmp_path: Path, content: str | bytes, problems: list[str]) -> None:
    assert read(tmp_path, "a.yaml", content)[1] == problems


@pytest.mark.parametrize("name", ["a.txt", "a", "a.yaml.gz"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, name, "{}")[1] == [
        "Expected a file ending in .json, .jsonl, .ndjson, .yaml, .yml"
    ]


def test_what_cannot_be_read(tmp_path: Path) -> None:
    assert read_path(tmp_path / "none.json")[1] == ["Cannot be read: No such file or directory"]
    (tmp_path / "folder.yaml").mkdir()
    assert read_path(tmp_path / "folder.yaml")[1] == ["Cannot be read: Is a directory"]


@pytest.mark.parametrize("ending", [".yaml", ".json", ".ndjson"])
def test_files_too_large_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    form = reading.FORMATS[ending]
    monkeypatch.setitem(reading.FORMATS, ending, form._replace(max_bytes=10))
    assert read(tmp_path, "a" + ending, " " * 11)[1] == ["Expected at most 10 bytes"]


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        (".yaml", "Cannot be read: Expected at most 10 bytes"),
        (".json", "Cannot be read: Expected at most 10 bytes"),
        (".ndjson", ":1: Expected at most 10 bytes"),
    ],
)
def test_files_that_grow_are_refused(tmp_path: Path, ending: str, problem: str) -> None:
    path = tmp_path / "a"
    path.write_text(" " * 11)
    findings = Findings("")
    reader = reading.FORMATS[ending].read
    try:
        assert list(reader(path, 10, findings)) == []
    except OSError as error:
        findings.note(f"Cannot be read: {error}")
    with pytest.raises(CatalogError, match=problem):
        findings.raise_any()


def test_lines_too_long_are_refused(tmp_path: Path) -> None:
    line = b'{"@type": "Account", "externalId": "a", "name": "A"}\n'
    entries, problems = read(tmp_path, "a.ndjson", line + b" " * (1024 * 1024 + 1) + line)
    assert problems == [":2: Expected at most 1,048,576 bytes in a line"]
    assert [entry.record for entry in entries] == [Account(external_id="a", name="A")]


def test_problems_are_counted_beyond_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text("5\n" * 600)
    findings = Findings("a.ndjson")
    assert list(read_entries(path, findings)) == []
    with pytest.raises(CatalogError) as caught:
        findings.raise_any()
    assert (len(caught.value.findings), caught.value.total) == (500, 600)
    lines = str(caught.value).splitlines()
    assert lines[0] == "a.ndjson:1: Expected an object, got a number"
    assert lines[-1] == "and 100 more"
    assert caught.value.findings[0].file == "a.ndjson"


def test_references_are_read(tmp_path: Path) -> None:
    (contact, specification) = records(
        tmp_path,
        "a.yaml",
        "contact:\n- {externalId: c, name: C, account: {externalId: a, name: A}}\n"
        "productSpecification:\n- externalId: s\n  name: S\n  lifecycleStatus: draft\n"
        f"  productSpecificationRelationship: [{{id: {ID}, relationshipType: Requires}}]\n",
    )
    assert isinstance(contact, Contact)
    assert contact.account is not None
    assert contact.account.external_id == "a"
    assert isinstance(specification, ProductSpecification)
    assert specification.internal_version == 1


@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda text: ("location: " + text).encode())
)
def test_no_bytes_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    for ending in (".yaml", ".json", ".ndjson"):
        read(folder, "any" + ending, content)
