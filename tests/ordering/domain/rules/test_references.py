"""Rules about what an order points at, each with a neighbour that passes."""

from typing import Any

import pytest

from ordering.domain.rules.references import USABLE_STATUSES, specification_of
from support.found import (
    demo_references,
    draft_of,
    inventory,
    judge,
    offering,
    specification,
)
from support.payloads import (
    ACCOUNT,
    CONSUMER,
    CONTROLLER,
    DRAFT_OFFERING,
    EDGE_DEVICE,
    INACTIVE_INVENTORY,
    INVENTORY,
    OFFERING,
    RETIRED_OFFERING,
    SECURITY,
    SITE,
    SPECIFICATION,
    UNKNOWN_ID,
    Payload,
    change_item,
    channel,
    item,
    order,
    party,
    product,
    related,
)

_ITEM = "/productOrderItem/0"
_NO_OFFERING = (
    f"{_ITEM}/productOffering/id",
    "Invalid payload: Product offering does not exist",
    24,
)
_NO_SPECIFICATION = (
    f"{_ITEM}/product/productSpecification/id",
    "Invalid payload: Product specification does not exist",
    24,
)
_NO_INVENTORY = (f"{_ITEM}/product/id", "Invalid payload: Product Inventory does not exist", 24)
_INACTIVE = (f"{_ITEM}/product/id", "Invalid payload: Sold Product is inactive", 24)


def _offered(action: str = "add", **reference: Any) -> Payload:
    line = item() if action == "add" else change_item(action=action)
    return order(items=[line | {"productOffering": reference}])


def _with(**members: Any) -> Payload:
    return order(items=[item(product=product(**members))])


_CASES: list[tuple[Payload, tuple[str, str, int], Payload]] = [
    (
        order(channel=[channel(), channel("99")]),
        ("/channel/1/id", "Invalid payload: Distribution channel does not exist", 24),
        order(channel=[channel(), channel()]),
    ),
    (_offered(id=UNKNOWN_ID), _NO_OFFERING, _offered(id=OFFERING)),
    (_offered(id=OFFERING, version="v2"), _NO_OFFERING, _offered(id=OFFERING, version="v1")),
    (
        _offered(id=OFFERING, internalVersion="2"),
        _NO_OFFERING,
        _offered(id=OFFERING, internalVersion="1"),
    ),
    (_offered(id=RETIRED_OFFERING), _NO_OFFERING, _offered("change", id=RETIRED_OFFERING)),
    (_offered(id=DRAFT_OFFERING), _NO_OFFERING, _offered("delete", id=DRAFT_OFFERING)),
    (_offered("change", id=UNKNOWN_ID), _NO_OFFERING, _offered("change", id=OFFERING)),
    (
        _with(productSpecification={"id": UNKNOWN_ID}),
        _NO_SPECIFICATION,
        _with(productSpecification={"id": SPECIFICATION}),
    ),
    (
        _with(productSpecification={"id": SPECIFICATION, "version": "v2"}),
        _NO_SPECIFICATION,
        _with(productSpecification={"id": SPECIFICATION, "version": "v1"}),
    ),
    (
        _with(productSpecification={"id": SPECIFICATION, "version": "v1", "internalVersion": "2"}),
        _NO_SPECIFICATION,
        _with(productSpecification={"id": SPECIFICATION, "version": "v1", "internalVersion": "1"}),
    ),
    (
        _with(place={"id": UNKNOWN_ID}),
        (f"{_ITEM}/product/place/id", "Invalid payload: Location does not exist", 24),
        _with(place={"id": SITE}),
    ),
    (
        _with(productRelationship=[{"id": INVENTORY}, {"id": UNKNOWN_ID}]),
        (
            f"{_ITEM}/product/productRelationship/1/id",
            "Invalid payload: Product Inventory does not exist",
            24,
        ),
        _with(productRelationship=[{"id": INVENTORY}, {"id": INACTIVE_INVENTORY}]),
    ),
    (
        order(relatedParty=[party(id=CONSUMER)]),
        ("/relatedParty/0/id", "Invalid payload: Customer Account does not exist", 24),
        order(relatedParty=[party(id=ACCOUNT)]),
    ),
    (
        order(relatedParty=[party("Consumer", ACCOUNT)]),
        ("/relatedParty/0/id", "Invalid payload: Consumer does not exist", 24),
        order(relatedParty=[party("Consumer", CONSUMER)]),
    ),
    (
        order(relatedParty=[party(), party("CustomerContact", UNKNOWN_ID)]),
        ("/relatedParty/1/id", "Invalid payload: Customer Contact does not exist", 24),
        order(relatedParty=[party(), party("CustomerContact")]),
    ),
    (
        order(relatedParty=[{"type": "Customer", "id": UNKNOWN_ID}]),
        ("/relatedParty/0/id", "Invalid payload: Customer Account does not exist", 24),
        order(relatedParty=[{"type": "Customer", "id": ACCOUNT}]),
    ),
]


