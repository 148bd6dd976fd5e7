"""Ask for an order to be canceled: the use case behind `cancelproductorder`."""

from collections.abc import Collection

from ordering.db.engine import Database
from ordering.domain.cancellation import Cancellation, cancel
from ordering.domain.change import Change, moment_after
from ordering.domain.order import Order
from ordering.orders.changing import AtHand, change_order
from ordering.orders.idempotency import Once
from ordering.settings import Settings

__all__ = ["CancelOrder"]


class CancelOrder:
    """The use case."""

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

        async def decide(it: AtHand) -> Change:
            moment = moment_after(it.order)
            return cancel(
                it.order, asked, client=client, moment=moment, cancel_new=self._cancel_new
            )

        return await change_order(
            self._database,
            asked.order_id,
            decide,
            lambda change: change.order,
            tags=tags,
            once=once,
        )
