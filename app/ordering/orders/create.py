"""Create an order while its client waits."""

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.domain.capture import Circumstances, capture
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.external_ids import ExternalIds
from ordering.orders.idempotency import Once
from ordering.orders.rows import find_created, insert_orders
from ordering.orders.submissions import Submissions
from ordering.orders.validate import policy_of, validate
from ordering.settings import Settings

__all__ = ["CreateOrder"]


class CreateOrder:
    """The use case: validate, capture, commit together with whoever else is creating.

    With `external_ids` no other order may have the order's.
    """

    def __init__(
        self,
        database: Database,
        finder: ReferenceFinder,
        settings: Settings,
        external_ids: ExternalIds | None = None,
    ) -> None:
        self._finder = finder
        self._validate_values = not settings.disable_char_value_validation
        self._policy = policy_of(
            settings, check_references=settings.create_product_order_validations_sync
        )
        self._group = Submissions(database, insert_orders, find_created, external_ids=external_ids)

    async def __call__(
        self,
        body: bytes,
        client: str,
        *,
        default_currency: str | None = None,
        once: Once[Order] | None = None,
    ) -> Order:
        """Create the order that `body` describes for the client of this user name.

        With a `default_currency` the order may leave its currency to its prices, and takes this
        one if it has none. Returns the order committed, and with it the answer of a request that is
        to be done `once`. Raises `InvalidRequestError`, and of one with a key what `claim_keys`
        tells; then nothing was written.
        """
        draft, found = await validate(
            self._finder, body, self._policy, default_currency=default_currency
        )
        how = Circumstances(
            order_id=new_id(),
            client=client,
            moment=now(),
            validate_characteristic_values=self._validate_values,
        )
        order = capture(draft, found, how)
        return await self._group.submit(order, once and once.kept(order, order.id), size=len(body))

    async def close(self) -> None:
        """Finish the writes under way and take no more."""
        await self._group.close()
