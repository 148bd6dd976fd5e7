"""Ask for an order to be canceled: the use case behind `cancelproductorder`."""

from collections.abc import Collection

from ordering.db.engine import Database
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import moment_after
from ordering.domain.order import Order
from ordering.orders.changes import write_change
from ordering.orders.lock import lock_order
from ordering.settings import Settings

__all__ = ["CancelOrder"]


class CancelOrder:
    """The use case: lock, decide, write, in one transaction."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._cancel_new = settings.edit_new_orders

    async def __call__(
        self, asked: Cancellation, client: str, tags: Collection[str] | None = None
    ) -> Order:
        """Accept a request to cancel the order that it names; returns the order, committed.

        `tags` are the tags of the order that the client knows, if it names any. Raises
        `NotFoundError`, `InvalidRequestError` or `OutdatedError`; then nothing was written.
        """
        async with self._database.transaction() as connection:
            order = await lock_order(connection, asked.order_id, tags)
            change = cancel(
                order,
                asked,
                client=client,
                moment=moment_after(order),
                cancel_new=self._cancel_new,
            )
            await write_change(connection, change)
        return change.order
