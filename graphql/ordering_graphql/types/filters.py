"""Filters: which objects of a list are meant. Everything that a filter has must fit.

A member that is null counts as left out. An object within a filter must have a condition: one whose
variable was forgotten would fit everything. `not` fits whatever its filter does not fit, including
objects that have no value there.
"""

from datetime import datetime

import strawberry

from ordering_graphql.reading import Condition, Operand, Source, Within, ask
from ordering_graphql.types.scalars import JSON, InboundState, InboundStatus, OrderState

__all__ = ["InboundRequestFilter", "LineItemFilter", "OrderFilter"]

_RULE = (
    " All members must fit; one that is null counts as left out. The whole filter may be empty, and"
    " everything fits it; what is within it must have a condition: `{eq: null}` is refused."
)

_EQ = Condition("{operand} = {value}")
_IN = Condition("{operand} = ANY ({value})", "text[]")


@strawberry.input(description="What a text must be.")
class TextFilter:
    """Conditions on a text."""

    eq: str | None = ask("It is this one.", _EQ)
    in_: list[str] | None = ask("It is one of these.", _IN, name="in")
    starts_with: str | None = ask(
        "It begins with this; upper and lower case differ.",
        Condition(
            "starts_with({operand}, {value})",
            # In the order of characters they are the first of these.
            finder="{operand} ~>=~ {value}",
        ),
    )


@strawberry.input(description="What an id must be.")
class IdFilter:
    """Conditions on an id."""

    eq: strawberry.ID | None = ask("It is this one.", Condition("{operand} = {value}", "uuid"))
    in_: list[strawberry.ID] | None = ask(
        "It is one of these.", Condition("{operand} = ANY ({value})", "uuid[]"), name="in"
    )


@strawberry.input(description="What a state of an order or line item must be.")
class OrderStateFilter:
    """Conditions on a state."""

    # With an equation alone the planner would walk all orders by their numbers to find some.
    eq: OrderState | None = ask(
        "It is this one.", Condition(_EQ.sql, finder="{operand} IN ({value}, '')")
    )
    in_: list[OrderState] | None = ask("It is one of these.", _IN, name="in")


@strawberry.input(description="What a state of an inbound request must be.")
class InboundStateFilter:
    """Conditions on a state of the queue."""

    eq: InboundState | None = ask("It is this one.", _EQ)
    in_: list[InboundState] | None = ask("It is one of these.", _IN, name="in")


@strawberry.input(description="What the outcome of an inbound request must be.")
class InboundStatusFilter:
    """Conditions on an outcome."""

    eq: InboundStatus | None = ask("It is this one.", _EQ)
    in_: list[InboundStatus] | None = ask("It is one of these.", _IN, name="in")


@strawberry.input(description="When something must be; without a date it never fits.")
class DateFilter:
    """Conditions on a moment."""

    gt: datetime | None = ask("It is after this.", Condition("{operand} > {value}", "timestamptz"))
    gte: datetime | None = ask(
        "It is this or after it.", Condition("{operand} >= {value}", "timestamptz")
    )
    lt: datetime | None = ask("It is before this.", Condition("{operand} < {value}", "timestamptz"))
    lte: datetime | None = ask(
        "It is this or before it.", Condition("{operand} <= {value}", "timestamptz")
    )


@strawberry.input(description="What a characteristic of a line item's product must be.")
class CharacteristicFilter:
    """Conditions on one characteristic."""

    name: str | None = ask("Its name is this.", Condition("{row}.name = {value}"))
    value: JSON | None = ask(
        "Its value is this JSON, numbers by their value.",
        Condition("{row}.value = {value}", "jsonb"),
    )


#: A text that looks like an id, as one; else null.
_AS_ID = "substring({value} FROM '^[0-9a-f]{32}$')::uuid"


#: The id of a line item's offering in the catalog, or whatever the client named that is not in it:
#: the very expression that the index on them has.
_OFFERING = (
    "coalesce(encode(uuid_send({row}.product_offering_id), 'hex'), {row}.product_offering->>'id')"
)
_OFFERINGS = (
    "ARRAY(SELECT {value} UNION SELECT encode(uuid_send(offering.id), 'hex')"
    " FROM product_offering offering WHERE offering.external_id = {value})"
)


