"""Changing what is not there yet: an order that still waits in the inbound queue.

Its id was answered with 202, so its client may name it in a `PATCH` or a cancellation before the
order exists. The Product Order Open API refuses both with a message of its own.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.messages import Message
from ordering.domain.states import InboundState
from ordering.inbound.lookup import find_request
from ordering_http.request import Request, services_of

__all__ = ["when_created"]

T = TypeVar("T")

#: Where a record of the inbound queue is while its order is still to come.
_WAITING = frozenset({InboundState.NEW, InboundState.IN_PROGRESS, InboundState.PENDING})


async def when_created(
    request: Request,
    text: str,
    message: Message,
    change: Callable[[], Awaitable[T]],
) -> T:
    """Change the order with this id or external id, unless it still waits in the queue.

    Raises `InvalidRequestError` with `message` if it waits, else whatever `change` raises: a
    request that ended in error left no order to be found.
    """
    try:
        return await change()
    except NotFoundError:
        async with services_of(request).database.acquire() as connection:
            record = await find_request(connection, text)
        if record is not None and record.state in _WAITING:
            raise InvalidRequestError([Problem.of(message)]) from None
        if record is None or record.state is not InboundState.COMPLETED:
            raise
    # The order was created between the two looks.
    return await change()
