"""The endpoint `cancelproductorder`: ask for an order to be canceled."""

import msgspec
from msgspec import Raw

from ordering.access.roles import Permission
from ordering.domain import messages
from ordering.domain.cancellation import ORDER_POINTER, Cancellation, read_cancellation
from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.values import encode
from ordering.orders.idempotency import Answer, Once
from ordering_http.access import requires
from ordering_http.operations import post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response
from ordering_rest.bodies import require_json
from ordering_rest.entity_tags import entity_tag, read_if_match
from ordering_rest.idempotency import answer_once
from ordering_rest.parity.queued import when_created
from ordering_rest.parity.view import BASE_PATH, View

__all__ = ["PATH", "cancel_order"]

PATH = f"{BASE_PATH}/cancelproductorder"


@post(PATH, requires(Permission.PLACE_ORDERS))
async def cancel_order(request: Request) -> Response:
    """Accept a request to cancel an order: it is assessed from now on, not canceled yet.

    An order that is not there is the body's fault, so it is no 404.
    """
    require_json(request)
    tags = read_if_match(request.headers)
    asked = read_cancellation(await request.body())
    services = services_of(request)
    client = client_of(request).username

    async def cancel(once: Once[Order] | None) -> Order:
        async def try_once() -> Order:
            return await services.cancel_order(asked, client, tags, once)

        try:
            return await when_created(
                request, asked.order_id, messages.CANCEL_NOT_CREATED_YET, try_once
            )
        except NotFoundError as error:
            problem = Problem.of(messages.CANCEL_ORDER_INVALID, ORDER_POINTER)
            raise InvalidRequestError([problem]) from error

    return await answer_once(request, cancel, lambda order: _show(asked, order))


def _show(asked: Cancellation, order: Order) -> Answer:
    """Show the request as it was sent, with what the source adds to it."""
    sent = msgspec.json.decode(encode(asked), type=dict[str, Raw])
    href = (asked.product_order and asked.product_order.href) or View().path_of(order)
    return Answer(
        status_code=200,
        body=encode({**sent, "id": show_id(order.id), "href": href, "state": "done"}),
        headers={"ETag": entity_tag(order)},
    )
