"""What to note about characteristics and horizontal relationships: the order is taken all the same.

Somebody must look at these notes before approving the order, so they stay with the line.
"""

from collections.abc import Iterator

from ordering.domain import messages
from ordering.domain.draft import LineItemDraft, OrderDraft
from ordering.domain.references import Catalog, Specification
from ordering.domain.rules.references import specification_of
from ordering.domain.values import encode

__all__ = ["work_notes"]

#: Value types whose values are limited to the options of the catalog.
_CHOICE = frozenset({"choice"})


def work_notes(
    draft: OrderDraft, catalog: Catalog, *, validate_values: bool
) -> Iterator[tuple[int, str]]:
    """Find what is odd about characteristics; yields the line's position and the note's text."""
    by_id = {item.id: item for item in draft.items}
    for index, item in enumerate(draft.items):
        specification = specification_of(item, catalog)
        if specification is None:
            continue
        if validate_values:
            yield from ((index, text) for text in _characteristics(item, specification))
        for relation in item.product_order_item_relationship or ():
            if relation.relationship_type == "Requires" and relation.id in by_id:
                required = specification_of(by_id[relation.id], catalog)
                known = catalog.relationships.get(("Requires", specification.id), frozenset())
                if required is not None and required.id not in known:
                    yield (
                        index,
                        messages.NOTE_REQUIRES_UNKNOWN.text.format(
                            source=specification.name, target=required.name
                        ),
                    )


def _characteristics(item: LineItemDraft, specification: Specification) -> Iterator[str]:
    for sent in (item.product.product_characteristic if item.product else None) or ():
        known = specification.characteristics.get(sent.name or "")
        if known is None:
            yield messages.NOTE_CHARACTERISTIC_UNKNOWN.text.format(name=sent.name or "")
        elif (
            known.value_type.lower() in _CHOICE
            and known.options
            and sent.value is not None
            and sent.value not in known.options
        ):
            # Strings as they are, anything else as the JSON that was sent.
            value = sent.value if isinstance(sent.value, str) else encode(sent.value).decode()
            yield messages.NOTE_CHARACTERISTIC_INVALID.text.format(name=sent.name, value=value)
