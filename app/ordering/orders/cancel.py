"""Ask for an order to be canceled: the use case behind `cancelproductorder`."""

from collections.abc import Collection

from ordering.db.engine import Database
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import moment_after
from ordering.domain.order import Order
from ordering.orders.changes import write_change
from ordering.orders.idempotency import Once, begin_once, keep_answers
from ordering.orders.lock import lock_order
from ordering.settings import Settings

__all__ = ["CancelOrder"]


class CancelOrder:
    """The use case: lock, decide, write, in one transaction."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._cancel_new = settings.edit_new_orders

    async def __call__(
        self,
        asked: Cancellation,
        client: str,
        tags: Collection[str] | None = None,
        once: Once[Order] | None = None,
    ) -> Order:
        """Accept a request to cancel the order that it names; returns the order, committed.

        `tags` are the tags of the order that the client knows, if it names any. Committed with the
        order is the answer of a request that is to be done `once`. Raises `NotFoundError`,
        `InvalidRequestError` or `OutdatedError`, and of a request with a key what `begin_once`
        raises; then nothing was written.
        """
        async with self._database.transaction() as connection:
            if once:
                await begin_once(connection, once.key)
            order = await lock_order(connection, asked.order_id, tags)
            change = cancel(
                order,
                asked,
                client=client,
                moment=moment_after(order),
                cancel_new=self._cancel_new,
            )
            await write_change(connection, change)
            if once:
                await keep_answers(connection, [once.kept(change.order, order.id)])
        return change.order
