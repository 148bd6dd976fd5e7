"""Work notes about characteristics and horizontal relationships: noted, never refused."""

from decimal import Decimal

import pytest

from ordering.domain.references import CharacteristicSpec, References
from ordering.domain.rules.characteristics import work_notes
from support.found import choice, demo_references, draft_of, judge, specification
from support.payloads import (
    CONTROLLER,
    EDGE_DEVICE,
    SECURITY,
    SPECIFICATION,
    Payload,
    characteristic,
    item,
    order,
    product,
    related,
)

_UNKNOWN = (
    "The following Order Item characteristics does not exist: Review specification Colour and "
    "correct the characteristic and characteristic option in the order line item prior to "
    "approving the order."
)


def _notes(
    payload: Payload, found: References | None = None, *, validate_values: bool = True
) -> list[tuple[int, str]]:
    found = found or demo_references()
    assert judge(payload, found) == []
    return list(work_notes(draft_of(payload), found.catalog, validate_values=validate_values))


def _with(*characteristics: Payload, specification: str = CONTROLLER) -> Payload:
    sent = product(specification, productCharacteristic=list(characteristics))
    return order(items=[item("1"), item("2", product=sent)])


def _invalid(name: str, value: str) -> str:
    return (
        f"Order Item characteristic: {name} with characteristic value: {value}is invalid. Correct "
        "the characteristic values before approving the order."
    )


def test_an_unknown_characteristic_is_noted_on_its_line() -> None:
    assert _notes(_with(characteristic("Colour", "red"))) == [(1, _UNKNOWN)]
    assert _notes(_with(characteristic("Tenancy", "Base (10 site)"))) == []


def test_a_value_that_is_no_option_is_noted_on_its_line() -> None:
    payload = _with(characteristic("Tenancy", "Gold"))
    assert _notes(payload) == [(1, _invalid("Tenancy", "Gold"))]


def test_every_finding_is_noted_in_order() -> None:
    payload = _with(
        characteristic("Colour", "red"),
        characteristic("Tenancy", "Base (10 site)"),
        characteristic("Tenancy", "{name}"),
        characteristic("tenancy", "Base (10 site)") | {"name": None},
    )
    assert [text for _, text in _notes(payload)] == [
        _UNKNOWN,
        _invalid("Tenancy", "{name}"),
        _UNKNOWN.replace("Colour", ""),
    ]


@pytest.mark.parametrize("value", [None, "Base (10 site)"])
def test_an_absent_value_or_an_option_is_not_noted(value: object) -> None:
    assert _notes(_with(characteristic("Tenancy", value))) == []


_VALUES: list[object] = ["5", 5, True, Decimal("0.10"), ["a"], {"a": 1}]
_OPTIONS = choice("Mixed", *_VALUES)


@pytest.mark.parametrize("value", _VALUES)
def test_options_are_any_json_values(value: object) -> None:
    found = demo_references(specifications=[specification(CONTROLLER, _OPTIONS), specification()])
    assert _notes(_with(characteristic("Mixed", value)), found) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("it's", "it's"),
        (6, "6"),
        (False, "false"),
        (Decimal("0.20"), "0.20"),
        (["a", None, Decimal("1.50")], '["a",null,1.50]'),
        ({"a": "Ü"}, '{"a":"Ü"}'),
    ],
)
def test_a_value_is_noted_as_it_was_sent(value: object, shown: str) -> None:
    found = demo_references(specifications=[specification(CONTROLLER, _OPTIONS), specification()])
    payload = _with(characteristic("Mixed", value))
    assert _notes(payload, found) == [(1, _invalid("Mixed", shown))]


@pytest.mark.parametrize(
    ("value_type", "options", "noted"),
    [
        ("Choice", ("a",), True),
        ("choice", ("a",), True),
        ("Choice", (), False),
        ("Yes/No", ("a",), False),
        ("Single Line Text", ("a",), False),
    ],
)
def test_only_choices_with_options_limit_values(
    value_type: str, options: tuple[str, ...], *, noted: bool
) -> None:
    known = CharacteristicSpec(name="X", value_type=value_type, options=options)
    found = demo_references(specifications=[specification(CONTROLLER, known), specification()])
    notes = _notes(_with(characteristic("X", "b")), found)
    assert notes == ([(1, _invalid("X", "b"))] if noted else [])


def test_without_validation_of_values_no_characteristic_is_noted() -> None:
    payload = _with(characteristic("Colour", "red"), characteristic("Tenancy", "Gold"))
    assert _notes(payload, validate_values=False) == []


@pytest.mark.parametrize("sent", [{}, {"productCharacteristic": [characteristic("Colour", "red")]}])
def test_without_a_specification_nothing_is_noted(sent: Payload) -> None:
    assert _notes(order(items=[item(product=sent)])) == []


def _requires(source: str, target: str) -> Payload:
    relation = [related("2", "Requires")]
    first = item("1", product=product(source), productOrderItemRelationship=relation)
    return order(items=[first, item("2", product=product(target))])


def test_a_requirement_that_the_catalog_does_not_know_is_noted() -> None:
    text = (
        "The catalog knows no Requires relationship from {} to {}. Review the related line items "
        "before approving the order."
    )
    assert _notes(_requires(EDGE_DEVICE, SECURITY)) == []
    assert _notes(_requires(SECURITY, EDGE_DEVICE)) == [
        (0, text.format("SD-WAN Security", "SD-WAN Edge Device"))
    ]
    expected = [(0, text.format("SD-WAN Edge Device", "SD-WAN Service Package"))]
    assert _notes(_requires(EDGE_DEVICE, SPECIFICATION)) == expected
    assert _notes(_requires(EDGE_DEVICE, SPECIFICATION), validate_values=False) == expected


def test_requirements_of_lines_without_specification_are_not_noted() -> None:
    payload = _requires(EDGE_DEVICE, SPECIFICATION)
    payload["productOrderItem"][1]["product"] = {}
    assert _notes(payload) == []


def test_a_requirement_of_an_unknown_line_is_the_matter_of_another_rule() -> None:
    payload = _requires(EDGE_DEVICE, SPECIFICATION)
    payload["productOrderItem"][0]["productOrderItemRelationship"] = [related("9", "Requires")]
    found = demo_references()
    assert list(work_notes(draft_of(payload), found.catalog, validate_values=True)) == []
    assert [text for _, text, _ in judge(payload)] == [
        "productOrderItemRelationship id names no line item"
    ]
