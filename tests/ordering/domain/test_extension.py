"""Required fields of plug-ins: which members are missed, and how that is told."""

import pytest

from ordering.domain.extension import Problem, required
from ordering.domain.rules import Policy, extra_rules
from support.found import demo_references, draft_of, judge
from support.payloads import ABSENT, Payload, changed, item, order, party, product


def missed(pointer: str, payload: Payload) -> list[tuple[str, str]]:
    problems = list(required(pointer)(draft_of(payload), demo_references()))
    assert {problem.code for problem in problems} <= {23}
    return [(problem.pointer, problem.message) for problem in problems]


@pytest.mark.parametrize(
    ("pointer", "name"),
    [
        ("/requestedStartDate", "requestedStartDate"),
        ("/@type", "@type"),
        ("/salesSystem", "salesSystem"),
        ("/a~1b", "a/b"),
        ("/~0extras", "~extras"),
    ],
)
def test_a_member_of_the_order_is_missed(pointer: str, name: str) -> None:
    assert missed(pointer, order()) == [(pointer, f"Invalid payload: {name} is missing")]


@pytest.mark.parametrize(
    ("pointer", "payload"),
    [
        ("/requestedStartDate", order(requestedStartDate="2027-01-01T00:00:00Z")),
        ("/@type", changed(order(), "/@type", "ProductOrder")),
        ("/salesSystem", order(salesSystem="portal")),
        ("/a~1b", changed(order(), "/a~1b", 1)),
        ("/~0extras", changed(order(), "/~0extras", 1)),
        ("/salesSystem", order(salesSystem=0)),
        ("/salesSystem", order(salesSystem=False)),
        ("/sales/system", order(sales={"system": "portal"})),
    ],
)
def test_a_member_that_was_sent_is_not_missed(pointer: str, payload: Payload) -> None:
    assert missed(pointer, payload) == []


@pytest.mark.parametrize("empty", [None, "", []])
def test_what_is_empty_is_missed(empty: object) -> None:
    assert missed("/salesSystem", order(salesSystem=empty)) == [
        ("/salesSystem", "Invalid payload: salesSystem is missing")
    ]


def test_a_member_is_missed_in_each_line_by_its_place() -> None:
    lines = [item("1"), item("2", quantity=0), item("3", quantity=ABSENT, costCenter="4711")]
    payload = order(items=lines)
    assert missed("/productOrderItem/*/quantity", payload) == [
        ("/productOrderItem/2/quantity", "Invalid payload: productOrderItem quantity is missing")
    ]
    assert [at for at, _ in missed("/productOrderItem/*/costCenter", payload)] == [
        "/productOrderItem/0/costCenter",
        "/productOrderItem/1/costCenter",
    ]


def test_a_member_is_missed_only_where_its_object_was_sent() -> None:
    lines = [item("1"), item("2", product=product()), item("3", product=product(place={"x": 1}))]
    payload = order(items=lines)
    assert missed("/productOrderItem/*/product/place/id", payload) == [
        ("/productOrderItem/2/product/place/id", "Invalid payload: place id is missing")
    ]
    assert missed("/sales/system", order()) == []
    assert missed("/sales/system", order(sales="portal")) == [
        ("/sales/system", "Invalid payload: sales system is missing")
    ]
    assert missed("/note/*/author", order()) == []


def test_objects_within_arrays_of_unknown_attributes_are_looked_into() -> None:
    assert missed("/sales/*/system", order(sales=[{"system": "portal"}, {}, 7])) == [
        ("/sales/1/system", "Invalid payload: sales system is missing"),
        ("/sales/2/system", "Invalid payload: sales system is missing"),
    ]


@pytest.mark.parametrize(
    "pointer", ["", "/", "requestedStartDate", "/productOrderItem/*", "/productOrderItem/"]
)
def test_a_pointer_to_no_member_is_refused_at_once(pointer: str) -> None:
    with pytest.raises(ValueError, match="is no JSON Pointer to a member"):
        required("/externalId", pointer)


def test_extra_rules_come_last_and_hold_without_references() -> None:
    payload = order(relatedParty=[party(id="nobody"), {"@referredType": "Customer"}])
    assert judge(payload, check_references=False, extra_rules=(required("/externalId"),)) == [
        ("/relatedParty/1/id", "Invalid payload: relatedParty id is missing", 23),
        ("/externalId", "Invalid payload: externalId is missing", 23),
    ]


def test_what_is_wrong_in_shape_is_not_called_missing() -> None:
    assert judge(order(externalId=7), extra_rules=(required("/externalId"),)) == [
        ("/externalId", "Expected a string, got a whole number", 24)
    ]


def test_extra_rules_can_be_asked_alone_in_their_order() -> None:
    policy = Policy(extra_rules=(required("/b", "/a"), required("/c")))
    draft = draft_of(order(currencyCode="EUR"))
    assert [each.pointer for each in extra_rules(policy, draft, demo_references())] == [
        "/b",
        "/a",
        "/c",
    ]


def test_a_problem_of_a_rule_is_told_as_it_is() -> None:
    told = Problem("No orders on Sundays", "/orderDate", 24)
    policy = Policy(extra_rules=(lambda _draft, _found: [told],))
    assert list(extra_rules(policy, draft_of(order()), demo_references())) == [told]
