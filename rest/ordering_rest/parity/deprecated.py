"""The endpoints `productorder`, deprecated since the release of September 2022.

They do the work of those at `order/productOrder`. They show fewer attributes, know no `mode`, and
need no currency: it is that of the prices. Every answer, errors included, tells that the path is
deprecated (RFC 9745) and which path replaces it (RFC 5829).
"""

from functools import partial
from urllib.parse import quote

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from ordering.access.roles import Permission
from ordering_http.access import requires
from ordering_http.operations import get, patch, post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response
from ordering_rest.bodies import require_json
from ordering_rest.fields import grow
from ordering_rest.idempotency import answer_once
from ordering_rest.parity.orders import (
    answer_order,
    answer_orders,
    answer_revised,
    show_created,
)
from ordering_rest.parity.view import BASE_PATH, ORDERS_PATH, View

__all__ = [
    "create_deprecated_order",
    "get_deprecated_order",
    "get_deprecated_orders",
    "mark_deprecated",
    "revise_deprecated_order",
]

_PATH = f"{BASE_PATH}/productorder"

#: The day of deprecation as a structured date: 2022-09-22.
_SINCE = "@1663804800"

#: A longer path names no order, so its successor is not told in full.
_MAX_SUCCESSOR_LENGTH = 1024

#: What these paths do not have: the difference between the attribute tables of the source.
_LEFT_OUT = (
    "href",
    "orderCurrency",
    "currencyCode",
    "committedDueDate",
    "productOrderItem.committedDueDate",
    "productOrderItem.externalProductInventory",
    "productOrderItem.product.productRelationship",
    "productOrderItem.product.productSpecification.version",
    "productOrderItem.product.productSpecification.internalVersion",
    "productOrderItem.product.productSpecification.internalId",
    "productOrderItem.productOffering.version",
    "productOrderItem.productOffering.internalVersion",
    "productOrderItem.productOffering.internalId",
)

_VIEW = View(path=_PATH, left_out=grow(_LEFT_OUT))


@post(_PATH, requires(Permission.PLACE_ORDERS))
async def create_deprecated_order(request: Request) -> Response:
    """Create an order, whose currency may go without saying, and answer it (201)."""
    require_json(request)
    services = services_of(request)
    body = await request.body()
    client = client_of(request).username
    currency = services.settings.default_order_currency
    return await answer_once(
        request,
        lambda once: services.create_order(body, client, default_currency=currency, once=once),
        partial(show_created, view=_VIEW),
    )


@get(f"{_PATH}/{{order_id:str}}", requires(Permission.READ_ORDERS))
async def get_deprecated_order(request: Request, order_id: str) -> Response:
    """Answer an order by its id or external id; 200, where a table of the source says 201."""
    return await answer_order(request, order_id, _VIEW)


@get(_PATH, requires(Permission.READ_ORDERS))
async def get_deprecated_orders(request: Request) -> Response:
    """Answer a page of orders: 200 if it is all of them, else 206; 404 if there are none."""
    return await answer_orders(request, _VIEW)


@patch(f"{_PATH}/{{order_id:str}}", requires(Permission.PLACE_ORDERS))
async def revise_deprecated_order(request: Request, order_id: str) -> Response:
    """Revise an order and answer it whole (201)."""
    return await answer_revised(request, order_id, _VIEW)


async def mark_deprecated(message: Message, scope: Scope) -> None:
    """Mark an answer of these paths, also where no handler was reached; called for every answer."""
    path = scope["path"]
    if message["type"] != "http.response.start" or not path.startswith(_PATH):
        return
    below = path.removeprefix(_PATH)
    if below[:1] not in ("", "/"):
        return
    headers = MutableScopeHeaders.from_message(message)
    headers["Deprecation"] = _SINCE
    successor = f'<{_successor(below)}>; rel="successor-version"'
    headers["Link"] = ", ".join([*headers.getall("Link", []), successor])


def _successor(below: str) -> str:
    path = ORDERS_PATH + quote(below)
    return path if len(path) <= _MAX_SUCCESSOR_LENGTH else ORDERS_PATH
