"""Where fulfilment reports how far an order has come: the endpoint of its transitions."""

import msgspec

from ordering.access.roles import Permission
from ordering.domain.actions import Action
from ordering.domain.ids import show_id
from ordering.orders.idempotency import Answer
from ordering.orders.progress import Progress
from ordering_http.access import requires
from ordering_http.operations import post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response
from ordering_rest.bodies import require_json
from ordering_rest.entity_tags import entity_tag, read_if_match
from ordering_rest.idempotency import answer_once
from ordering_rest.parity.view import View

__all__ = ["PATH", "move_order"]

PATH = "/api/ordering/v1/productOrder/{order_id:str}/transition"


class _Line(msgspec.Struct):
    """A line that moved."""

    id: str
    state: str
    ponr: bool


class _Moved(msgspec.Struct, rename="camel"):
    """The order after a transition, the lines that moved, and what it allows now."""

    id: str
    href: str
    state: str
    version: int
    ponr: bool
    line_items: list[_Line]
    allowed_actions: list[Action]


@post(PATH, requires(Permission.MOVE_ORDERS))
async def move_order(request: Request, order_id: str) -> Response:
    """Move an order, or some of its lines, and answer what moved."""
    require_json(request)
    tags = read_if_match(request.headers)
    body = await request.body()
    client = client_of(request).username
    progress_order = services_of(request).progress_order
    return await answer_once(
        request, lambda once: progress_order(order_id, body, client, tags, once), _answer
    )


def _answer(done: Progress) -> Answer:
    return Answer(
        status_code=200,
        body=msgspec.json.encode(_show(done)),
        headers={"ETag": entity_tag(done.order)},
    )


def _show(done: Progress) -> _Moved:
    order = done.order
    return _Moved(
        id=show_id(order.id),
        href=View().path_of(order),
        state=order.state,
        version=order.version,
        ponr=order.ponr,
        line_items=[_Line(line.item_id, line.state, line.ponr) for line in done.moved],
        allowed_actions=list(done.allowed),
    )
