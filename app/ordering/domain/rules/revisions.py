"""Whether an order may be revised in this way.

What a revision says is held against the rules of new orders; what it leaves out stays as it is and
is not judged again, nor is what it repeats: a catalog may have moved on since the order was placed.
Rules about how lines relate see the order as it would become.
"""

import re
import sys
from collections.abc import Container, Iterator, Mapping, Sequence

import msgspec

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import Problem
from ordering.domain.ids import show_id
from ordering.domain.order import JsonText, LineItem, Order
from ordering.domain.references import References, Specification
from ordering.domain.rules import Policy, header, items, references, relationships
from ordering.domain.states import OrderState
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import ItemRelationship, OfferingRef, SpecificationRef

__all__ = [
    "CANCEL",
    "check_order",
    "check_parents",
    "check_relations",
    "check_said",
    "is_cancel",
    "is_leaving",
    "is_open",
    "news_of",
    "place_of",
    "placed",
    "sketch",
    "specification_of_line",
]

CANCEL = "cancel"

#: Actions whose date is not the business of a revision (Product Order Open API).
_DATE_FIXED = frozenset({"suspend", "resume"})

#: States in which nothing of a line can be changed any more.
_CLOSING = frozenset({OrderState.ASSESSING_CANCELLATION, OrderState.CANCELLATION_IN_PROGRESS})

#: An index of a JSON Pointer; no order has a billion lines.
_PLACE = re.compile(r"[0-9]{1,9}")

_decoder = msgspec.json.Decoder()


def is_cancel(item: LineItemDraft) -> bool:
    """Tell whether a line is to be canceled."""
    return item.revision_operation == CANCEL


def is_open(line: LineItem) -> bool:
    """Tell whether a line can still be changed or canceled."""
    return not line.state.is_final and line.state not in _CLOSING


def is_leaving(line: LineItem) -> bool:
    """Tell whether a line is canceled, or about to be."""
    return line.state is OrderState.CANCELED or line.state in _CLOSING


def check_order(order: Order, *, edit_new: bool) -> Iterator[Problem]:
    """Check that the order can be revised at all; where it cannot, nothing else matters."""
    allowed = (OrderState.IN_PROGRESS, OrderState.NEW) if edit_new else (OrderState.IN_PROGRESS,)
    if order.state not in allowed:
        yield Problem.of(messages.NOT_UPDATABLE_STATE, state=order.state.label)
    if order.ponr:
        yield Problem.of(messages.NOT_UPDATABLE_PONR)
    if str(_member(order.extras, "fulfillmentType") or "deliver").lower() != "deliver":
        yield Problem.of(messages.FULFILMENT_TYPE_NOT_DELIVER)


def news_of(draft: OrderDraft, order: Order) -> OrderDraft:
    """Reduce a revision to what it says that is new.

    Lines keep their places, so that pointers stay right. Of a line that is to be canceled nothing
    is left but its id and action; of one that exists, references that name what the line has.
    """
    lines = {line.item_id: line for line in order.line_items}
    reduced = [_reduce(item, lines.get(item.id or "")) for item in draft.items]
    kept = None if draft.product_order_item is None else reduced
    return msgspec.structs.replace(draft, product_order_item=kept)


def _reduce(item: LineItemDraft, line: LineItem | None) -> LineItemDraft:
    if is_cancel(item):
        return LineItemDraft(id=item.id, action=item.action, revision_operation=CANCEL)
    if line is None:
        return item
    offering = item.product_offering
    if _is_same(offering, line.product_offering):
        offering = None
    return msgspec.structs.replace(
        item, product_offering=offering, product=_reduce_product(item.product, line)
    )


def _reduce_product(product: ProductDraft | None, line: LineItem) -> ProductDraft | None:
    if product is None:
        return None
    changes: dict[str, None] = {}
    known = line.product_inventory_id
    if product.id in (line.product_id, known and show_id(known)):
        changes["id"] = None
    if _is_same(product.product_specification, line.product_specification):
        changes["product_specification"] = None
    if product.place is not None and product.place.id in (
        _member(line.place, "id"),
        line.location_id and show_id(line.location_id),
    ):
        changes["place"] = None
    return msgspec.structs.replace(product, **changes)


