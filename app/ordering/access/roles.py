"""Roles, and what each may do, as a table."""

from enum import StrEnum

__all__ = ["MAY", "Permission", "Role"]


class Role(StrEnum):
    """What a client is to this service."""

    ORDER_INTEGRATOR = "order_integrator"
    ORDER_VIEWER = "order_viewer"
    ORDER_FULFILMENT = "order_fulfilment"
    INBOUND_QUEUE_ADMIN = "inbound_queue_admin"
    CATALOG_INTEGRATOR = "catalog_integrator"
    ADMIN = "admin"


class Permission(StrEnum):
    """What can be allowed."""

    READ_ORDERS = "read_orders"
    PLACE_ORDERS = "place_orders"
    MOVE_ORDERS = "move_orders"
    READ_QUEUE = "read_queue"
    OPERATE_QUEUE = "operate_queue"


#: Which roles hold a permission.
MAY: dict[Permission, frozenset[Role]] = {
    Permission.READ_ORDERS: frozenset(
        {Role.ORDER_INTEGRATOR, Role.ORDER_VIEWER, Role.ORDER_FULFILMENT, Role.ADMIN}
    ),
    Permission.PLACE_ORDERS: frozenset({Role.ORDER_INTEGRATOR, Role.ADMIN}),
    Permission.MOVE_ORDERS: frozenset({Role.ORDER_FULFILMENT, Role.ADMIN}),
    # The source's viewers read the queue; integrators track what they sent.
    Permission.READ_QUEUE: frozenset(
        {Role.ORDER_INTEGRATOR, Role.ORDER_VIEWER, Role.INBOUND_QUEUE_ADMIN, Role.ADMIN}
    ),
    Permission.OPERATE_QUEUE: frozenset({Role.INBOUND_QUEUE_ADMIN, Role.ADMIN}),
}