@pytest.mark.parametrize(("bad", "problem", "good"), _CASES)
def test_a_rule_finds_what_is_wrong_and_nothing_else(
    bad: Payload, problem: tuple[str, str, int], good: Payload
) -> None:
    assert judge(bad) == [problem]
    assert judge(good) == []
    assert judge(bad, check_references=False) == []


_STATUSES = ["active", "suspended", "inactive", "change_pending", "installation_pending"]
_USABLE = {
    ("change", "active"),
    ("delete", "active"),
    ("delete", "suspended"),
    ("suspend", "active"),
    ("resume", "suspended"),
}


@pytest.mark.parametrize("status", _STATUSES)
@pytest.mark.parametrize("action", USABLE_STATUSES)
def test_an_action_needs_an_inventory_in_the_right_status(action: str, status: str) -> None:
    found = demo_references(inventories=[inventory(status=status)])
    expected = [] if (action, status) in _USABLE else [_INACTIVE]
    assert judge(order(items=[change_item(action=action)]), found) == expected


@pytest.mark.parametrize("action", ["change", "delete", "suspend", "resume"])
def test_an_action_on_an_installed_product_needs_its_inventory(action: str) -> None:
    line = change_item(action=action, inventory=UNKNOWN_ID)
    assert judge(order(items=[line])) == [_NO_INVENTORY]


@pytest.mark.parametrize("action", ["add", "no-change"])
def test_other_actions_do_not_look_at_the_inventory(action: str) -> None:
    for sent in (UNKNOWN_ID, INACTIVE_INVENTORY):
        assert judge(order(items=[change_item(action=action, inventory=sent)])) == []


_TWO = [
    specification(version="v1", internal_version=1),
    specification(version="v2", internal_version=2),
]


@pytest.mark.parametrize(
    ("reference", "problems"),
    [
        ({}, []),
        ({"version": "v1"}, []),
        ({"version": "v2"}, []),
        ({"internalVersion": "2"}, []),
        ({"version": "v2", "internalVersion": "2"}, []),
        ({"version": "v3"}, [_NO_SPECIFICATION]),
        ({"version": "v3", "internalVersion": "1"}, [_NO_SPECIFICATION]),
        ({"version": "v1", "internalVersion": "3"}, [_NO_SPECIFICATION]),
        (
            {"version": "v1", "internalVersion": "2"},
            [
                (
                    f"{_ITEM}/product/productSpecification/internalVersion",
                    "productSpecification version and internalVersion name different versions",
                    24,
                )
            ],
        ),
    ],
)
def test_both_ways_to_name_a_version_must_agree(
    reference: Payload, problems: list[tuple[str, str, int]]
) -> None:
    found = demo_references(specifications=_TWO)
    payload = _with(productSpecification={"id": SPECIFICATION, **reference})
    assert judge(payload, found) == problems


def _installed(action: str = "change", version: str = "v2", **members: Any) -> Payload:
    sent = {"id": SPECIFICATION, "version": version}
    return order(items=[change_item(action=action, productSpecification=sent, **members)])


