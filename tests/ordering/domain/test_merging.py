"""How what a revision says is laid over lines and header; nothing is removed by leaving it out."""

from typing import Any

import msgspec
import pytest

from ordering.domain.order import LineItem
from ordering.domain.states import OrderState
from support import payloads
from support.payloads import characteristic, contact, item, order, price
from support.revisions import audit_of, line_of, order_in, revised

IN_PROGRESS = OrderState.IN_PROGRESS
PRODUCT = {"productSpecification": {"id": payloads.EDGE_DEVICE}}


def after(line: payloads.Payload, **said: Any) -> tuple[LineItem, dict[str, Any], list[str]]:
    """Revise the one line of an order; returns it with the fields and types of the audit."""
    before = order_in(IN_PROGRESS, order(items=[item("1", **line)]))
    change = revised(before, {"productOrderItem": [{"id": "1", "action": "add", **said}]})
    _, types, fields = audit_of(change).get("1", (0, [], {}))
    return line_of(change.order, "1"), dict(fields), types


def loaded(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def test_characteristics_are_merged_by_name() -> None:
    had = [characteristic("Routing", "Base"), characteristic("CPE Type", "Physical", seen=1)]
    said = [characteristic("CPE Type", "Virtual", previousValue="Physical"),
            characteristic("CPE Model", "ASR")]  # fmt: skip
    line, fields, types = after(
        {"product": PRODUCT | {"productCharacteristic": had}},
        product={"productCharacteristic": said},
    )
    assert [(each.name, each.value, each.previous_value) for each in line.characteristics] == [
        ("Routing", '"Base"', None),
        ("CPE Type", '"Virtual"', '"Physical"'),
        ("CPE Model", '"ASR"', None),
    ]
    assert loaded(line.characteristics[1].extras) == {"seen": 1}
    assert {each.value_type for each in line.characteristics} == {"Choice"}
    assert types == ["characteristic"]
    assert fields == {
        "product.productCharacteristic": (
            [{"name": "CPE Type", "value": "Physical", "valueType": "Choice",
              "extras": {"seen": 1}}],
            [{"name": "CPE Type", "value": "Virtual", "valueType": "Choice",
              "previousValue": "Physical", "extras": {"seen": 1}},
             {"name": "CPE Model", "value": "ASR", "valueType": "Choice"}],
        )
    }  # fmt: skip


def test_a_characteristic_named_twice_is_one() -> None:
    said = [characteristic("CPE Model", "ASR"), characteristic("CPE Model", "ISR")]
    line, _, _ = after({"product": PRODUCT}, product={"productCharacteristic": said})
    assert [(each.name, each.value) for each in line.characteristics] == [("CPE Model", '"ISR"')]


def test_contacts_are_merged_by_id_and_added_without_one() -> None:
    had = [contact(id="c1", email="old@example.com"), contact(id="c2")]
    said = [contact(id="c1", email="new@example.com", firstName="Joe", lastName=payloads.ABSENT),
            contact(firstName="Ann")]  # fmt: skip
    line, fields, types = after(
        {"product": PRODUCT | {"relatedParty": had}}, product={"relatedParty": said}
    )
    assert [(each.contact_id, each.name, each.email) for each in line.contacts] == [
        ("c1", "Joe Smith", "new@example.com"),
        ("c2", "John Smith", None),
        (None, "Ann Smith", None),
    ]
    assert types == ["contact"]
    before, now = fields["product.relatedParty"]
    assert [each["id"] for each in before] == ["c1"]
    assert [each["email"] for each in now if "email" in each] == ["new@example.com"]


def test_a_contact_is_found_by_the_id_that_we_gave_it() -> None:
    before = order_in(
        IN_PROGRESS, order(items=[item("1", product=PRODUCT | {"relatedParty": [contact()]})])
    )
    given = line_of(before, "1").contacts[0].id
    said = contact(id=given.hex, phone="1", name="The Boss")
    change = revised(
        before,
        {"productOrderItem": [{"id": "1", "action": "add", "product": {"relatedParty": [said]}}]},
    )
    (found,) = line_of(change.order, "1").contacts
    assert (found.id, found.contact_id, found.phone) == (given, None, "1")
    assert found.name == "The Boss"


def test_prices_of_a_type_that_is_named_are_replaced() -> None:
    once = price(5, priceType="nonRecurring", recurringChargePeriod=payloads.ABSENT)
    line, fields, types = after(
        {"itemPrice": [price(20), price(30), once]}, itemPrice=[price("9.90")]
    )
    amounts = [
        (each["priceType"], each["price"]["taxIncludedAmount"]["value"])
        for each in loaded(line.item_prices)
    ]
    assert amounts == [("nonRecurring", 5), ("recurring", 9.9)]
    assert '"value":9.90' in (line.item_prices or "")
    assert (types, list(fields)) == (["price"], ["itemPrice"])


def test_required_products_are_merged_by_id() -> None:
    had = [{"id": payloads.INVENTORY, "relationshipType": "Requires"}]
    said = [*had, {"id": payloads.EDGE_INVENTORY, "relationshipType": "Requires"}]
    line, fields, types = after(
        {"product": PRODUCT | {"productRelationship": had}},
        product={"productRelationship": said},
    )
    assert [each.related_id for each in line.related_items] == [
        payloads.INVENTORY,
        payloads.EDGE_INVENTORY,
    ]
    assert types == ["related_items"]
    assert fields == {"product.productRelationship": ([], [said[1]])}


def test_external_inventories_are_merged_by_id() -> None:
    key = "externalProductInventoryId"
    line, _, _ = after(
        {"externalProductInventory": [{key: "a"}, {key: "b", "kept": 1}]},
        externalProductInventory=[{key: "c"}, {key: "a"}],
    )
    assert loaded(line.external_product_inventory) == [
        {key: "b", "kept": 1},
        {key: "c"},
        {key: "a"},
    ]


def test_single_members_are_replaced_and_unknown_ones_merged() -> None:
    line, fields, types = after(
        {"actionReason": "why", "odd": 1, "product": PRODUCT | {"color": "red", "size": 1}},
        quantity=5,
        actionReason="because",
        committedDueDate="2030-01-01T00:00:00Z",
        odd=2,
        more=[3],
        product={"isBundle": True, "color": "blue", "place": {"id": payloads.SITE}},
    )
    assert (line.quantity, line.action_reason, line.is_bundle) == (5, "because", True)
    assert loaded(line.extras) == {"odd": 2, "more": [3]}
    assert loaded(line.product_extras) == {"color": "blue", "size": 1}
    assert line.location_id is not None
    assert set(fields) == {
        "quantity",
        "actionReason",
        "committedDueDate",
        "extras",
        "product.extras",
        "product.isBundle",
        "product.place",
    }
    assert fields["committedDueDate"] == (None, "2030-01-01T00:00:00.000Z")
    assert types == ["quantity", "other"]


def test_another_offering_replaces_the_one_before() -> None:
    line, fields, _ = after({}, product={"productSpecification": {"id": payloads.SECURITY}})
    assert loaded(line.product_specification)["name"] == "SD-WAN Security"
    (before, now) = fields["product.productSpecification"]
    assert (before["name"], now["name"]) == ("SD-WAN Service Package", "SD-WAN Security")


@pytest.mark.parametrize(
    "said", [{"itemPrice": None}, {"itemPrice": []}, {"product": None}, {"product": {}}]
)
def test_what_is_empty_changes_nothing(said: payloads.Payload) -> None:
    _, fields, types = after({"itemPrice": [price(20)]}, **said)
    assert (fields, types) == ({}, [])


def test_notes_are_added_and_channels_and_parties_replaced() -> None:
    before = order_in(
        IN_PROGRESS,
        order(note=[payloads.note("one")], channel=[payloads.channel()], extra="kept"),
    )
    change = revised(
        before,
        {
            "externalId": "PO-2",
            "externalSystem": "ABC-TMF622",
            "note": [payloads.note("two")],
            "relatedParty": [payloads.party("Consumer")],
            "requestedStartDate": "2030-01-01T00:00:00Z",
            "requestedCompletionDate": "2030-02-01T00:00:00Z",
            "orderDate": "2030-02-01T00:00:00Z",
            "more": 1,
        },
    )
    after_it = change.order
    assert [(each["text"], each["author"]) for each in loaded(after_it.notes)] == [
        ("one", "cpq"),
        ("two", "portal"),
    ]
    assert [each["@referredType"] for each in loaded(after_it.related_parties)] == ["Consumer"]
    assert (after_it.account_id, after_it.consumer_id is not None) == (None, True)
    assert loaded(after_it.channels)[0]["id"] == payloads.CHANNEL
    assert (after_it.external_id, after_it.external_system) == ("PO-2", "ABC-TMF622")
    assert after_it.expected_completion_date == after_it.requested_completion_date is not None
    assert after_it.order_date is None
    assert loaded(after_it.extras) == {"extra": "kept", "more": 1}
    assert set(change.fields) == {
        "externalId", "externalSystem", "note", "relatedParty", "requestedStartDate",
        "requestedCompletionDate", "extras",
    }  # fmt: skip


def test_a_value_type_that_was_sent_stays() -> None:
    had = [characteristic("Routing", "Base", valueType="custom")]
    line, fields, _ = after(
        {"product": PRODUCT | {"productCharacteristic": had}},
        product={"productCharacteristic": [characteristic("Routing", "Base")]},
    )
    assert line.characteristics[0].value_type == "custom"
    assert fields == {}


def test_notes_that_are_sent_back_are_not_doubled() -> None:
    before = order_in(IN_PROGRESS, order(note=[payloads.note("one"), payloads.note("two")]))
    held = loaded(before.notes)
    change = revised(before, {"note": [*held, payloads.note("three")]})
    assert [each["text"] for each in loaded(change.order.notes)] == ["one", "two", "three"]
    assert revised(before, {"note": held}).fields == {}
