"""Requests of the inbound queue, as clients may follow them; payloads are not shown here."""

from datetime import datetime
from enum import Enum
from typing import Annotated

import strawberry

from ordering.access.roles import Permission
from ordering_graphql.reading import (
    Leaf,
    One,
    Sort,
    Source,
    column,
    declare,
    elements,
    identity,
    member,
)
from ordering_graphql.types.node import Node
from ordering_graphql.types.order import ORDERS, Order
from ordering_graphql.types.scalars import JSON, InboundState, InboundStatus

__all__ = ["INBOUND_SORTS", "REQUESTS", "InboundRequest", "InboundRequestSort"]

REQUESTS = Source("inbound_request", needs=Permission.READ_QUEUE)


@strawberry.enum(description="Orders of inbound requests.")
class InboundRequestSort(Enum):
    """How inbound requests are sorted."""

    NUMBER_ASC = "NUMBER_ASC"
    NUMBER_DESC = "NUMBER_DESC"


INBOUND_SORTS = {
    InboundRequestSort.NUMBER_DESC.value: Sort({"{row}.number": "bigint"}, descending=True),
    InboundRequestSort.NUMBER_ASC.value: Sort({"{row}.number": "bigint"}),
}


@strawberry.type(description="Why a request could not become an order.")
class Problem:
    """One thing that is wrong with a payload."""

    message: str = declare("What is wrong.", Leaf("({row}->>'message')"))
    pointer: str = declare(
        "Where in the payload, as a JSON Pointer; empty for all of it.", Leaf("({row}->>'pointer')")
    )
    code: int = declare("The code of the Product Order Open API.", Leaf("({row}->>'code')"))


@strawberry.type(description="An attempt at a request that failed, or what an operator did to it.")
class Attempt:
    """An entry of a request's history."""

    attempt: int = declare("How many attempts there had been.", Leaf("({row}->>'attempt')"))
    at: datetime = declare("When.", Leaf("({row}->>'at')::timestamptz"))
    event: str | None = member("event", "What an operator did; null for an attempt that failed.")
    # Names of operators and workers are for operators, who have the REST face for them.


@strawberry.type(description="A request to place an order, accepted and made an order later.")
class InboundRequest(Node):
    """A record of the inbound queue."""

    id: strawberry.ID = identity("InboundRequest")
    order_id: strawberry.ID = declare(
        "The id that its order has, or will have.", Leaf("encode(uuid_send({row}.id), 'hex')")
    )
    number: str = declare("Its place in the order of arrival.", Leaf("({row}.number::text)"))
    state: InboundState = column("state", "Its state.")
    status: InboundStatus | None = column("status", "How it ended.")
    status_code: int = column("status_code", "The HTTP status that stands for it.")
    priority: int = column("priority", "The higher, the earlier it is taken.")
    external_id: str | None = column("external_id", "The order's id in the system that placed it.")
    external_system: str | None = column("external_system", "The system that placed it.")
    initiated_by: str = column("initiated_by", "Who sent it.")
    attempts: int = column("attempts", "How often it was tried.")
    attempt_history: list[Attempt] = declare(
        "Attempts that failed and what operators did, the oldest first.",
        elements("{parent}.attempt_history", cost=5),
    )
    error_message: str | None = declare(
        "Why it failed: the first of its problems.",
        Leaf("coalesce({row}.error->0->>'message', {row}.error_message)"),
    )
    problems: list[Problem] = declare(
        "Everything that is wrong with it.", elements("{parent}.error", cost=5)
    )
    problem_count: int = declare(
        "How many problems it has.", Leaf("coalesce(jsonb_array_length({row}.error), 0)")
    )
    inventory_ids: JSON | None = column(
        "inventory_ids", "Ids of the product inventories that it is about."
    )
    payload_bytes: int = column("payload_bytes", "Size of its payload in bytes.")
    due_at: datetime | None = column("due_at", "Not tried before this.")
    claimed_at: datetime | None = column("claimed_at", "When a worker took it.")
    created_at: datetime = column("created_at", "When it was accepted.")
    updated_at: datetime = column("updated_at", "When it was changed last.")
    ended_at: datetime | None = column("ended_at", "When it ended.")
    execute_after: (
        Annotated["InboundRequest", strawberry.lazy("ordering_graphql.types.inbound")] | None
    ) = declare(
        "The request that it waits for, or waited for.",
        One(source=REQUESTS, where="{row}.id = {parent}.execute_after"),
    )
    order: Order | None = declare(
        "Its order, once there is one.", One(source=ORDERS, where="{row}.id = {parent}.id")
    )
