"""What the fields of the GraphQL face mean, on plain objects: a part of its tests' oracle.

Fields that are not here are members of the object, under the same name.
"""

import operator
from collections.abc import Callable, Sequence
from decimal import Context, Decimal, localcontext
from typing import Any

from ordering.domain.ids import parse_id, show_id
from ordering.domain.order import LineItem, Order
from support.graphql_world import Digits, Revision, World, exact

__all__ = ["FIELDS", "JSON_TYPES"]


def _others(*known: str) -> Callable[[Any, Any, Any], Any]:
    def pick(_world: Any, source: Any, _args: Any) -> Any:
        return {name: value for name, value in source.items() if name not in known} or None

    return pick


_REFERENCE = ("id", "name", "version", "internalVersion", "internalId", "@type")
#: Types that are kept as JSON objects, with the members that they know.
JSON_TYPES: dict[str, tuple[str, ...]] = {
    "Amount": ("unit", "value"),
    "Price": ("taxIncludedAmount", "dutyFreeAmount", "taxRate"),
    "ItemPrice": ("name", "description", "priceType", "recurringChargePeriod", "price"),
    "Note": ("id", "author", "date", "text"),
    "Channel": ("id", "name"),
    "RelatedParty": ("id", "name", "@referredType", "@type"),
    "ProductOfferingRef": _REFERENCE,
    "ProductSpecificationRef": _REFERENCE,
    "Place": ("id", "@type"),
    "ItemRelationship": ("id", "relationshipType"),
    "ExternalInventory": ("externalProductInventoryId",),
    "Problem": (),
    "Attempt": (),
    "LineItemRevision": (),
}


def _lines(world: World, line: LineItem) -> list[LineItem]:
    return world.order_of[line.id].line_items


def _required(line: LineItem) -> set[str]:
    return {
        each["id"]
        for each in exact(line.relationships) or ()
        if each.get("relationshipType") == "Requires" and each.get("id") is not None
    }


def _changed_lines(row: Revision) -> list[dict[str, Any]]:
    changes: dict[str, Any] = row["changes"] or {}
    return changes.get("lineItems", [])


def _amount(price: dict[str, Any], name: str) -> Digits | None:
    cost: dict[str, Any] = price.get("price") or {}
    amount: dict[str, Any] = cost.get(name) or {}
    return amount.get("value")


def _line_revisions(world: World, line: LineItem, _args: Any) -> list[Any]:
    order = world.order_of[line.id]
    return [
        {
            **changed,
            "operation": row["operation"],
            "changedBy": row["changed_by"],
            "changedAt": row["changed_at"],
        }
        for row in world.revisions
        if row["order_id"] == order.id
        for changed in _changed_lines(row)
        if changed["id"] == line.item_id
    ]


def _price_totals(_world: World, order: Order, _args: Any) -> list[Any]:
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for line in order.line_items:
        if line.action == "delete" or line.state in ("canceled", "rejected"):
            continue
        for price in exact(line.item_prices) or ():
            key = (price.get("priceType"), price.get("recurringChargePeriod"))
            total = found.setdefault(key, {"lines": set()})
            total["lines"].add(line.id)
            for name in ("taxIncludedAmount", "dutyFreeAmount"):
                amount = _amount(price, name)
                if amount is not None:
                    with localcontext(Context(prec=5_000, Emin=-9_999, Emax=9_999)):
                        each = Decimal(amount.text) * (
                            1 if line.quantity is None else line.quantity
                        )
                        total[name] = total.get(name, 0) + each
    return [
        {
            "price_type": kind,
            "recurring_charge_period": period,
            "tax_included_amount": total.get("taxIncludedAmount"),
            "duty_free_amount": total.get("dutyFreeAmount"),
            "line_item_count": len(total["lines"]),
        }
        for (kind, period), total in sorted(
            found.items(), key=lambda each: [(part is None, part or "") for part in each[0]]
        )
    ]


def _state_counts(_world: World, order: Order, _args: Any) -> list[Any]:
    states = [str(line.state) for line in order.line_items]
    return [{"state": state, "count": states.count(state)} for state in sorted(set(states))]


def _either(rows: Sequence[Any], args: Any, get: Callable[[Any, str], Any]) -> Any:
    identity, external = args.get("id"), args.get("externalId")
    if identity is not None:
        return next((row for row in rows if show_id(get(row, "id")) == identity), None)
    return next((row for row in reversed(rows) if get(row, "external_id") == external), None)


