"""From bytes to a draft: shapes, problems with their pointers, inputs that are meant to harm."""

from importlib.resources import files

import pytest

from ordering.domain.decode import Decoded, decode_order
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.values import encode
from support.payloads import Payload, changed, item, order, product, to_json


def refused(body: bytes) -> Problem:
    """Decode what cannot be spoken about, and return the one problem told."""
    with pytest.raises(InvalidRequestError) as error:
        decode_order(body)
    (problem,) = error.value.problems
    return problem


def shape(payload: object) -> list[tuple[str, str]]:
    """Decode a payload; list pointers and messages of its problems, which all have code 24."""
    problems = decode_order(to_json(payload)).problems
    assert {problem.code for problem in problems} <= {24}
    return [(problem.pointer, problem.message) for problem in problems]


# -- the body as a whole ---------------------------------------------------------------------------
@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"null", b" null\n"])
def test_no_body_is_told_as_such(body: bytes) -> None:
    assert refused(body) == Problem("Invalid payload: Request body missing", "", 21)


@pytest.mark.parametrize("body", [b"[]", b'"{}"', b"5", b"true", b"1.5", b"[{}]"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    assert refused(body) == Problem("Expected an object", "", 22)


_MALFORMED = [
    pytest.param(b'\xef\xbb\xbf{"externalId":"1"}', "invalid character (byte 0)", id="BOM"),
    pytest.param(b"{} {}", "trailing characters (byte 4)", id="two bodies"),
    pytest.param(b"{'a':1}", "object keys must be strings (byte 1)", id="quotes"),
    pytest.param(b'{"a":NaN}', "invalid character (byte 5)", id="NaN"),
    pytest.param(b'{"a":Infinity}', "invalid character (byte 5)", id="Infinity"),
    pytest.param(b'{"a":01}', "invalid number (byte 6)", id="leading zero"),
    pytest.param(b'{"a":"\x00"}', "invalid character (byte 6)", id="NUL byte in a string"),
    pytest.param(b"{}\x00", "trailing characters (byte 3)", id="NUL byte at the end"),
    pytest.param(b'{"a":1,}', "trailing comma in object (byte 7)", id="trailing comma"),
    pytest.param(
        b'{"externalId":"a\\ude00b"}', "invalid utf-16 surrogate pair (byte 22)", id="surrogate"
    ),
]


@pytest.mark.parametrize(("body", "message"), _MALFORMED)
def test_a_body_that_is_no_json_is_refused(body: bytes, message: str) -> None:
    assert refused(body) == Problem(f"JSON is malformed: {message}", "", 22)


@pytest.mark.parametrize(
    "body", [b"{", b'{"externalId":"a', b'{"a":[', b'{"externalId":"\\ud800"}', b'{"\\ud800":1}']
)
def test_a_body_that_ends_early_is_refused(body: bytes) -> None:
    assert refused(body) == Problem("Input data was truncated", "", 22)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"externalId":"\xff"}', "invalid start byte"),
        (b'{"\xc3(":1}', "invalid continuation byte"),
        (b'{"externalId":"\xed\xa0\x80"}', "invalid continuation byte"),
        (b'{"externalId":"\xc0\x80"}', "invalid start byte"),
    ],
)
def test_a_body_that_is_no_utf_8_is_refused(body: bytes, reason: str) -> None:
    assert refused(body) == Problem(f"The body is not UTF-8: {reason}", "", 22)


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b'{"productOrderItem":' + b"[" * 200_000,
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_body_nested_beyond_reason_is_refused(body: bytes) -> None:
    assert refused(body) == Problem("The JSON is nested deeper than 64 levels", "", 22)


def test_a_whole_number_beyond_all_reason_is_refused() -> None:
    body = b'{"x":' + b"9" * 5_000 + b"}"
    assert refused(body) == Problem("Integer value out of range", "", 22)