def test_a_change_may_be_bound_to_the_installed_specification_version() -> None:
    found = demo_references(specifications=_TWO)
    differs = (
        f"{_ITEM}/product/productSpecification/id",
        "Product specification version differs from the version of the product inventory",
        24,
    )
    assert judge(_installed(), found, allow_spec_version_update=False) == [differs]
    assert judge(_installed(), found, allow_spec_version_update=True) == []
    assert judge(_installed(version="v1"), found, allow_spec_version_update=False) == []
    assert judge(_installed("delete"), found, allow_spec_version_update=False) == []
    assert judge(_installed("suspend"), found, allow_spec_version_update=False) == []
    unspecified = order(items=[change_item(productSpecification=None)])
    assert judge(unspecified, found, allow_spec_version_update=False) == []
    unknown = demo_references(specifications=_TWO, inventories=[inventory(internal_version=None)])
    assert judge(_installed(), unknown, allow_spec_version_update=False) == []


def test_an_offering_with_a_published_version_can_be_added_whatever_came_later() -> None:
    versions = [
        offering(version="v1", internal_version=1),
        offering(version="v2", internal_version=2, status="draft"),
    ]
    found = demo_references(offerings=versions)
    assert judge(_offered(id=OFFERING), found) == []
    assert judge(_offered(id=OFFERING, version="v2"), found) == [_NO_OFFERING]


def _family(child: str, parent: str, *, by_parent: bool = False) -> Payload:
    above = item("1", product=product(parent))
    below = item("2", product=product(child))
    if by_parent:
        above |= {"productOrderItemRelationship": [related("2", "HasChild")]}
    else:
        below |= {"productOrderItemRelationship": [related("1")]}
    return order(items=[above, below])


@pytest.mark.parametrize("child", [CONTROLLER, EDGE_DEVICE, SECURITY])
def test_a_child_that_the_catalog_knows_passes(child: str) -> None:
    for by_parent in (True, False):
        assert judge(_family(child, SPECIFICATION, by_parent=by_parent)) == []


@pytest.mark.parametrize(("by_parent", "line"), [(False, 1), (True, 0)])
def test_a_child_that_the_catalog_does_not_know_is_refused(line: int, *, by_parent: bool) -> None:
    payload = _family(SPECIFICATION, SPECIFICATION, by_parent=by_parent)
    assert judge(payload) == [
        (
            f"/productOrderItem/{line}/productOrderItemRelationship/0/id",
            "Invalid payload: Specification relationship does not exist",
            24,
        )
    ]
    assert judge(payload, check_references=False) == []
    assert judge(payload, demo_references(relationships={})) == []


def test_a_parent_of_which_the_catalog_says_nothing_takes_any_child() -> None:
    assert judge(_family(SPECIFICATION, CONTROLLER)) == []


@pytest.mark.parametrize("missing", ["1", "2"])
def test_lines_without_a_specification_are_not_judged_as_families(missing: str) -> None:
    payload = _family(SPECIFICATION, SPECIFICATION)
    for line in payload["productOrderItem"]:
        if line["id"] == missing:
            line["product"] = {}
    assert judge(payload) == []


def test_families_with_unknown_members_are_judged_without_them() -> None:
    lines = [item("1", productOrderItemRelationship=[related("9"), related("8", "HasChild")])]
    texts = {text for _, text, _ in judge(order(items=lines))}
    assert texts == {"productOrderItemRelationship id names no line item"}


def test_the_specification_of_a_line_is_the_version_that_it_names() -> None:
    catalog = demo_references(specifications=_TWO).catalog
    payload = _with(productSpecification={"id": SPECIFICATION, "internalVersion": "1"})
    named = specification_of(draft_of(payload).items[0], catalog)
    newest = specification_of(draft_of(order()).items[0], catalog)
    assert named == _TWO[0]
    assert newest == _TWO[1]
    assert specification_of(draft_of(order(items=[item(product=None)])).items[0], catalog) is None
