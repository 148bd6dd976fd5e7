"""The published example order, made as long as is asked for."""

from functools import cache
from typing import Any

import msgspec

from ordering_app.demo.place import example_path

__all__ = ["sized_order"]

#: How many lines the example has: a bundle and its three children.
_LINES = 4


def sized_order(lines: int, *, external_id: str | None = None) -> bytes:
    """Return an order of so many lines, as JSON: the example's four under ever new line ids.

    What is cut off of the last bundle is no longer named by the lines that stay. Without an
    `external_id` it is the example's.
    """
    order = msgspec.json.decode(_example())
    order["externalId"] = external_id or order["externalId"]
    bundle = order["productOrderItem"]
    order["productOrderItem"] = [
        _renamed(bundle[place % _LINES], place // _LINES) for place in range(lines)
    ]
    present = {item["id"] for item in order["productOrderItem"]}
    for item in order["productOrderItem"]:
        related = item["productOrderItemRelationship"]
        item["productOrderItemRelationship"] = [each for each in related if each["id"] in present]
    return msgspec.json.encode(order)


@cache
def _example() -> bytes:
    return example_path("async").read_bytes()


def _renamed(item: dict[str, Any], bundle: int) -> dict[str, Any]:
    """Copy a line for the bundle of this number; the first keeps the ids as they are published."""
    if bundle == 0:
        return {**item}
    related = [
        {**each, "id": f"{each['id']}-{bundle}"} for each in item["productOrderItemRelationship"]
    ]
    return {**item, "id": f"{item['id']}-{bundle}", "productOrderItemRelationship": related}
