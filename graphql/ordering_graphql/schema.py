"""The schema: what can be asked, and how it is looked up."""

from typing import Annotated

import strawberry
from strawberry.extensions import DisableIntrospection
from strawberry.schema.config import StrawberryConfig
from strawberry.types import Info

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.orders.reader import OrderFilter, find_order, list_orders
from ordering_graphql.context import Context
from ordering_graphql.limits import Limits
from ordering_graphql.plan import branches_of
from ordering_graphql.types import Order, OrderConnection

__all__ = ["make_schema"]

MAX_PAGE = 100
_DEFAULT_PAGE = 20

FieldInfo = Info[Context, None]


@strawberry.type(description="What can be asked.")
class Query:
    """The root of all queries."""

    @strawberry.field(description="An order by its id or, failing that, its external id.")
    async def order(
        self,
        info: FieldInfo,
        id: Annotated[  # noqa: A002 - the argument's name in the schema
            strawberry.ID, strawberry.argument(description="Id or external id of the order.")
        ],
    ) -> Order | None:
        """Look one order up."""
        branches = branches_of(info.selected_fields)
        async with info.context.services.database.acquire() as connection:
            order = await find_order(connection, id, branches)
        return None if order is None else Order(source=order)

    @strawberry.field(description="The oldest orders.")
    async def orders(
        self,
        info: FieldInfo,
        first: Annotated[
            int, strawberry.argument(description="How many orders, from 1 to 100.")
        ] = _DEFAULT_PAGE,
    ) -> OrderConnection:
        """Read a page of orders."""
        if not 1 <= first <= MAX_PAGE:
            raise InvalidRequestError([Problem.of(messages.FIRST_INVALID, limit=MAX_PAGE)])
        branches = branches_of(info.selected_fields)
        async with info.context.services.database.acquire() as connection:
            page = await list_orders(
                connection, OrderFilter(), limit=first, offset=0, branches=branches
            )
        return OrderConnection.of(page.orders, page.total)


def make_schema(*, introspection: bool) -> strawberry.Schema:
    """Build the schema; introspection is for development."""
    return strawberry.Schema(
        query=Query,
        config=StrawberryConfig(auto_camel_case=True),
        extensions=[Limits] if introspection else [Limits, DisableIntrospection],
    )
