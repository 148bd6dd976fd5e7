"""Generated orders that the service accepts."""

from hypothesis import strategies as st

from support import payloads
from support.generated import orders
from support.payloads import Payload

__all__ = ["placeable"]

_AMOUNTS = st.decimals(
    min_value=0, max_value=10**17, places=3, allow_nan=False, allow_infinity=False
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
