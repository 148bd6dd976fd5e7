"""The endpoints `order/productOrder`: create, get, list."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ordering.access.roles import Permission
from ordering.db.connection import Connection
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.states import InboundState
from ordering.inbound.lookup import InboundRecord, find_request
from ordering.orders.reader import Branch, OrderFilter, find_order, list_orders
from ordering_rest.access import client_of, requires, services_of
from ordering_rest.paging import page_headers, read_page_request
from ordering_rest.parity.errors import error_body
from ordering_rest.parity.view import BASE_PATH, encode_order, encode_orders, href

__all__ = ["create_order", "get_order", "get_orders"]

PATH = f"{BASE_PATH}/order/productOrder"

_JSON = "application/json"
_RETRY_AFTER_S = 1
#: Everything but the work notes, which this API does not show.
_SHOWN = Branch.ALL & ~Branch.WORK_NOTES

AnyRequest = Request[Any, Any, Any]


@post(PATH, guards=[requires(Permission.PLACE_ORDERS)])
async def create_order(request: AnyRequest) -> Response[bytes]:
    """Create an order and answer it (201), or queue it and answer its id to be (202)."""
    mode = request.query_params.get("mode")
    if mode not in (None, "async"):
        raise InvalidRequestError([Problem.of(messages.MODE_INVALID)])
    _require_json(request)
    body = await request.body()
    services = services_of(request)
    client = client_of(request).username
    if mode is None:
        order = await services.create_order(body, client)
        return _json(201, encode_order(order), {"Location": href(order)})
    identity = show_id(await services.accept_order(body, client))
    return _json(
        202,
        msgspec.json.encode({"orderId": identity}),
        {"Location": f"{PATH}/{identity}", "Retry-After": str(_RETRY_AFTER_S)},
    )


@get(f"{PATH}/{{order_id:str}}", guards=[requires(Permission.READ_ORDERS)])
async def get_order(request: AnyRequest, order_id: FromPath[str]) -> Response[bytes]:
    """Answer an order by its id or external id; a queued or failed one as the source does."""
    async with services_of(request).database.acquire() as connection:
        found = await _find(connection, order_id)
    if isinstance(found, Order):
        return _json(200, encode_order(found), {})
    if found.state is InboundState.ERROR:
        return _json(200, msgspec.json.encode(error_body(found.problems)), {})
    queued = error_body([Problem.of(messages.STILL_QUEUED)])
    return _json(200, msgspec.json.encode(queued), {"Retry-After": str(_RETRY_AFTER_S)})


async def _find(connection: Connection, text: str) -> Order | InboundRecord:
    order = await find_order(connection, text, _SHOWN)
    if order is not None:
        return order
    record = await find_request(connection, text)
    if record is not None and record.state is InboundState.COMPLETED:
        # It was created between the two looks.
        order = await find_order(connection, text, _SHOWN)
    found = order or record
    if found is None:
        raise NotFoundError([Problem.of(messages.ORDER_NOT_FOUND)])
    return found


@get(PATH, guards=[requires(Permission.READ_ORDERS)])
async def get_orders(request: AnyRequest) -> Response[bytes]:
    """Answer a page of orders: 200 if it is all of them, else 206; 404 if there are none."""
    query = dict(request.query_params)
    page = read_page_request(query)
    state = query.get("state")
    async with services_of(request).database.acquire() as connection:
        orders, total = await list_orders(
            connection,
            OrderFilter(state=state),
            limit=page.limit,
            offset=page.offset,
            branches=_SHOWN,
        )
    if not orders:
        raise NotFoundError([Problem.of(messages.NO_ORDERS)])
    headers = page_headers(PATH, query, page, shown=len(orders), total=total)
    return _json(200 if len(orders) == total else 206, encode_orders(orders), headers)


def _require_json(request: AnyRequest) -> None:
    declared = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared != _JSON:
        raise InvalidRequestError([Problem.of(messages.CONTENT_TYPE_INVALID)])


def _json(status: int, body: bytes, headers: dict[str, str]) -> Response[bytes]:
    return Response(body, status_code=status, media_type=_JSON, headers=headers)
