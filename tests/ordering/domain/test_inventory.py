"""What lines do to product inventories: the table, and what cannot be relied on in a line.

The effects themselves are tested where they are rows (`orders/test_progress_inventory.py`).
"""

from typing import Any

import pytest

from ordering.domain.inventory import (
    EFFECTS,
    Inventories,
    InventoryWriter,
    external_name,
    inventory_ids,
)
from ordering.domain.order import LineItem, Order
from ordering.domain.rules.items import ACTIONS
from ordering.domain.states import OrderState
from support import payloads
from support.found import demo_references, id_of
from support.revisions import order_in

_TABLE = """
add: -, creates
change: change_pending active
move: change_pending inactive, creates
delete: change_pending inactive
suspend: None suspended
resume: None active
no-change: -
"""


def order_of(*items: payloads.Payload, **found: Any) -> Order:
    payload = payloads.order(items=items)
    return order_in(OrderState.IN_PROGRESS, payload, demo_references(**found))


def line_of(item: payloads.Payload, **found: Any) -> LineItem:
    return order_of(item, **found).line_items[0]


def test_the_effects_are_exactly_the_documented_ones() -> None:
    told = {
        action: (f"{effects.named.approved} {effects.named.completed}" if effects.named else "-")
        + (", creates" if effects.creates else "")
        for action, effects in EFFECTS.items()
    }
    assert [f"{action}: {text}" for action, text in told.items()] == _TABLE.strip().splitlines()


def test_every_action_of_lines_has_effects() -> None:
    assert set(EFFECTS) - {"move"} == set(ACTIONS)


def test_inventories_are_locked_once_each_and_in_one_order() -> None:
    names = [payloads.INVENTORY, payloads.EDGE_INVENTORY]
    items = [payloads.change_item(str(n), inventory=names[n % 2]) for n in range(4)]
    order = order_of(*items, payloads.item("new"))
    assert inventory_ids(order.line_items) == sorted(map(id_of, names))


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ([{"externalProductInventoryId": "a"}, {"externalProductInventoryId": "b"}], "a"),
        ([{"system": "old"}, {"externalProductInventoryId": ""}], None),
        ([{"system": "old"}, {"externalProductInventoryId": "b"}], "b"),
        ([], None),
        (payloads.ABSENT, None),
    ],
)
def test_the_first_external_id_of_a_line_is_that_of_its_inventory(
    sent: object, name: str | None
) -> None:
    assert external_name(line_of(payloads.item(externalProductInventory=sent))) == name


def test_what_a_client_claims_of_an_unknown_specification_is_not_recorded() -> None:
    claimed = {"id": "unknown", "name": "Mine", "internalVersion": "the last but one"}
    product = {"productSpecification": claimed}
    order = order_of(payloads.item(product=product), specifications=[])
    writer = InventoryWriter(order, Inventories())
    writer.approve(order.line_items[0])
    (change,) = writer.changes
    assert (change.name, change.product_specification_id, change.internal_version) == (
        "Mine",
        None,
        None,
    )


def test_a_product_without_specification_is_named_by_its_offering() -> None:
    order = order_of(payloads.item(product=payloads.ABSENT))
    writer = InventoryWriter(order, Inventories())
    writer.approve(order.line_items[0])
    assert [change.name for change in writer.changes] == ["Premium SD-WAN Offering"]
