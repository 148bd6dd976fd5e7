"""From a draft to the lines of an order: references are resolved, everything else is kept."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from ordering.domain.capture import Circumstances, capture
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import LineItem, Order
from ordering.domain.references import CharacteristicSpec, References
from ordering.domain.states import OrderState
from ordering.domain.timestamps import now
from support.found import (
    choice,
    demo_references,
    draft_of,
    id_of,
    inventory,
    offering,
    specification,
)
from support.payloads import (
    EDGE_INVENTORY,
    INVENTORY,
    OFFERING,
    SITE,
    SPECIFICATION,
    UNKNOWN_ID,
    Payload,
    change_item,
    characteristic,
    contact,
    item,
    order,
    price,
    product,
    related,
)

_HOW = Circumstances(order_id=new_id(), client="cpq", moment=now())


def _capture(payload: Payload, found: References | None = None) -> Order:
    return capture(draft_of(payload), found or demo_references(), _HOW)


def _line(line: Payload, found: References | None = None) -> LineItem:
    (captured,) = _capture(order(items=[line]), found).line_items
    return captured


def _read(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def test_lines_keep_their_members_and_places() -> None:
    first = item(
        "POI1",
        quantity=Decimal("2.50"),
        actionReason="new site",
        committedDueDate="2027-01-01T00:00:00Z",
        itemPrice=[price("9.99", name="Fee", taxCategory="A")],
        externalProductInventory=[{"externalProductInventoryId": "EXT-1", "x": None}],
    )
    captured = _capture(order(items=[first, change_item("POI2")])).line_items
    assert [(line.item_id, line.position, line.action) for line in captured] == [
        ("POI1", 0, "add"),
        ("POI2", 1, "change"),
    ]
    line = captured[0]
    assert (line.state, line.version, line.ponr) == (OrderState.NEW, 1, False)
    assert str(line.quantity) == "2.50"
    assert line.action_reason == "new site"
    assert line.committed_due_date == datetime(2027, 1, 1, tzinfo=UTC)
    assert line.item_prices == (
        '[{"name":"Fee","priceType":"recurring","recurringChargePeriod":"month",'
        '"price":{"taxIncludedAmount":{"unit":"USD","value":9.99}},"taxCategory":"A"}]'
    )
    assert line.external_product_inventory == '[{"externalProductInventoryId":"EXT-1","x":null}]'
    assert line.extras is line.product_extras is None
    assert captured[1].item_prices is captured[1].external_product_inventory is None
    assert len({_HOW.order_id, *(line.id for line in captured)}) == 3


@pytest.mark.parametrize("sent", [{"action": "add"}, {"product": None}, {"product": {}}])
def test_a_line_may_say_next_to_nothing(sent: Payload) -> None:
    line = _line(sent)
    assert (line.item_id, line.action) == ("", sent.get("action", ""))
    assert line.product_offering is line.product_offering_id is None
    assert line.product_specification is line.product_specification_id is None
    assert line.place is line.location_id is line.product_id is line.product_inventory_id is None
    assert line.characteristics == line.contacts == line.related_items == []
    assert line.relationships is None


@pytest.mark.parametrize(
    ("members", "extras", "product_extras"),
    [
        ({"@type": "ProductOrderItem"}, None, None),
        ({"@type": "SpecialItem", "x": 1}, {"@type": "SpecialItem", "x": 1}, None),
        ({"product": product(isBundle=False, **{"@type": "Product"})}, None, None),
        (
            {"product": product(x={"y": 1}, **{"@type": "Special"})},
            None,
            {"@type": "Special", "x": {"y": 1}},
        ),
    ],
)
def test_types_are_kept_where_they_are_not_the_usual_ones(
    members: Payload, extras: object, product_extras: object
) -> None:
    line = _line(item(**members))
    assert _read(line.extras) == extras
    assert _read(line.product_extras) == product_extras


@pytest.mark.parametrize("flag", [True, False, None])
def test_whether_it_is_a_bundle_is_kept(flag: object) -> None:
    assert _line(item(product=product(isBundle=flag))).is_bundle is flag


def test_offering_and_specification_are_completed() -> None:
    line = _line(item())
    assert line.product_offering_id == id_of(OFFERING)
    assert _read(line.product_offering) == {
        "id": OFFERING,
        "name": "Premium SD-WAN Offering",
        "version": "v1",
        "internalVersion": "1",
        "internalId": OFFERING,
    }
    assert line.product_specification_id == id_of(SPECIFICATION)
    assert _read(line.product_specification) == {
        "id": SPECIFICATION,
        "name": "SD-WAN Service Package",
        "version": "v1",
        "internalVersion": "1",
        "internalId": SPECIFICATION,
        "@type": "ProductSpecificationRef",
    }


def test_external_ids_are_preferred_and_names_that_were_sent_stay() -> None:
    found = demo_references(
        offerings=[offering("fiber-home", internal_version=3)],
        specifications=[specification("fiber", version=None)],
    )
    sent = {"id": show_id(id_of("fiber-home")), "name": "Fiber!", "internalId": "mine", "x": 1}
    spec = {"id": show_id(id_of("fiber")), "name": "Fibre", "@type": "SpecialRef"}
    line = _line(item(productOffering=sent, product={"productSpecification": spec}), found)
    assert _read(line.product_offering) == {
        "id": "fiber-home",
        "name": "Fiber!",
        "version": "v1",
        "internalVersion": "3",
        "internalId": show_id(id_of("fiber-home")),
        "x": 1,
    }
    assert _read(line.product_specification) == {
        "id": "fiber",
        "name": "Fibre",
        "internalVersion": "1",
        "internalId": show_id(id_of("fiber")),
        "@type": "SpecialRef",
    }


def test_what_is_not_found_is_kept_as_it_was_sent() -> None:
    sent = {"id": UNKNOWN_ID, "name": "N", "version": "9", "internalVersion": "8", "x": 1}
    line = _line(
        change_item(inventory=UNKNOWN_ID, productSpecification=sent, place={"id": UNKNOWN_ID})
        | {"productOffering": sent}
    )
    assert _read(line.product_offering) == sent
    assert _read(line.product_specification) == sent | {"@type": "ProductSpecificationRef"}
    assert _read(line.place) == {"id": UNKNOWN_ID, "@type": "Place"}
    assert line.product_id == UNKNOWN_ID
    assert line.product_offering_id is line.product_specification_id is None
    assert line.product_inventory_id is line.location_id is None


def test_an_inventory_is_shown_by_its_external_id_where_it_has_one() -> None:
    by_id = _line(change_item())
    assert (by_id.product_id, by_id.product_inventory_id) == (INVENTORY, id_of(INVENTORY))
    found = demo_references(inventories=[inventory("EXT-1")])
    for sent in ("EXT-1", show_id(id_of("EXT-1"))):
        line = _line(change_item(inventory=sent), found)
        assert (line.product_id, line.product_inventory_id) == ("EXT-1", id_of("EXT-1"))


def test_a_place_is_resolved_and_keeps_its_attributes() -> None:
    line = _line(item(product=product(place={"id": SITE, "@type": "Site", "floor": 3})))
    assert line.location_id == id_of(SITE)
    assert _read(line.place) == {"id": SITE, "@type": "Site", "floor": 3}


# -- below a line ----------------------------------------------------------------------------------
def test_characteristics_keep_any_value_and_their_type_sent_wins() -> None:
    known = CharacteristicSpec(name="Speed", value_type="Integer")
    found = demo_references(specifications=[specification(SPECIFICATION, known, choice("Colour"))])
    sent = [
        characteristic("Speed", Decimal("1.50"), previousValue=False),
        characteristic("Speed", {"a": [None]}, valueType="Object", x=1),
        characteristic("Colour", ""),
        characteristic("Other", None, previousValue=0),
        {"value": "nameless"},
    ]
    captured = _line(item(product=product(productCharacteristic=sent)), found).characteristics
    assert [
        (each.name, each.value_type, each.value, each.previous_value, each.extras)
        for each in captured
    ] == [
        ("Speed", "Integer", "1.50", "false", None),
        ("Speed", "Object", '{"a":[null]}', None, '{"x":1}'),
        ("Colour", "Choice", '""', None, None),
        ("Other", None, None, "0", None),
        (None, None, '"nameless"', None, None),
    ]


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ({}, "John Smith"),
        ({"name": "Jack"}, "Jack"),
        ({"firstName": None}, "Smith"),
        ({"lastName": ""}, "John"),
        ({"firstName": None, "lastName": None}, None),
    ],
)
def test_a_contact_has_a_name_made_of_its_names(members: Payload, name: str | None) -> None:
    (captured,) = _line(item(product=product(relatedParty=[contact(**members)]))).contacts
    assert captured.name == name


def test_contacts_keep_what_was_sent() -> None:
    sent = contact(id="7", email="j@example.com", phone="1", **{"@type": "RelatedParty"})
    alias = {"type": "OrderLineItemContact", "@type": "Person", "x": 1}
    first, second = _line(item(product=product(relatedParty=[sent, alias]))).contacts
    assert (first.contact_id, first.first_name, first.last_name) == ("7", "John", "Smith")
    assert (first.email, first.phone) == ("j@example.com", "1")
    assert first.referred_type == second.referred_type == "OrderLineItemContact"
    assert first.extras is None
    assert first.id != second.id
    assert _read(second.extras) == {"@type": "Person", "type": "OrderLineItemContact", "x": 1}


def test_required_products_are_resolved() -> None:
    sent = [{"id": EDGE_INVENTORY, "relationshipType": "Requires", "x": 1}, {"id": "?"}, {}]
    captured = _line(item(product=product(productRelationship=sent))).related_items
    assert [
        (each.related_id, each.product_inventory_id, each.relationship_type, each.extras)
        for each in captured
    ] == [
        (EDGE_INVENTORY, id_of(EDGE_INVENTORY), "Requires", '{"x":1}'),
        ("?", None, None, None),
        (None, None, None, None),
    ]


def test_a_parent_is_known_whichever_side_states_it() -> None:
    relations = {
        "up": [related("top")],
        "top": [related("down", "HasChild"), related("up", "Requires", x=1)],
        "down": [],
        "alone": [related("top", "Requires"), related("nobody")],
    }
    lines = [item(name, productOrderItemRelationship=sent) for name, sent in relations.items()]
    captured = {line.item_id: line for line in _capture(order(items=lines)).line_items}
    top = captured["top"].id
    assert {name: line.parent_line_item_id for name, line in captured.items()} == {
        "up": top,
        "top": None,
        "down": top,
        "alone": None,
    }
    assert [_read(line.relationships) for line in captured.values()] == list(relations.values())