def _is_same(said: OfferingRef | SpecificationRef | None, held: JsonText | None) -> bool:
    if said is None or held is None:
        return False
    return (
        said.id in (_member(held, "id"), _member(held, "internalId"))
        and said.version in (None, _member(held, "version"))
        and said.internal_version in (None, _member(held, "internalVersion"))
    )


def _member(held: JsonText | None, name: str) -> object:
    """Read a member of a stored JSON object."""
    return None if held is None else _decoder.decode(held).get(name)


def check_said(
    draft: OrderDraft, news: OrderDraft, order: Order, found: References, policy: Policy
) -> Iterator[Problem]:
    """Check everything that a revision says, apart from how the lines then relate."""
    lines = {line.item_id: line for line in order.line_items}
    yield from _header(draft, order)
    yield from header.check_units(news, order.order_currency or "")
    if draft.product_order_item is not None:
        named = {item.id for item in draft.items if is_cancel(item)}
        yield from items.check(news, policy.max_line_items, kept=lines.keys() | named)
        yield from _too_many(draft, lines, policy.max_line_items)
    if policy.check_references:
        yield from references.check_each(
            news, found, allow_version_update=policy.allow_spec_version_update
        )
    for index, item in enumerate(draft.items):
        line, at = lines.get(item.id or ""), f"/productOrderItem/{index}"
        yield from _line(item, line, at)
        if line is not None:
            yield from _product(news.items[index], line, found, policy, index)


def _product(
    news: LineItemDraft, line: LineItem, found: References, policy: Policy, index: int
) -> Iterator[Problem]:
    """Check what a line that exists says that is new of its product."""
    if news.product is None:
        return
    if news.product.id is not None and line.inventory_status_before is not None:
        yield items.line_problem(messages.PRODUCT_FIXED, index, "product/id")
    installed = line.product_inventory_id and found.inventories.get(
        show_id(line.product_inventory_id)
    )
    if installed and policy.check_references and not policy.allow_spec_version_update:
        yield from references.check_version(news, installed, found.catalog, index)


def _header(draft: OrderDraft, order: Order) -> Iterator[Problem]:
    for name, said, is_now in (
        ("orderCurrency", draft.order_currency, order.order_currency),
        ("currencyCode", draft.currency_code, order.currency_code),
    ):
        if said not in (None, order.order_currency, is_now):
            yield Problem.of(messages.CURRENCY_FIXED, f"/{name}")
    if draft.related_party is not None:
        yield from header.check_parties(draft)
    yield from header.check_lists(draft)
    if draft.committed_due_date not in (None, order.committed_due_date) and any(
        line.action in _DATE_FIXED for line in order.line_items
    ):
        yield Problem.of(messages.DUE_DATE_FIXED, "/committedDueDate")


def _too_many(
    draft: OrderDraft, lines: Mapping[str, LineItem], max_line_items: int
) -> Iterator[Problem]:
    added = {item.id for item in draft.items} - lines.keys()
    if len(draft.items) <= max_line_items < len(lines) + len(added):
        yield Problem.of(messages.TOO_MANY_ITEMS, "/productOrderItem", limit=max_line_items)


def _line(item: LineItemDraft, line: LineItem | None, at: str) -> Iterator[Problem]:
    if item.revision_operation not in (None, "", CANCEL):
        yield Problem.of(messages.REVISION_OPERATION_UNKNOWN, f"{at}/revisionOperation")
    if line is None:
        if is_cancel(item) and item.id:
            yield Problem.of(messages.CANCELED_LINE_UNKNOWN, f"{at}/id")
        return
    if item.action in items.ACTIONS and item.action != line.action:
        yield Problem.of(messages.ACTION_FIXED, f"{at}/action", action=line.action)
    if is_cancel(item):
        if not is_open(line):
            yield Problem.of(
                messages.NOT_CANCELABLE_LINE, at, id=line.item_id, state=line.state.label
            )
    elif (
        line.action in _DATE_FIXED
        and item.committed_due_date is not None
        and item.committed_due_date != line.committed_due_date
    ):
        yield Problem.of(messages.DUE_DATE_FIXED, f"{at}/committedDueDate")