# -- values that are meant to harm -----------------------------------------------------------------
def _nested(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("member", ["x", "state"])
def test_free_values_are_nested_64_levels_at_most(member: str) -> None:
    assert shape({member: _nested(64)}) == []
    assert shape({member: _nested(65)}) == [
        (f"/{member}" + "/0" * 64, "Nested deeper than 64 levels")
    ]


_ITEM = "/productOrderItem/0"
_VALUE = f"{_ITEM}/product/productCharacteristic/0/value"
_NUL = "The character U+0000 is not allowed"
_RANGE = "Expected a number between 10^-300 and 10^300"


@pytest.mark.parametrize(
    ("pointer", "value", "problems"),
    [
        ("/externalId", "a\0", [("/externalId", _NUL)]),
        (f"{_ITEM}/id", "\0", [(f"{_ITEM}/id", _NUL)]),
        (_VALUE, "\0", [(_VALUE, _NUL)]),
        (_VALUE, {"a": ["\0"]}, [(f"{_VALUE}/a/0", _NUL)]),
        (_VALUE, {"\0": 1}, [(_VALUE, _NUL)]),
        ("/state", "\0", [("/state", _NUL)]),
        ("/x", "\0", [("/x", _NUL)]),
        ("/x", {"a/b": {"~": "\0", "\0": 1}}, [("/x/a~1b", _NUL), ("/x/a~1b/~0", _NUL)]),
        ("/x\0", 1, [("/x\0", _NUL)]),
        (_VALUE, "\\u0000", []),
        ("/x\\u0000", "\\u0000", []),
    ],
)
def test_a_nul_character_is_refused_at_its_place(
    pointer: str, value: object, problems: list[tuple[str, str]]
) -> None:
    assert shape(changed(_one_of_each(), pointer, value)) == problems


def _one_of_each() -> Payload:
    sent = product(productCharacteristic=[{"name": "Tenancy", "value": "Base"}])
    return order(items=[item(product=sent)])


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("1e99999", _RANGE),
        ("-1e301", _RANGE),
        ("1e-301", _RANGE),
        ("0e99999", _RANGE),
        ("1e9999999999999999999999", _RANGE),
        ("-1e9999999999999999999999", _RANGE),
        ("1e-9999999999999999999999", _RANGE),
        ("1." + "0" * 1_001, "Expected a number with at most 1000 decimals"),
        ("1." + "7" * 20_000, "Expected a number with at most 1000 decimals"),
    ],
)
@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        ('{"x":{"y":[%s]}}', "/x/y/0"),
        ('{"id":%s}', "/id"),
        (
            '{"productOrderItem":[{"product":{"productCharacteristic":[{"value":%s}]}}]}',
            "/productOrderItem/0/product/productCharacteristic/0/value",
        ),
    ],
)
def test_a_number_that_no_column_holds_is_refused_at_its_place(
    number: str, message: str, template: str, pointer: str
) -> None:
    assert decode_order((template % number).encode()).problems == [Problem(message, pointer, 24)]


@pytest.mark.parametrize(
    "number",
    [
        "1e300",
        "-1e-300",
        "0",
        "-0.0",
        "1." + "0" * 1_000,
        "9" * 300,
        "0.1",
        "18446744073709551616",
    ],
)
def test_numbers_within_reason_are_kept(number: str) -> None:
    body = f'{{"x":{number}}}'.encode()
    decoded = decode_order(body)
    assert decoded.problems == []
    assert decode_order(encode(decoded.draft)).draft == decoded.draft


def test_the_last_of_repeated_members_counts_in_both_passes() -> None:
    body = b'{"externalId":"a","externalId":"b","orderCurrency":5,"orderCurrency":"USD"}'
    for each in (body, body[:-1] + b',"x":1,"x":2}'):
        decoded = decode_order(each)
        assert decoded.problems == []
        assert decoded.draft.external_id == "b"
        assert decoded.draft.order_currency == "USD"
    assert decoded.draft.extras == {"x": 2}


# -- shape -----------------------------------------------------------------------------------------
_PRODUCT = f"{_ITEM}/product"
_WRONG: list[tuple[str, object, str]] = [
    ("/externalId", 5, "Expected a string, got a whole number"),
    ("/externalId", 5.5, "Expected a string, got a number"),
    ("/externalId", True, "Expected a string, got true or false"),
    ("/externalId", [], "Expected a string, got an array"),
    ("/externalId", {}, "Expected a string, got an object"),
    ("/externalId", "x" * 256, "Expected a string of length <= 255"),
    ("/externalSystem", "x" * 256, "Expected a string of length <= 255"),
    ("/externalId", "", "Expected a string of length >= 1"),
    ("/externalSystem", "", "Expected a string of length >= 1"),
    ("/orderCurrency", 5, "Expected a string, got a whole number"),
    ("/orderDate", 5, "Expected a date and time as a string"),
    (
        "/committedDueDate",
        "0001-01-01T00:00:00+14:00",
        "Expected a date and time between the years 1 and 9999",
    ),
    (
        "/requestedStartDate",
        "2021-05-02",
        "Expected a date and time with offset, as in 2021-05-02T08:13:59.506Z",
    ),
    ("/channel", {}, "Expected an array, got an object"),
    ("/channel", "2", "Expected an array, got a string"),
    ("/productOrderItem", {}, "Expected an array, got an object"),
    (_ITEM, None, "Expected an object, got null"),
    (_ITEM, [], "Expected an object, got an array"),
    (_ITEM, 1.5, "Expected an object, got a number"),
    (f"{_ITEM}/id", "x" * 41, "Expected a string of length <= 40"),
    (f"{_ITEM}/quantity", True, "Expected a number"),
    (f"{_ITEM}/quantity", [], "Expected a number"),
    (f"{_ITEM}/quantity", "many", 'Expected a number, or a string like "20.50"'),
    (_PRODUCT, False, "Expected an object, got true or false"),
    (f"{_PRODUCT}/isBundle", 1, "Expected true or false, got a whole number"),
    (f"{_PRODUCT}/isBundle", "true", "Expected true or false, got a string"),
    (f"{_PRODUCT}/productSpecification", "spec", "Expected an object, got a string"),
    (f"{_PRODUCT}/productSpecification/id", "x" * 256, "Expected a string of length <= 255"),
    (f"{_PRODUCT}/productCharacteristic/0/name", 5, "Expected a string, got a whole number"),
    (f"{_PRODUCT}/productCharacteristic/0", 5, "Expected an object, got a number"),
]


