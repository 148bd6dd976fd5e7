"""Rules of line items that need nothing but the draft."""

from collections.abc import Container, Iterator
from decimal import Decimal

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import Problem

__all__ = ["ACTIONS", "INVENTORY_ACTIONS", "PRODUCT_ACTIONS", "check"]

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
        at = f"/productOrderItem/{index}"
        if item.id and item.id in seen:
            yield Problem.of(messages.ITEM_ID_REPEATED, f"{at}/id", id=item.id)
        seen.add(item.id or "")
        yield from _item(item, at, is_new=item.id not in kept)


def _item(item: LineItemDraft, at: str, *, is_new: bool) -> Iterator[Problem]:
    if not item.id:
        yield Problem.of(messages.ITEM_ID_MISSING, f"{at}/id")
    if not item.action:
        yield Problem.of(messages.ACTION_MISSING, f"{at}/action")
    elif item.action not in ACTIONS:
        yield Problem.of(messages.ACTION_UNKNOWN, f"{at}/action")
    if item.product_offering is None:
        if is_new:
            yield Problem.of(messages.OFFERING_MISSING, f"{at}/productOffering")
    elif not item.product_offering.id:
        yield Problem.of(messages.OFFERING_ID_MISSING, f"{at}/productOffering/id")
    if item.product is not None:
        yield from _product(item.product, at)
        if is_new and item.action in INVENTORY_ACTIONS and not item.product.id:
            yield Problem.of(messages.INVENTORY_ID_MISSING, f"{at}/product/id")
    elif is_new and item.action in PRODUCT_ACTIONS:
        yield Problem.of(messages.PRODUCT_MISSING, f"{at}/product")
    yield from _amounts(item, at)


def _product(product: ProductDraft, at: str) -> Iterator[Problem]:
    if product.product_specification is not None and not product.product_specification.id:
        yield Problem.of(messages.SPECIFICATION_ID_MISSING, f"{at}/product/productSpecification/id")
    if product.place is not None and not product.place.id:
        yield Problem.of(messages.PLACE_ID_MISSING, f"{at}/product/place/id")
    for index, contact in enumerate(product.related_party or ()):
        kind = contact.referred_type or contact.type_alias
        if kind != "OrderLineItemContact":
            wrong = messages.CONTACT_TYPE_UNKNOWN if kind else messages.CONTACT_TYPE_MISSING
            yield Problem.of(wrong, f"{at}/product/relatedParty/{index}/@referredType")
    for index, relation in enumerate(product.product_relationship or ()):
        if not relation.id:
            pointer = f"{at}/product/productRelationship/{index}/id"
            yield Problem.of(messages.INVENTORY_ID_MISSING, pointer)


def _amounts(item: LineItemDraft, at: str) -> Iterator[Problem]:
    if item.quantity is not None:
        if _out_of_range(item.quantity):
            yield Problem.of(messages.AMOUNT_OUT_OF_RANGE, f"{at}/quantity")
        # Comparing with a NaN raises; it is out of range already.
        if item.quantity.is_finite() and item.quantity < 0:
            yield Problem.of(messages.QUANTITY_NEGATIVE, f"{at}/quantity")
    for index, item_price in enumerate(item.item_price or ()):
        price = item_price.price
        if price is None:
            continue
        if price.tax_rate is not None and _out_of_range(price.tax_rate):
            yield Problem.of(messages.AMOUNT_OUT_OF_RANGE, f"{at}/itemPrice/{index}/price/taxRate")
        for name, amount in (
            ("taxIncludedAmount", price.tax_included_amount),
            ("dutyFreeAmount", price.duty_free_amount),
        ):
            if amount is not None and amount.value is not None and _out_of_range(amount.value):
                pointer = f"{at}/itemPrice/{index}/price/{name}/value"
                yield Problem.of(messages.AMOUNT_OUT_OF_RANGE, pointer)


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
