"""Create an order while its client waits."""

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.engine import Database
from ordering.db.group_commit import GroupCommit
from ordering.domain.capture import Circumstances, capture
from ordering.domain.ids import new_id
from ordering.domain.order import Order
from ordering.domain.timestamps import now
from ordering.orders.rows import insert_orders
from ordering.orders.validate import policy_of, validate
from ordering.settings import Settings

__all__ = ["CreateOrder"]


class CreateOrder:
    """The use case: validate, capture, commit together with whoever else is creating."""

    def __init__(self, database: Database, keeper: CatalogKeeper, settings: Settings) -> None:
        self._database = database
        self._keeper = keeper
        self._validate_values = not settings.disable_char_value_validation
        self._policy = policy_of(
            settings, check_references=settings.create_product_order_validations_sync
        )
        self._group = GroupCommit(database, insert_orders)

    async def __call__(self, body: bytes, client: str) -> Order:
        """Create the order that `body` describes for the client of this user name.

        Returns it committed. Raises `InvalidRequestError`; then nothing was written.
        """
        draft, found = await validate(self._database, self._keeper, body, self._policy)
        how = Circumstances(
            order_id=new_id(),
            client=client,
            moment=now(),
            validate_characteristic_values=self._validate_values,
        )
        return await self._group.submit(capture(draft, found, how))

    async def close(self) -> None:
        """Finish the writes under way and take no more."""
        await self._group.close()
