"""From an order back to the draft that would place it: what rules about whole orders look at.

Members that the service filled in, names and versions for instance, are there too.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from ordering.domain.decode import read_payload
from ordering.domain.draft import OrderDraft
from ordering.domain.order import JsonText, LineItem, Order
from ordering.domain.timestamps import show_timestamp

__all__ = ["redraft"]

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def redraft(order: Order, lines: Sequence[LineItem]) -> OrderDraft:
    """Draw a draft of an order with these lines, in their order."""
    payload = {
        "externalId": order.external_id,
        "externalSystem": order.external_system,
        "orderCurrency": order.order_currency,
        "currencyCode": order.currency_code,
        "orderDate": _moment(order.order_date),
        "requestedStartDate": _moment(order.requested_start_date),
        "requestedCompletionDate": _moment(order.requested_completion_date),
        "committedDueDate": _moment(order.committed_due_date),
        "channel": _load(order.channels),
        "note": _load(order.notes),
        "relatedParty": _load(order.related_parties),
        "productOrderItem": [_line(line) for line in lines],
        **_members(order.extras),
    }
    return read_payload(OrderDraft, payload).draft


def _line(line: LineItem) -> dict[str, Any]:
    return {
        "id": line.item_id,
        "action": line.action,
        "actionReason": line.action_reason,
        "quantity": line.quantity,
        "committedDueDate": _moment(line.committed_due_date),
        "productOffering": _load(line.product_offering),
        "itemPrice": _load(line.item_prices),
        "productOrderItemRelationship": _load(line.relationships),
        "externalProductInventory": _load(line.external_product_inventory),
        "product": _product(line),
        **_members(line.extras),
    }


def _product(line: LineItem) -> dict[str, Any]:
    return {
        "id": line.product_id,
        "isBundle": line.is_bundle,
        "productSpecification": _load(line.product_specification),
        "place": _load(line.place),
        "productCharacteristic": [
            {
                "name": each.name,
                "value": _load(each.value),
                "valueType": each.value_type,
                "previousValue": _load(each.previous_value),
                **_members(each.extras),
            }
            for each in line.characteristics
        ],
        "relatedParty": [
            {
                "id": each.contact_id,
                "name": each.name,
                "firstName": each.first_name,
                "lastName": each.last_name,
                "email": each.email,
                "phone": each.phone,
                "@referredType": each.referred_type,
                **_members(each.extras),
            }
            for each in line.contacts
        ],
        "productRelationship": [
            {
                "id": each.related_id,
                "relationshipType": each.relationship_type,
                **_members(each.extras),
            }
            for each in line.related_items
        ],
        **_members(line.product_extras),
    }


def _load(text: JsonText | None) -> Any:
    return None if text is None else _decoder.decode(text)


def _members(text: JsonText | None) -> dict[str, Any]:
    return {} if text is None else _decoder.decode(text)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else show_timestamp(moment)
