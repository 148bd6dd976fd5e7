"""Rules of line items that need nothing but the draft."""

from collections.abc import Container, Iterator
from decimal import Decimal

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import Problem
from ordering.domain.messages import Message

__all__ = ["ACTIONS", "INVENTORY_ACTIONS", "PRODUCT_ACTIONS", "check", "line_problem"]

ACTIONS = frozenset({"add", "change", "delete", "no-change", "resume", "suspend"})

#: Actions that are nothing without the product that they are about.
PRODUCT_ACTIONS = ACTIONS - {"add"}

#: Actions that do something to a product that is installed already: they must name its inventory.
INVENTORY_ACTIONS = frozenset({"change", "delete", "resume", "suspend"})

_MAX_DIGITS = 18
_MAX_DECIMALS = 12


def check(
    draft: OrderDraft, max_line_items: int, kept: Container[str | None] = ()
) -> Iterator[Problem]:
    """Check presence, uniqueness and range of what the lines say.

    `kept` are the ids of lines that exist already: what is not said of them stays as it is.
    """
    if not draft.items:
        yield Problem.of(messages.ITEMS_MISSING, "/productOrderItem")
        return
    if len(draft.items) > max_line_items:
        yield Problem.of(messages.TOO_MANY_ITEMS, "/productOrderItem", limit=max_line_items)
        return
    seen: set[str] = set()
    for index, item in enumerate(draft.items):
        if item.id and item.id in seen:
            yield line_problem(messages.ITEM_ID_REPEATED, index, "id", id=item.id)
        seen.add(item.id or "")
        yield from _item(item, index, is_new=item.id not in kept)


def line_problem(message: Message, index: int, member: str, **values: object) -> Problem:
    """Say what is wrong with a member of a line; `member` is the rest of the pointer."""
    return Problem.of(message, f"/productOrderItem/{index}/{member}", **values)


def _item(item: LineItemDraft, index: int, *, is_new: bool) -> Iterator[Problem]:
    if not item.id:
        yield line_problem(messages.ITEM_ID_MISSING, index, "id")
    if not item.action:
        yield line_problem(messages.ACTION_MISSING, index, "action")
    elif item.action not in ACTIONS:
        yield line_problem(messages.ACTION_UNKNOWN, index, "action")
    if item.product_offering is None:
        if is_new:
            yield line_problem(messages.OFFERING_MISSING, index, "productOffering")
    elif not item.product_offering.id:
        yield line_problem(messages.OFFERING_ID_MISSING, index, "productOffering/id")
    if item.product is not None:
        yield from _product(item.product, index)
        if is_new and item.action in INVENTORY_ACTIONS and not item.product.id:
            yield line_problem(messages.INVENTORY_ID_MISSING, index, "product/id")
    elif is_new and item.action in PRODUCT_ACTIONS:
        yield line_problem(messages.PRODUCT_MISSING, index, "product")
    yield from _amounts(item, index)


def _product(product: ProductDraft, index: int) -> Iterator[Problem]:
    if product.product_specification is not None and not product.product_specification.id:
        member = "product/productSpecification/id"
        yield line_problem(messages.SPECIFICATION_ID_MISSING, index, member)
    if product.place is not None and not product.place.id:
        yield line_problem(messages.PLACE_ID_MISSING, index, "product/place/id")
    for number, contact in enumerate(product.related_party or ()):
        kind = contact.referred_type or contact.type_alias
        if kind != "OrderLineItemContact":
            wrong = messages.CONTACT_TYPE_UNKNOWN if kind else messages.CONTACT_TYPE_MISSING
            yield line_problem(wrong, index, f"product/relatedParty/{number}/@referredType")
    for number, relation in enumerate(product.product_relationship or ()):
        if not relation.id:
            member = f"product/productRelationship/{number}/id"
            yield line_problem(messages.INVENTORY_ID_MISSING, index, member)


def _amounts(item: LineItemDraft, index: int) -> Iterator[Problem]:
    if item.quantity is not None:
        if _out_of_range(item.quantity):
            yield line_problem(messages.AMOUNT_OUT_OF_RANGE, index, "quantity")
        # Comparing with a NaN raises; it is out of range already.
        if item.quantity.is_finite() and item.quantity < 0:
            yield line_problem(messages.QUANTITY_NEGATIVE, index, "quantity")
    for number, item_price in enumerate(item.item_price or ()):
        price = item_price.price
        if price is None:
            continue
        included, free = price.tax_included_amount, price.duty_free_amount
        for amount, name in (
            (price.tax_rate, "taxRate"),
            (included and included.value, "taxIncludedAmount/value"),
            (free and free.value, "dutyFreeAmount/value"),
        ):
            if amount is not None and _out_of_range(amount):
                member = f"itemPrice/{number}/price/{name}"
                yield line_problem(messages.AMOUNT_OUT_OF_RANGE, index, member)


def _out_of_range(number: Decimal) -> bool:
    # Few characters, none of them an exponent's, are within both limits; nearly all amounts are.
    text = str(number)
    if len(text) <= _MAX_DECIMALS and text.replace(".", "").isdigit():
        return False
    exponent = number.as_tuple().exponent
    return (
        not isinstance(exponent, int)
        or number.adjusted() >= _MAX_DIGITS
        or exponent < -_MAX_DECIMALS
    )
