"""The same GraphQL query through Strawberry's executor, over objects that the reader makes.

Not the least that a program can do, but what it does by default: types with plain attributes, made
of the orders of a page before the executor begins.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import strawberry
from strawberry.scalars import JSON

from ordering.domain import order as domain
from ordering.domain.ids import show_id
from ordering.domain.timestamps import show_timestamp
from ordering.orders.reader import AGGREGATE, Branch, OrderFilter, list_shown
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool

__all__ = ["opened"]

_CONNECTIONS = 10
_BRANCHES = Branch.LINE_ITEMS | Branch.CHARACTERISTICS

_decoder = msgspec.json.Decoder(domain.Order)


@strawberry.type
class _Characteristic:
    name: str | None
    value_type: str | None
    value: JSON | None
    previous_value: JSON | None


@strawberry.type
class _Offering:
    name: str | None
    version: str | None


@strawberry.type
class _LineItem:
    id: str
    item_id: str
    action: str
    state: str
    quantity: str | None
    offering: _Offering | None
    characteristics: list[_Characteristic]


@strawberry.type
class _LineItems:
    nodes: list[_LineItem]


@strawberry.type
class _Order:
    id: str
    external_id: str | None
    state: str
    version: int
    ponr: bool
    created_at: str
    line_items: _LineItems


@strawberry.type
class _Orders:
    nodes: list[_Order]


@strawberry.type
class _Query:
    @strawberry.field
    async def orders(self, info: strawberry.Info[Any, None], first: int) -> _Orders:
        async with info.context.acquire() as connection:
            page = await list_shown(
                connection, OrderFilter(), AGGREGATE, _BRANCHES, limit=first, offset=0
            )
        return _Orders(nodes=[_order(_decoder.decode(order)) for order in page.orders])


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler; the orders must be there."""
    schema = strawberry.Schema(query=_Query)
    async with open_pool(database_url, size=_CONNECTIONS) as pool:

        async def execute(target: str, _body: bytes) -> Answer:
            (query,) = parse_qs(urlsplit(target).query)["query"]
            result = await schema.execute(query, context_value=pool)
            if result.errors:
                return 500, msgspec.json.encode({"errors": [str(each) for each in result.errors]})
            return 200, msgspec.json.encode({"data": result.data})

        yield execute


def _order(order: domain.Order) -> _Order:
    return _Order(
        id=show_id(order.id),
        external_id=order.external_id,
        state=order.state,
        version=order.version,
        ponr=order.ponr,
        created_at=show_timestamp(order.created_at),
        line_items=_LineItems(nodes=[_line_item(line) for line in order.line_items]),
    )


def _line_item(line: domain.LineItem) -> _LineItem:
    offering = _json(line.product_offering)
    return _LineItem(
        id=f"LineItem:{show_id(line.id)}",
        item_id=line.item_id,
        action=line.action,
        state=line.state,
        quantity=None if line.quantity is None else str(line.quantity),
        offering=offering and _Offering(name=offering.get("name"), version=offering.get("version")),
        characteristics=[
            _Characteristic(
                name=each.name,
                value_type=each.value_type,
                value=_json(each.value),
                previous_value=_json(each.previous_value),
            )
            for each in line.characteristics
        ],
    )


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
