"""Revise an order: the use case behind PATCH."""

from collections.abc import Collection

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.domain.order import Order
from ordering.domain.revision import RevisionPolicy, approve_added, revise
from ordering.orders.changes import write_change
from ordering.orders.inventories import lock_inventories
from ordering.orders.lock import lock_order
from ordering.orders.validate import policy_of, read_order
from ordering.settings import Settings

__all__ = ["ReviseOrder"]


class ReviseOrder:
    """The use case: decode, look up, then lock, decide and write in one transaction."""

    def __init__(self, database: Database, finder: ReferenceFinder, settings: Settings) -> None:
        self._database = database
        self._finder = finder
        self._settings = settings
        self._rules = policy_of(
            settings, check_references=settings.create_product_order_validations_sync
        )

    async def __call__(
        self, text: str, body: bytes, client: str, tags: Collection[str] | None = None
    ) -> Order:
        """Revise the order with this id or external id as `body` says; returns it, committed.

        `tags` are the tags of the order that the client knows, if it names any. Raises
        `InvalidRequestError`, `NotFoundError` or `OutdatedError`; then nothing was written.
        """
        decoded = read_order(body, self._rules)
        found = await self._finder.find(decoded.draft)
        how = RevisionPolicy(
            client=client,
            rules=self._rules,
            validate_characteristic_values=not self._settings.disable_char_value_validation,
            edit_new=self._settings.edit_new_orders,
            wait_for_approval=self._settings.revision_approval == "manual",
        )
        async with self._database.transaction() as connection:
            order = await lock_order(connection, text, tags)
            change = revise(order, decoded, found, how)
            if change.added:
                inventories = await lock_inventories(connection, change.added)
                change = approve_added(change, inventories)
            await write_change(connection, change)
        return change.order