def check_parents(news: OrderDraft, order: Order, gone: Container[str]) -> Iterator[Problem]:
    """Check that no line becomes child or parent of one that is canceled."""
    lines = {line.item_id: line for line in order.line_items}
    for index, item in enumerate(news.items):
        line = lines.get(item.id or "")
        stated = _relations(line.relationships if line else None)
        for number, relation in enumerate(item.product_order_item_relationship or ()):
            is_new = (relation.id, relation.relationship_type) not in stated
            if is_new and relation.relationship_type != "Requires" and (relation.id or "") in gone:
                at = f"/productOrderItem/{index}/productOrderItemRelationship/{number}/id"
                yield Problem.of(messages.RELATIONSHIP_TO_CANCELED, at)


def _relations(held: JsonText | None) -> list[tuple[object, object]]:
    """Read the relationships that a line states: to whom, and of which type."""
    return [
        (relation.get("id"), relation.get("relationshipType"))
        for relation in _decoder.decode(held or "[]")
    ]


def sketch(order: Order, lines: Sequence[LineItem]) -> OrderDraft:
    """Draw an order with these lines as a draft, with what the rules about relations look at."""
    due = order.committed_due_date
    return OrderDraft(
        committed_due_date=due and Timestamp.of(due),
        product_order_item=[_sketch(line) for line in lines],
    )


def specification_of_line(line: LineItem, found: References) -> Specification | None:
    """Find the specification of a line of the order, in the version that it was placed with."""
    return references.specification_of(_sketch(line), found.catalog)


def _sketch(line: LineItem) -> LineItemDraft:
    specification, due = line.product_specification, line.committed_due_date
    return LineItemDraft(
        id=line.item_id,
        action=line.action,
        committed_due_date=due and Timestamp.of(due),
        product=ProductDraft(
            product_specification=SpecificationRef(
                id=_text(_member(specification, "id")),
                version=_text(_member(specification, "version")),
                internal_version=_text(_member(specification, "internalVersion")),
            )
        ),
        product_order_item_relationship=[
            ItemRelationship(id=_text(target), relationship_type=_text(kind))
            for target, kind in _relations(line.relationships)
        ],
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def check_relations(
    draft: OrderDraft,
    whole: OrderDraft,
    gone: Container[str],
    found: References,
    policy: Policy,
) -> Iterator[Problem]:
    """Check how the lines would relate, and that none would be due after the order.

    `whole` is the order as it would become, its first lines those of the revision, in their places;
    `gone` are the lines that are canceled, which are never due.
    """
    said = len(draft.items)
    stated = relationships.parents(whole)
    for problem in relationships.check(whole, stated):
        yield placed(problem, said)
    if draft.committed_due_date is not None:
        left = [item for item in whole.items if (item.id or "") not in gone]
        yield from header.check_due_date(msgspec.structs.replace(whole, product_order_item=left))
    elif whole.committed_due_date is not None:
        for index, item in enumerate(draft.items):
            due = item.committed_due_date
            if due is not None and due > whole.committed_due_date and not is_cancel(item):
                at = f"/productOrderItem/{index}/committedDueDate"
                yield Problem.of(messages.DUE_DATE_BEFORE_LINE, at)
    if policy.check_references:
        # What lines state that are not named was good when they were placed.
        yield from (
            problem
            for problem in references.check_hierarchy(whole, stated, found.catalog)
            if (place_of(problem) or 0) < said
        )


def place_of(problem: Problem) -> int | None:
    """Tell the place of the line that a problem is about; beyond all lines for one that is none."""
    match problem.pointer.split("/"):
        case ["", "productOrderItem", place, *_]:
            return int(place) if _PLACE.fullmatch(place) else sys.maxsize
        case _:
            return None


def placed(problem: Problem, said: int) -> Problem:
    """Point to the lines as a whole where a problem is about one that the request does not hold.

    `said` is how many it holds; they lead the order as it would become.
    """
    place = place_of(problem)
    if place is None or place < said:
        return problem
    return msgspec.structs.replace(problem, pointer="/productOrderItem")
