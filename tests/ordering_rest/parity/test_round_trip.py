"""Any order that may be placed: GET answers all of it, member by member."""

from decimal import Decimal
from typing import Any, cast

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import payloads
from support.api import ORDERS, Api
from support.generated import ORDER, Leaf, normal, orders, same
from support.payloads import Payload, to_json

_decoder = msgspec.json.Decoder(float_hook=Decimal)

_AMOUNTS = st.decimals(
    min_value=0, max_value=10**17, places=3, allow_nan=False, allow_infinity=False
)


#: Members that the service fills in where they are empty.
COMPLETED = {"@type", "author", "name", "valueType"}


_settled = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@st.composite
def placeable(draw: st.DrawFn) -> Payload:
    """Any order of the right shape, with what the rules judge made good."""
    order = draw(orders())
    order["orderCurrency"] = "USD"
    if order.get("currencyCode"):
        order["currencyCode"] = "USD"
    order.pop("committedDueDate", None)
    for channel in order.get("channel") or ():
        channel["id"] = payloads.CHANNEL
    for note in order.get("note") or ():
        note["text"] = note.get("text") or "a remark"
    parties: list[Payload] = order.get("relatedParty") or [{}]
    for party in parties:
        party.pop("type", None)
        party.update(payloads.party())
    order["relatedParty"] = parties
    lines: list[Payload] = order.get("productOrderItem") or [{}]
    order["productOrderItem"] = lines
    for number, line in enumerate(lines):
        _repair_line(draw, line, f"line {number}")
    return order


def _repair_line(draw: st.DrawFn, line: Payload, item_id: str) -> None:
    line.pop("committedDueDate", None)
    line.update({"id": item_id, "action": "add"})
    offering: Payload = line.get("productOffering") or {}
    line["productOffering"] = _reference(offering, payloads.OFFERING)
    if line.get("quantity") is not None:
        line["quantity"] = draw(_AMOUNTS)
    for relation in line.get("productOrderItemRelationship") or ():
        relation.update({"id": "line 0", "relationshipType": "Requires"})
    if item_id == "line 0":
        line.pop("productOrderItemRelationship", None)
    for item_price in line.get("itemPrice") or ():
        price: Payload = item_price.get("price") or {}
        if price.get("taxRate") is not None:
            price["taxRate"] = draw(_AMOUNTS)
        for name in ("taxIncludedAmount", "dutyFreeAmount"):
            if price.get(name):
                price[name] |= {"unit": "USD", "value": draw(_AMOUNTS)}
    if line.get("product"):
        _repair_product(line["product"])


def _repair_product(product: Payload) -> None:
    product.pop("id", None)
    if product.get("productSpecification"):
        _reference(product["productSpecification"], payloads.SPECIFICATION)
    if product.get("place") is not None:
        product["place"]["id"] = payloads.SITE
    for contact in product.get("relatedParty") or ():
        contact.pop("type", None)
        contact["@referredType"] = "OrderLineItemContact"
    for relation in product.get("productRelationship") or ():
        relation["id"] = payloads.INVENTORY
    for characteristic in product.get("productCharacteristic") or ():
        # One whose value did not change is not shown.
        characteristic.pop("previousValue", None)


def _reference(ref: Payload, identity: str) -> Payload:
    for name in ("version", "internalVersion", "internalId"):
        ref.pop(name, None)
    ref["id"] = identity
    return ref


def missing(sent: Payload, answered: Payload, shape: dict[str, Any], at: str = "") -> list[str]:
    """List the pointers of what was sent and is not answered, or otherwise."""
    found: list[str] = []
    for name, value in normal(sent, shape).items():
        kind = shape.get(name)
        pointer = f"{at}/{name}"
        if kind is Leaf.IGNORED or value in ([], {}) or (name in COMPLETED and value == ""):
            continue
        if name not in answered:
            found.append(pointer)
        elif isinstance(kind, list):
            inner = cast("list[dict[str, Any]]", kind)[0]
            pairs = zip(value, answered[name], strict=True)
            found += [
                one
                for number, (ours, theirs) in enumerate(pairs)
                for one in missing(ours, theirs, inner, f"{pointer}/{number}")
            ]
        elif isinstance(kind, dict):
            found += missing(value, answered[name], cast("dict[str, Any]", kind), pointer)
        elif not same(value, answered[name]):
            found.append(pointer)
    return found


@_settled
@given(order=placeable())
async def test_what_was_placed_comes_back(api: Api, order: Payload) -> None:
    created = await api.post(ORDERS, to_json(order))
    assert created.status_code == 201, created.text
    answered = await api.get(created.headers["location"])
    assert answered.status_code == 200
    shown = _decoder.decode(answered.content)
    assert same(shown, _decoder.decode(created.content))
    assert missing(order, shown, ORDER) == []


@_settled
@given(order=placeable())
async def test_what_was_read_and_is_sent_back_changes_nothing(api: Api, order: Payload) -> None:
    created = await api.post(ORDERS, to_json(order))
    location = created.headers["location"]
    async with api.database.acquire() as connection:
        await connection.execute("UPDATE customer_order SET state = 'in_progress'")
        await connection.execute("UPDATE order_line_item SET state = 'in_progress'")
    read = await api.get(location)
    revised = await api.patch(location, read.content)
    assert revised.status_code == 201, revised.text
    async with api.database.acquire() as connection:
        changes = await connection.fetchval(
            "SELECT changes::text FROM order_revision WHERE operation = 'update'"
            " ORDER BY id DESC LIMIT 1"
        )
    assert changes == "{}"
    again = _decoder.decode((await api.get(location)).content)
    assert same(again, _decoder.decode(read.content) | {"version": "2"})
