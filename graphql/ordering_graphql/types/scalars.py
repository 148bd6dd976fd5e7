"""Scalars and enums. Moments and amounts are written as on the REST faces."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON

from ordering.domain.states import InboundState, InboundStatus, OrderState
from ordering.domain.timestamps import Timestamp

__all__ = ["JSON", "SCALARS", "InboundState", "InboundStatus", "OrderState"]

# The names are the values of the REST faces, so that nobody has to translate them.
strawberry.enum(
    OrderState,
    description="States of an order and of a line item; `scheduled` is for line items only.",
    graphql_name_from="value",
)
strawberry.enum(
    InboundState,
    description="States of a request in the inbound queue.",
    graphql_name_from="value",
)
strawberry.enum(
    InboundStatus,
    description="How a request of the inbound queue ended; partial success: with work notes.",
    graphql_name_from="value",
)


def _parse_moment(value: Any) -> datetime:
    """Read a moment to compare with; cut to milliseconds, `lt` would leave out too much."""
    try:
        Timestamp.parse(value)
    except ValueError as error:
        raise GraphQLError(str(error)) from None
    return datetime.fromisoformat(value.upper())


SCALARS: dict[object, Any] = {
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment in UTC with milliseconds, as in `2021-05-02T08:13:59.506Z`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        parse_value=_parse_moment,
    ),
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, as a string: `"20.50"`.',
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, as the client sent it; numbers keep all their digits.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259",
    ),
}
