"""The schema: what can be asked. It is ours and closed; `plan/` knows how to read all of it."""

from enum import Enum
from typing import Any, cast

import strawberry
from graphql import GraphQLSchema, print_schema
from strawberry.schema.config import StrawberryConfig

from ordering_graphql.reading import (
    AnyNode,
    Condition,
    NodeSource,
    One,
    Paged,
    Sort,
    Source,
    Tally,
    argument,
    declare,
)
from ordering_graphql.types.connection import Connection
from ordering_graphql.types.filters import InboundRequestFilter, OrderFilter
from ordering_graphql.types.history import EVENTS, REVISIONS, OrderEvent, OrderRevision
from ordering_graphql.types.inbound import (
    INBOUND_SORTS,
    REQUESTS,
    InboundRequest,
    InboundRequestSort,
)
from ordering_graphql.types.line_item import LINES, LineItem
from ordering_graphql.types.node import Node
from ordering_graphql.types.order import ORDERS, Order
from ordering_graphql.types.paging import MOST_PER_PAGE, page_arguments
from ordering_graphql.types.scalars import SCALARS

__all__ = ["NODE_SOURCES", "make_schema", "print_sdl"]


#: By the names of the types.
NODE_SOURCES = {
    "Order": NodeSource(source=ORDERS, where="{row}.id = {value}", prefix="", kind="uuid"),
    "LineItem": NodeSource(
        source=LINES, where="{row}.id = {value}", prefix="LineItem:", kind="uuid"
    ),
    "InboundRequest": NodeSource(
        source=REQUESTS, where="{row}.id = {value}", prefix="InboundRequest:", kind="uuid"
    ),
    "OrderRevision": NodeSource(
        source=REVISIONS, where="{row}.id = {value}", prefix="OrderRevision:", kind="bigint"
    ),
    "OrderEvent": NodeSource(
        source=EVENTS, where="{row}.id = {value}", prefix="OrderEvent:", kind="bigint"
    ),
}


@strawberry.enum(description="Orders of lists of orders.")
class OrderSort(Enum):
    """How orders are sorted; each has an index: without a filter no page costs more."""

    CREATED_ASC = "CREATED_ASC"
    CREATED_DESC = "CREATED_DESC"
    UPDATED_ASC = "UPDATED_ASC"
    UPDATED_DESC = "UPDATED_DESC"


_CREATED = {"{row}.number": "bigint"}
_UPDATED = {"{row}.updated_at": "timestamptz", "{row}.number": "bigint"}
_ORDER_SORTS = {
    OrderSort.CREATED_ASC.value: Sort(_CREATED),
    OrderSort.CREATED_DESC.value: Sort(_CREATED, descending=True),
    OrderSort.UPDATED_ASC.value: Sort(_UPDATED),
    OrderSort.UPDATED_DESC.value: Sort(_UPDATED, descending=True),
}
_ORDER_TALLY = Tally("order_tally", "coalesce(sum({row}.orders), 0)", frozenset({"state"}))


def _either_id(source: Source) -> One:
    """Find one by its id, or the newest by its external id."""
    return One(
        source=source,
        order_by="{row}.number DESC",
        narrow={
            "id": Condition("{row}.id = {value}", "uuid"),
            "externalId": Condition("{row}.external_id = {value}"),
        },
        exactly_one=True,
    )


@strawberry.type(description="What can be asked.")
class Query:
    """The root of all queries."""

    order: Order | None = declare(
        "The order with this id, or the newest with this external id. One of the two is given.",
        _either_id(ORDERS),
        argument("id", strawberry.ID | None, "Id of the order: 32 hexadecimal digits."),
        argument("external_id", str | None, "The order's id in the system that placed it."),
    )
    orders: Connection[Order] = declare(
        "Orders; by default the oldest first.",
        Paged(source=ORDERS, sorts=_ORDER_SORTS, most=MOST_PER_PAGE, tally=_ORDER_TALLY),
        argument("filter", OrderFilter | None, "Only those that fit."),
        argument("order_by", OrderSort, "How they are sorted.", OrderSort.CREATED_ASC),
        *page_arguments(MOST_PER_PAGE),
    )
    inbound_request: InboundRequest | None = declare(
        "The request of the inbound queue with this order id, or the newest with this external"
        " id. One of the two is given.",
        _either_id(REQUESTS),
        argument("id", strawberry.ID | None, "The id that its order has, or will have."),
        argument("external_id", str | None, "The order's id in the system that placed it."),
    )
    inbound_requests: Connection[InboundRequest] = declare(
        "Requests of the inbound queue; by default the newest first.",
        Paged(source=REQUESTS, sorts=INBOUND_SORTS, most=MOST_PER_PAGE),
        argument("filter", InboundRequestFilter | None, "Only those that fit."),
        argument(
            "order_by",
            InboundRequestSort,
            "How they are sorted.",
            InboundRequestSort.NUMBER_DESC,
        ),
        *page_arguments(MOST_PER_PAGE),
    )
    node: Node | None = declare(
        "Whatever has this id.",
        AnyNode(),
        argument("id", strawberry.ID, "The `id` that a node was answered with."),
    )


def _by_id(source: Source) -> One:
    """Find one by its id."""
    return One(source=source, narrow={"id": Condition("{row}.id = {value}", "uuid")})


@strawberry.type(
    description="What can be followed: the state now, and again after each change. Changes that"
    " come faster than a client reads are told together, as the state after the last of them."
)
class Subscription:
    """The root of all subscriptions."""

    order_changed: Order = declare(
        "The order with this id, now and after each change; from its creation on, if it is still"
        " to be created.",
        _by_id(ORDERS),
        argument("id", strawberry.ID, "Id of the order: 32 hexadecimal digits."),
    )
    inbound_request_changed: InboundRequest = declare(
        "The request of the inbound queue with this order id, now and after each change; changes"
        " before its end are told a few seconds later.",
        _by_id(REQUESTS),
        argument("id", strawberry.ID, "The id that its order has, or will have."),
    )


def make_schema() -> GraphQLSchema:
    """Build the schema. Strawberry declares it; nothing of it is executed by Strawberry."""
    declared = strawberry.Schema(
        query=Query,
        subscription=Subscription,
        types=[LineItem, Order, InboundRequest, OrderRevision, OrderEvent],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    return cast("Any", declared)._schema


def print_sdl() -> str:
    """Write the schema as SDL."""
    return print_schema(make_schema()) + "\n"
