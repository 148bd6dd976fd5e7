"""The endpoints `order/productOrder`: create, get, list, revise.

Each is a handler of this path around a function that answers for any path, so that the deprecated
paths do the same work (`deprecated.py`).
"""

from functools import partial
from uuid import UUID

import msgspec
from litestar.types import ASGIApp

from ordering.access.roles import Permission
from ordering.db.connection import Connection
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.states import InboundState
from ordering.inbound.lookup import InboundRecord, find_request
from ordering.orders.idempotency import Answer
from ordering.orders.reader import OrderFilter, ShownOrder, find_shown, list_shown
from ordering_http.access import requires
from ordering_http.operations import get, patch, post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response
from ordering_rest.bodies import NDJSON, require_json
from ordering_rest.entity_tags import entity_tag, read_if_match
from ordering_rest.fields import read_fields
from ordering_rest.idempotency import answer_once
from ordering_rest.paging import page_headers, read_page_request
from ordering_rest.parity.bulk import answer_bulk
from ordering_rest.parity.errors import error_body
from ordering_rest.parity.queued import when_created
from ordering_rest.parity.shape import ORDER, ORDERS_PATH
from ordering_rest.parity.view import View

__all__ = [
    "answer_order",
    "answer_orders",
    "answer_revised",
    "create_order",
    "get_order",
    "get_orders",
    "revise_order",
    "show_created",
]

_RETRY_AFTER_S = 1
_VIEW = View()


@post(ORDERS_PATH, requires(Permission.PLACE_ORDERS))
async def create_order(request: Request) -> ASGIApp:
    """Create an order and answer it (201), or queue it and answer its id to be (202).

    Lines of JSON are orders to be queued, and are answered line by line.
    """
    mode = request.query_params.get("mode")
    if mode not in (None, "async"):
        raise InvalidRequestError([Problem.of(messages.MODE_INVALID)])
    if request.media_type == NDJSON:
        if mode is None:
            raise InvalidRequestError([Problem.of(messages.BULK_MODE_MISSING)])
        return answer_bulk(request)
    require_json(request)
    body = await request.body()
    services = services_of(request)
    client = client_of(request).username
    if mode is None:
        return await answer_once(
            request,
            lambda once: services.create_order(body, client, once=once),
            partial(show_created, view=_VIEW),
        )
    return await answer_once(
        request,
        lambda once: services.accept_order(body, client, once),
        _show_accepted,
        scope="?mode=async",
    )


def _show_accepted(identity: UUID) -> Answer:
    shown = show_id(identity)
    return Answer(
        status_code=202,
        body=msgspec.json.encode({"orderId": shown}),
        headers={"Location": f"{ORDERS_PATH}/{shown}", "Retry-After": str(_RETRY_AFTER_S)},
    )


@get(f"{ORDERS_PATH}/{{order_id:str}}", requires(Permission.READ_ORDERS))
async def get_order(request: Request, order_id: str) -> Response:
    """Answer an order by its id or external id; a queued or failed one as the source does."""
    return await answer_order(request, order_id, _VIEW)


@get(ORDERS_PATH, requires(Permission.READ_ORDERS))
async def get_orders(request: Request) -> Response:
    """Answer a page of orders: 200 if it is all of them, else 206; 404 if there are none."""
    return await answer_orders(request, _VIEW)


@patch(f"{ORDERS_PATH}/{{order_id:str}}", requires(Permission.PLACE_ORDERS))
async def revise_order(request: Request, order_id: str) -> Response:
    """Revise an order and answer it whole; 201, as the source has it."""
    return await answer_revised(request, order_id, _VIEW)


def show_created(order: Order, view: View) -> Answer:
    """Show an order that was created."""
    headers = {"Location": view.path_of(order), "ETag": entity_tag(order)}
    return Answer(status_code=201, body=view.encode(order), headers=headers)


async def answer_order(request: Request, text: str, view: View) -> Response:
    """Answer the order with this id or external id, its `fields` only.

    A queued one is answered with what the source says of it, a failed one with its problems.
    """
    view = _with_fields(request, view)
    async with services_of(request).database.acquire() as connection:
        found = await _find(connection, text, view)
    if isinstance(found, ShownOrder):
        return Response(view.pick(found.json), headers={"ETag": entity_tag(found)})
    if found.state is InboundState.ERROR:
        return Response(msgspec.json.encode(error_body(found.problems)))
    queued = error_body([Problem.of(messages.STILL_QUEUED)])
    return Response(msgspec.json.encode(queued), headers={"Retry-After": str(_RETRY_AFTER_S)})


async def _find(connection: Connection, text: str, view: View) -> ShownOrder | InboundRecord:
    order = await find_shown(connection, text, ORDER, view.branches)
    if order is not None:
        return order
    record = await find_request(connection, text)
    if record is not None and record.state is InboundState.COMPLETED:
        # It was created between the two looks.
        order = await find_shown(connection, text, ORDER, view.branches)
    found = order or record
    if found is None:
        raise NotFoundError([Problem.of(messages.ORDER_NOT_FOUND)])
    return found


async def answer_orders(request: Request, view: View) -> Response:
    """Answer the page of the orders that the query asks for, their `fields` only."""
    query = request.query_params
    page = read_page_request(query)
    view = _with_fields(request, view)
    which = OrderFilter(
        state=query.get("state"),
        external_id=query.get("externalId"),
        party=query.get("relatedParty.id"),
    )
    async with services_of(request).database.acquire() as connection:
        orders, total = await list_shown(
            connection, which, ORDER, view.branches, limit=page.limit, offset=page.offset
        )
    if not orders:
        raise NotFoundError([Problem.of(messages.NO_ORDERS)])
    headers = page_headers(view.path, query.items(), page, shown=len(orders), total=total)
    status = 200 if len(orders) == total else 206
    return Response(view.pick_all(orders), status_code=status, headers=headers)


async def answer_revised(request: Request, text: str, view: View) -> Response:
    """Revise the order with this id or external id as the body says, and answer it."""
    require_json(request)
    tags = read_if_match(request.headers)
    body = await request.body()
    services = services_of(request)
    client = client_of(request).username

    async def change() -> Order:
        return await services.revise_order(text, body, client, tags)

    order = await when_created(request, text, messages.ORDER_NOT_CREATED_YET, change)
    return Response(view.encode(order), status_code=201, headers={"ETag": entity_tag(order)})


def _with_fields(request: Request, view: View) -> View:
    fields = read_fields(request.query_params.getall("fields", []))
    return msgspec.structs.replace(view, fields=fields)
