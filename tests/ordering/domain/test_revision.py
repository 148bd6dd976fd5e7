"""What a revision makes of an order: versions, states, lines and the audit."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ordering.domain.change import Event
from ordering.domain.errors import Problem
from ordering.domain.extension import required
from ordering.domain.redraft import redraft
from ordering.domain.states import OrderState
from ordering.domain.values import encode
from support import payloads
from support.found import demo_references, inventory, offering
from support.generated import full_order
from support.payloads import item, order, related
from support.revisions import MOMENT, audit_of, line_of, order_in, problems_of, revised

IN_PROGRESS = OrderState.IN_PROGRESS


def plain(item_id: str, **members: Any) -> payloads.Payload:
    """A line that may stand below any other, since it names no specification."""
    return item(item_id, product=payloads.ABSENT, **members)


def tree() -> payloads.Payload:
    """A parent with two children, one of which has a child of its own."""
    return order(
        items=[
            plain("top"),
            plain("left", productOrderItemRelationship=[related("top")]),
            plain("right", productOrderItemRelationship=[related("top")]),
            plain("leaf", productOrderItemRelationship=[related("left")]),
        ]
    )


def said(item_id: str, **members: Any) -> payloads.Payload:
    """Say something of a line."""
    return {"id": item_id, "action": "add", **members}


def lines(*items: payloads.Payload, **members: Any) -> payloads.Payload:
    return {"productOrderItem": list(items), **members}


def test_the_published_revision_replaces_the_channel() -> None:
    before = order_in(IN_PROGRESS, order(channel=[payloads.channel()]))
    change = revised(
        before, {"channel": [{"id": "1", "name": "Agent Assist"}]}, check_references=False
    )
    assert change.order.channels == '[{"id":"1","name":"Agent Assist"}]'
    assert change.fields == {
        "channel": (
            [{"id": "2", "name": "Online channel"}],
            [{"id": "1", "name": "Agent Assist"}],
        )
    }
    assert (change.lines, change.added, change.types) == ([], [], ["header"])


def test_order_and_changed_lines_rise_by_one_version_and_no_other() -> None:
    before = order_in(IN_PROGRESS, tree())
    change = revised(before, lines(said("left", quantity=7), said("right")))
    assert change.order.version == 2
    assert [(line.item_id, line.version) for line in change.order.line_items] == [
        ("top", 1), ("left", 2), ("right", 1), ("leaf", 1),
    ]  # fmt: skip
    assert audit_of(change) == {"left": (2, ["quantity"], {"quantity": (Decimal(1), Decimal(7))})}
    assert (change.operation, change.client) == ("update", "portal")
    assert change.order.state is IN_PROGRESS
    assert list(change.events) == [Event.ATTRIBUTES_CHANGED]
    assert change.order.updated_at == change.moment > MOMENT


def test_a_revision_that_says_nothing_is_one_too() -> None:
    change = revised(order_in(IN_PROGRESS, tree()), {})
    assert (change.order.version, change.fields, list(change.lines)) == (2, {}, [])


def test_two_revisions_within_a_millisecond_have_different_tags() -> None:
    before = order_in(IN_PROGRESS, order())
    before.updated_at = MOMENT.of(MOMENT.replace(year=2999))
    change = revised(before, {})
    assert change.order.updated_at > before.updated_at
    assert change.order.tag != before.tag


def test_a_new_line_is_added_at_the_end_and_is_approved_with_the_order() -> None:
    change = revised(
        order_in(IN_PROGRESS, tree()),
        lines(plain("new", productOrderItemRelationship=[related("left")])),
    )
    new = line_of(change.order, "new")
    assert [line.item_id for line in change.order.line_items][-1] == "new"
    assert (new.position, new.version, new.state) == (4, 1, OrderState.ACKNOWLEDGED)
    assert new.parent_line_item_id == line_of(change.order, "left").id
    assert [line.item_id for line in change.added] == ["new"]
    assert list(change.lines) == []
    assert change.types == ["line_added"]


def test_a_canceled_line_takes_those_below_it_along() -> None:
    change = revised(order_in(IN_PROGRESS, tree()), lines(said("left", revisionOperation="cancel")))
    states = {line.item_id: (line.state, line.version) for line in change.order.line_items}
    canceling = OrderState.CANCELLATION_IN_PROGRESS
    assert states == {
        "top": (IN_PROGRESS, 1),
        "left": (canceling, 2),
        "right": (IN_PROGRESS, 1),
        "leaf": (canceling, 2),
    }
    assert audit_of(change) == {
        "left": (2, ["line_canceled"], {"state": (IN_PROGRESS, canceling)}),
        "leaf": (2, ["line_canceled"], {"state": (IN_PROGRESS, canceling)}),
    }


def test_what_is_said_of_a_canceled_line_beside_has_no_effect() -> None:
    whole = plain("left", revisionOperation="cancel")
    whole["productOffering"]["id"] = payloads.UNKNOWN_ID
    whole["quantity"] = 99
    change = revised(order_in(IN_PROGRESS, tree()), lines(whole))
    assert line_of(change.order, "left").quantity == 1


def test_an_empty_revision_operation_updates() -> None:
    change = revised(
        order_in(IN_PROGRESS, tree()), lines(said("top", quantity=2, revisionOperation=""))
    )
    assert line_of(change.order, "top").quantity == 2


def test_a_child_moves_to_the_parent_that_it_names() -> None:
    change = revised(
        order_in(IN_PROGRESS, tree()),
        lines(said("leaf", productOrderItemRelationship=[related("right")])),
    )
    assert line_of(change.order, "leaf").parent_line_item_id == line_of(change.order, "right").id
    _, types, fields = audit_of(change)["leaf"]
    assert types == ["other"]
    assert fields["parent"] == ("left", "right")


def test_a_parent_that_names_a_child_changes_the_child_too() -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a"), plain("b")]))
    change = revised(
        before, lines(said("a", productOrderItemRelationship=[related("b", "HasChild")]))
    )
    assert line_of(change.order, "b").parent_line_item_id == line_of(change.order, "a").id
    assert audit_of(change)["b"] == (2, ["other"], {"parent": (None, "a")})


def test_a_revision_that_waits_for_approval_stops_the_order_and_the_lines_it_touches() -> None:
    change = revised(
        order_in(IN_PROGRESS, tree()),
        lines(said("top", quantity=2), said("leaf", revisionOperation="cancel"), item("new")),
        wait_for_approval=True,
    )
    assert change.order.state is OrderState.REVISION_IN_PROGRESS
    assert change.fields == {"state": (IN_PROGRESS, OrderState.REVISION_IN_PROGRESS)}
    assert {line.item_id: line.state for line in change.order.line_items} == {
        "top": OrderState.REVISION_IN_PROGRESS,
        "left": IN_PROGRESS,
        "right": IN_PROGRESS,
        "leaf": OrderState.ASSESSING_CANCELLATION,
        "new": OrderState.NEW,
    }
    assert line_of(change.order, "leaf").state_before == "in_progress"
    assert list(change.events) == [Event.ATTRIBUTES_CHANGED, Event.STATE_CHANGED]


def test_a_new_order_may_be_edited_where_the_settings_say_so() -> None:
    before = order_in(OrderState.NEW, tree())
    assert problems_of(before, {}) == [("", "Cannot update the order in state: New", 1)]
    change = revised(
        before,
        lines(said("leaf", revisionOperation="cancel"), item("new")),
        edit_new=True,
        wait_for_approval=True,
    )
    assert change.order.state is OrderState.NEW
    assert line_of(change.order, "leaf").state is OrderState.CANCELED
    assert line_of(change.order, "new").state is OrderState.NEW


def test_a_new_order_whose_lines_are_all_canceled_is_canceled() -> None:
    change = revised(
        order_in(OrderState.NEW, tree()),
        lines(said("top", revisionOperation="cancel")),
        edit_new=True,
    )
    assert change.order.state is OrderState.CANCELED
    assert {line.state for line in change.order.line_items} == {OrderState.CANCELED}


def test_odd_characteristics_of_a_revision_become_work_notes_once() -> None:
    before = order_in(
        IN_PROGRESS, order(items=[item("1", product=payloads.product(payloads.CONTROLLER))])
    )
    odd = {"productCharacteristic": [payloads.characteristic("Tenancy", "huge")]}
    change = revised(before, lines(said("1", product=odd)))
    (note,) = line_of(change.order, "1").work_notes
    assert note.startswith("Order Item characteristic: Tenancy with characteristic value: hugeis")
    assert [list(each.notes) for each in change.lines] == [[note]]
    again = revised(change.order, lines(said("1", quantity=2, product=odd)))
    assert [list(each.notes) for each in again.lines] == [[]]
    assert line_of(change.order, "1").characteristics[0].value_type == "Choice"


def test_work_notes_about_characteristics_can_be_switched_off() -> None:
    before = order_in(
        IN_PROGRESS, order(items=[item("1", product=payloads.product(payloads.CONTROLLER))])
    )
    odd = {"productCharacteristic": [payloads.characteristic("no such", 1)]}
    change = revised(before, lines(said("1", product=odd)), validate_characteristic_values=False)
    assert line_of(change.order, "1").work_notes == []


def test_repeating_the_whole_order_changes_nothing() -> None:
    change = revised(order_in(IN_PROGRESS, tree()), tree() | {"note": None})
    assert (change.fields, list(change.lines), list(change.added)) == ({}, [], [])


def test_what_a_line_has_is_not_judged_again() -> None:
    """The catalog moves on, and so does the inventory that a change order is about."""
    before = order_in(IN_PROGRESS, order(items=[payloads.change_item("1")]))
    now = payloads.change_item("1") | {"quantity": 2}
    later = demo_references(
        inventories=[inventory(status="change_pending")], offerings=[offering(status="retired")]
    )
    change = revised(before, lines(now), later)
    assert line_of(change.order, "1").quantity == 2


@pytest.mark.parametrize("state", [OrderState.COMPLETED, OrderState.CANCELLATION_IN_PROGRESS])
def test_a_line_that_has_ended_may_be_repeated(state: OrderState) -> None:
    before = order_in(IN_PROGRESS, tree())
    line_of(before, "left").state = state
    change = revised(before, tree())
    assert list(change.lines) == []


def test_rules_of_plug_ins_see_the_order_as_it_would_become() -> None:
    rules = (required("/requestedStartDate", "/productOrderItem/*/costCenter"),)
    payload = order(
        items=[plain("a", costCenter="1"), plain("b", costCenter="2"), plain("c")],
        requestedStartDate="2030-01-01T00:00:00Z",
    )
    before = order_in(IN_PROGRESS, payload)
    text = "Invalid payload: productOrderItem costCenter is missing"
    assert problems_of(before, lines(plain("new"), said("b")), extra_rules=rules) == [
        ("/productOrderItem/0/costCenter", text, 23),
        ("/productOrderItem", text, 23),
    ]
    canceled = said("c", revisionOperation="cancel")
    change = revised(before, lines(plain("new", costCenter="3"), canceled), extra_rules=rules)
    assert change.order.version == 2


def test_an_order_drawn_as_a_draft_is_the_draft_that_places_it() -> None:
    payload, _ = full_order()
    placed = order_in(OrderState.NEW, payload)
    again = order_in(
        OrderState.NEW, msgspec.json.decode(encode(redraft(placed, placed.line_items)))
    )
    ids = ("id", "contacts", "product_extras", "extras")
    for name in placed.line_items[0].__struct_fields__:
        if name not in ids:
            assert getattr(again.line_items[0], name) == getattr(placed.line_items[0], name), name


@pytest.mark.parametrize(
    "pointer", ["/productOrderItem/9/x", "/productOrderItem/-", "/productOrderItem/٣"]
)
def test_a_plug_in_that_points_nowhere_is_told_at_the_lines(pointer: str) -> None:
    def rule(_draft: object, _found: object) -> list[Problem]:
        return [Problem("odd", pointer, 24)]

    before = order_in(IN_PROGRESS, order(items=[plain("a")]))
    assert problems_of(before, {}, extra_rules=(rule,)) == [("/productOrderItem", "odd", 24)]


def test_a_plug_in_that_points_to_the_header_is_told_there() -> None:
    before = order_in(IN_PROGRESS, order(items=[plain("a")]))
    rules = (required("/requestedStartDate"),)
    text = "Invalid payload: requestedStartDate is missing"
    assert problems_of(before, {}, extra_rules=rules) == [("/requestedStartDate", text, 23)]


def test_lines_that_left_before_take_nobody_along() -> None:
    """A line below one that was canceled is not canceled by the next revision."""
    before = order_in(IN_PROGRESS, tree())
    line_of(before, "left").state = OrderState.CANCELED
    change = revised(before, {"note": [payloads.note()]})
    assert list(change.lines) == []
    assert line_of(change.order, "leaf").state is IN_PROGRESS


def test_a_line_that_moves_away_is_not_canceled_with_its_old_parent() -> None:
    change = revised(
        order_in(IN_PROGRESS, tree()),
        lines(
            said("left", revisionOperation="cancel"),
            said("leaf", productOrderItemRelationship=[related("right")]),
        ),
    )
    leaf = line_of(change.order, "leaf")
    assert (leaf.state, leaf.version) == (IN_PROGRESS, 2)


def test_a_long_chain_of_lines_is_walked_once() -> None:
    """5,000 levels: with a walk per line this would take minutes."""
    chain = [plain("0")] + [
        plain(str(number), productOrderItemRelationship=[related(str(number - 1))])
        for number in range(1, 5000)
    ]
    before = order_in(IN_PROGRESS, order(items=chain))
    change = revised(before, lines(said("1", revisionOperation="cancel")))
    assert len(change.lines) == 4999


def test_five_thousand_lines_lose_their_parent() -> None:
    star = [plain("top")] + [
        plain(str(number), productOrderItemRelationship=[related("top")]) for number in range(4999)
    ]
    before = order_in(IN_PROGRESS, order(items=star))
    alone = [said(str(number), productOrderItemRelationship=[]) for number in range(4999)]
    change = revised(before, lines(*alone))
    assert len(change.lines) == 4999
    assert change.lines[0].fields["parent"] == ("top", None)


def test_the_order_that_is_revised_stays_as_it_is() -> None:
    """It may be decided on once more, under its lock."""
    before = order_in(IN_PROGRESS, tree())
    kept = encode(before)
    product = payloads.product(
        productCharacteristic=[payloads.characteristic("CPE Type", "none such")],
        relatedParty=[payloads.contact(id="c1")],
    )
    revised(
        before,
        lines(
            said("left", quantity=7, product=product),
            said("right", productOrderItemRelationship=[related("left")]),
            said("leaf", revisionOperation="cancel"),
            plain("new", productOrderItemRelationship=[related("top")]),
            note=[payloads.note()],
        ),
    )
    assert encode(before) == kept