def _node(world: World, _source: Any, args: Any) -> Any:
    kind, _, key = args["id"].rpartition(":")
    if kind == "":
        return world.order(parse_id(key))
    if kind == "LineItem":
        identity = parse_id(key)
        return world.lines.get(identity) if identity else None
    if kind == "InboundRequest":
        return world.request(parse_id(key)) if parse_id(key) else None
    rows = {"OrderRevision": world.revisions, "OrderEvent": world.events}.get(kind, [])
    digits = key.isascii() and key.isdigit()
    return next((row for row in rows if digits and row["id"] == int(key)), None)


def _list_of(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda _world, source, _args: exact(getattr(source, name)) or []


def _json_of(name: str) -> Callable[[Any, Any, Any], Any]:
    return lambda _world, source, _args: exact(getattr(source, name))


FIELDS: dict[tuple[str, str], Callable[[Any, Any, Any], Any]] = {
    ("Query", "order"): lambda w, _, a: _either(w.orders, a, getattr),
    ("Query", "inboundRequest"): lambda w, _, a: _either(w.requests, a, operator.getitem),
    ("Query", "node"): _node,
    **{(kind, "extras"): _others(*known) for kind, known in JSON_TYPES.items() if known},
    ("Order", "id"): lambda _w, order, _: show_id(order.id),
    ("Order", "channels"): _list_of("channels"),
    ("Order", "notes"): _list_of("notes"),
    ("Order", "relatedParties"): _list_of("related_parties"),
    ("Order", "priceTotals"): _price_totals,
    ("Order", "lineItemCount"): lambda _w, order, _: len(order.line_items),
    ("Order", "lineItemCounts"): _state_counts,
    ("Order", "rootLineItems"): lambda _w, order, _: [
        line for line in order.line_items if line.parent_line_item_id is None
    ],
    ("Order", "inboundRequest"): lambda w, order, _: w.request(order.id),
    ("LineItem", "id"): lambda _w, line, _: f"LineItem:{show_id(line.id)}",
    ("LineItem", "product"): lambda _w, line, _: line,
    ("LineItem", "offering"): _json_of("product_offering"),
    ("LineItem", "specification"): _json_of("product_specification"),
    ("LineItem", "place"): _json_of("place"),
    ("LineItem", "prices"): _list_of("item_prices"),
    ("LineItem", "relationships"): _list_of("relationships"),
    ("LineItem", "externalInventories"): _list_of("external_product_inventory"),
    ("LineItem", "characteristics"): lambda _w, line, a: [
        each for each in line.characteristics if a.get("names") is None or each.name in a["names"]
    ],
    ("LineItem", "workNotes"): lambda w, line, _: w.work_notes.get(line.id, []),
    ("LineItem", "order"): lambda w, line, _: w.order_of[line.id],
    ("LineItem", "parent"): lambda w, line, _: w.lines.get(line.parent_line_item_id),
    ("LineItem", "children"): lambda w, line, _: [
        each for each in _lines(w, line) if each.parent_line_item_id == line.id
    ],
    ("LineItem", "requires"): lambda w, line, _: [
        each for each in _lines(w, line) if each.item_id in _required(line)
    ],
    ("LineItem", "requiredBy"): lambda w, line, _: [
        each for each in _lines(w, line) if line.item_id in _required(each)
    ],
    ("LineItem", "revisions"): _line_revisions,
    ("Product", "extras"): lambda _w, line, _: line.product_extras,
    ("Contact", "contactId"): lambda _w, c, _: c.contact_id or show_id(c.id),
    ("InboundRequest", "id"): lambda _w, row, _: f"InboundRequest:{show_id(row['id'])}",
    ("InboundRequest", "orderId"): lambda _w, row, _: show_id(row["id"]),
    ("InboundRequest", "number"): lambda _w, row, _: str(row["number"]),
    ("InboundRequest", "attemptHistory"): lambda _w, row, _: row["attempt_history"] or [],
    ("InboundRequest", "problems"): lambda _w, row, _: row["error"] or [],
    ("InboundRequest", "problemCount"): lambda _w, row, _: len(row["error"] or []),
    ("InboundRequest", "errorMessage"): lambda _w, row, _: (
        row["error"][0]["message"] if row["error"] else row["error_message"]
    ),
    ("InboundRequest", "executeAfter"): lambda w, row, _: w.request(row["execute_after"]),
    ("InboundRequest", "order"): lambda w, row, _: w.order(row["id"]),
    ("OrderRevision", "id"): lambda _w, row, _: f"OrderRevision:{row['id']}",
    ("OrderEvent", "id"): lambda _w, row, _: f"OrderEvent:{row['id']}",
    ("OrderEvent", "delivered"): lambda _w, row, _: row["delivered_at"] is not None,
}