@pytest.mark.parametrize(("pointer", "value", "message"), _WRONG)
def test_a_wrong_shape_is_told_at_its_place(pointer: str, value: object, message: str) -> None:
    assert shape(changed(_one_of_each(), pointer, value)) == [(pointer, message)]


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/externalId", "x" * 255),
        ("/externalId", "x"),
        ("/externalId", None),
        ("/externalSystem", None),
        (f"{_ITEM}/productOffering/id", ""),
        ("/channel", []),
        ("/channel", None),
        (f"{_ITEM}/id", "x" * 40),
        (f"{_ITEM}/quantity", 66.0),
        (f"{_PRODUCT}/isBundle", False),
        (_PRODUCT, None),
        (_VALUE, {"any": ["value", 1, None]}),
        ("/state", {"whatever": True}),
        ("/ponr", "true"),
        ("/version", "1"),
    ],
)
def test_a_right_shape_is_no_problem(pointer: str, value: object) -> None:
    assert shape(changed(_one_of_each(), pointer, value)) == []


def test_everything_wrong_is_told_at_once_and_what_is_right_is_kept() -> None:
    payload = order(
        externalId=5,
        externalSystem="CPQ",
        orderDate="yesterday",
        channel=[None, {"id": 2, "name": "Online"}],
        items=[item("1", quantity="x", product={"isBundle": 0, "place": 7}), "line"],
        unknown={"a/b": "\0", "~": "\0"},
    )
    draft, problems = decode_order(to_json(payload))
    assert [problem.pointer for problem in problems] == [
        "/productOrderItem/0/quantity",
        "/productOrderItem/0/product/isBundle",
        "/productOrderItem/0/product/place",
        "/productOrderItem/1",
        "/externalId",
        "/orderDate",
        "/channel/0",
        "/channel/1/id",
        "/unknown/a~1b",
        "/unknown/~0",
    ]
    assert encode(draft) == encode(
        decode_order(
            to_json(
                order(
                    externalSystem="CPQ",
                    channel=[{}, {"name": "Online"}],
                    items=[removed_quantity(item("1", product={})), {}],
                )
            )
        ).draft
    )


def removed_quantity(line: Payload) -> Payload:
    """Leave out the quantity of a line."""
    return {name: value for name, value in line.items() if name != "quantity"}


def test_unknown_attributes_are_kept_at_every_level_with_any_name() -> None:
    odd: Payload = {"~extras": 1, "extras": 2, "a/b": None, "~": [1.50], "": {}, "@baseType": "B"}
    payload = order(items=[item(product=product(place=odd | {"id": "1"}))], **odd)
    draft, problems = decode_order(to_json(payload))
    assert problems == []
    assert draft.extras == odd
    place = draft.items[0].product and draft.items[0].product.place
    assert place
    assert (place.id, place.extras) == ("1", odd)


def test_a_null_counts_as_absent_for_known_members_only() -> None:
    decoded = decode_order(b'{"externalId":null,"note":null,"x":null}')
    assert decoded == Decoded(decode_order(b'{"x":null}').draft, [])
    assert decoded.draft.extras == {"x": None}


def test_a_currency_and_a_party_type_are_read_under_both_of_their_names() -> None:
    payload = order(
        orderCurrency=None, currencyCode="USD", relatedParty=[{"id": "1", "type": "Customer"}]
    )
    draft, problems = decode_order(to_json(payload))
    assert problems == []
    assert draft.currency == "USD"
    assert draft.related_party
    assert draft.related_party[0].type_alias == "Customer"


@pytest.mark.parametrize("name", ["sync.json", "async.json"])
def test_the_published_examples_need_no_second_pass(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thorough pass gives the same draft, only slower; so nothing else would tell."""
    monkeypatch.setattr("ordering.domain.decode._thorough", None)
    body = files("ordering_app.demo.orders").joinpath(name).read_bytes()
    assert decode_order(body).problems == []