@strawberry.input(description="Which line items are meant." + _RULE)
class LineItemFilter:
    """Conditions on a line item."""

    and_: list["LineItemFilter"] | None = ask("All of these fit.", None, name="and")
    or_: list["LineItemFilter"] | None = ask("At least one of these fits.", None, name="or")
    not_: "LineItemFilter | None" = ask("This does not fit.", None, name="not")
    item_id: TextFilter | None = ask("Its `itemId`.", Operand("{row}.item_id"))
    state: OrderStateFilter | None = ask("Its state.", Operand("{row}.state"))
    action: TextFilter | None = ask("Its action.", Operand("{row}.action"))
    ponr: bool | None = ask(
        "Whether its point of no return is reached.", Condition("{row}.ponr = {value}", "boolean")
    )
    offering: str | None = ask(
        "Id of its product offering, or the external id that it has now.",
        Condition(
            f"{_OFFERING} = ANY ({_OFFERINGS})",
            finder=f"SELECT {{row}}.order_id FROM unnest({_OFFERINGS}) AS offering (name)"
            " CROSS JOIN LATERAL (SELECT DISTINCT line.order_id FROM order_line_item line"
            f" WHERE {_OFFERING.replace('{row}', 'line')} = offering.name"
            " ORDER BY line.order_id LIMIT {most}) AS {row}",
        ),
    )
    specification: str | None = ask(
        "Id or external id of its product specification.",
        Condition(
            "({row}.product_specification->>'id' = {value}"
            f" OR {{row}}.product_specification_id = {_AS_ID})"
        ),
    )
    characteristic: CharacteristicFilter | None = ask(
        "It has a characteristic like this.",
        Within(
            Source("order_characteristic_value"),
            "{row}.order_id = {parent}.order_id AND {row}.line_item_id = {parent}.id",
        ),
    )


#: Orders name parties by id or external id, whichever the client used: both are sought, in the
#: very expression that the index on them has.
_PARTY = (
    "jsonb_path_query_array({row}.related_parties, '$[*].id') ?| ARRAY("
    "SELECT {value} UNION SELECT names.name FROM party"
    " CROSS JOIN LATERAL (VALUES (encode(uuid_send(party.id), 'hex')), (party.external_id))"
    " AS names (name)"
    f" WHERE (party.id = {_AS_ID}"
    " OR party.external_id = {value}) AND names.name IS NOT NULL)"
)

_OF_ORDERS = "SELECT {row}.id FROM customer_order {row} WHERE {near}"

#: Texts with the same beginning stand together: those that do not fit are behind all that do.
_OF_TEXTS = (
    "SELECT {row}.id FROM (SELECT {row}.id, {row}.external_id FROM customer_order {row}"
    " WHERE {near} ORDER BY {row}.external_id USING ~<~ LIMIT {most}) AS {row} WHERE {fits}"
)


@strawberry.input(description="Which orders are meant." + _RULE)
class OrderFilter:
    """Conditions on an order."""

    and_: list["OrderFilter"] | None = ask("All of these fit.", None, name="and")
    or_: list["OrderFilter"] | None = ask("At least one of these fits.", None, name="or")
    not_: "OrderFilter | None" = ask("This does not fit.", None, name="not")
    id: IdFilter | None = ask("Its id.", Operand("{row}.id"))
    external_id: TextFilter | None = ask(
        "Its external id.", Operand("{row}.external_id", _OF_TEXTS)
    )
    external_system: TextFilter | None = ask(
        "The system that placed it.", Operand("{row}.external_system")
    )
    state: OrderStateFilter | None = ask(
        "Its state.", Operand("{row}.state", f"{_OF_ORDERS} ORDER BY {{row}}.state, {{row}}.number")
    )
    ponr: bool | None = ask(
        "Whether its point of no return is reached.", Condition("{row}.ponr = {value}", "boolean")
    )
    party: str | None = ask(
        "Id or external id of one of its parties.", Condition(_PARTY, finder=_OF_ORDERS)
    )
    created_at: DateFilter | None = ask(
        "When it was accepted.",
        Operand("{row}.created_at", f"{_OF_ORDERS} ORDER BY {{row}}.created_at"),
    )
    updated_at: DateFilter | None = ask(
        "When it was changed last.",
        Operand("{row}.updated_at", f"{_OF_ORDERS} ORDER BY {{row}}.updated_at"),
    )
    order_date: DateFilter | None = ask("When the customer ordered.", Operand("{row}.order_date"))
    requested_completion_date: DateFilter | None = ask(
        "When the customer wants the products.", Operand("{row}.requested_completion_date")
    )
    committed_due_date: DateFilter | None = ask(
        "When the products were promised for.", Operand("{row}.committed_due_date")
    )
    line_item: LineItemFilter | None = ask(
        "It has a line item like this.",
        Within(Source("order_line_item"), "{row}.order_id = {parent}.id"),
    )


@strawberry.input(description="Which requests of the inbound queue are meant." + _RULE)
class InboundRequestFilter:
    """Conditions on a request."""

    and_: list["InboundRequestFilter"] | None = ask("All of these fit.", None, name="and")
    or_: list["InboundRequestFilter"] | None = ask("At least one of these fits.", None, name="or")
    not_: "InboundRequestFilter | None" = ask("This does not fit.", None, name="not")
    id: IdFilter | None = ask("The id of its order.", Operand("{row}.id"))
    external_id: TextFilter | None = ask("Its external id.", Operand("{row}.external_id"))
    state: InboundStateFilter | None = ask("Its state.", Operand("{row}.state"))
    status: InboundStatusFilter | None = ask("How it ended.", Operand("{row}.status"))
    created_at: DateFilter | None = ask("When it was accepted.", Operand("{row}.created_at"))
    ended_at: DateFilter | None = ask("When it ended.", Operand("{row}.ended_at"))
