"""Revise an order: the use case behind PATCH."""

from collections.abc import Collection

from msgspec.structs import replace

from ordering.catalog.lookups import ReferenceFinder, find_references
from ordering.db.connection import Connection
from ordering.db.engine import Database
from ordering.domain.change import Change
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.domain.references import References
from ordering.domain.revision import RevisionPolicy, approve_added, revise
from ordering.orders.changing import AtHand, change_order
from ordering.orders.external_ids import ExternalIds
from ordering.orders.inventories import lock_inventories
from ordering.orders.validate import policy_of, read_order
from ordering.settings import Settings

__all__ = ["ReviseOrder"]

#: What an order is known by in the system that placed it.
_NAMED = frozenset({"externalId", "externalSystem"})


class ReviseOrder:
    """The use case: decode, look up, then change the order.

    With `external_ids` no other order may have the one that a revision gives.
    """

    def __init__(
        self,
        database: Database,
        finder: ReferenceFinder,
        settings: Settings,
        external_ids: ExternalIds | None = None,
    ) -> None:
        self._database = database
        self._finder = finder
        self._settings = settings
        self._external_ids = external_ids
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

        async def decide(it: AtHand) -> Change | None:
            known = found
            if not self._rules.allow_spec_version_update:
                known = await _with_installed(it.connection, found, it.order)
            change = revise(it.order, decoded, known, how)
            named = self._external_ids if _NAMED & change.fields.keys() else None
            if named is None and not change.added:
                return change
            if not it.locked:
                return None
            if named is not None:
                (taken,) = await named.claim(it.connection, [change.order])
                if taken is not None:
                    raise taken
            if change.added:
                inventories = await lock_inventories(it.connection, change.added)
                change = approve_added(change, inventories)
            return change

        return await change_order(
            self._database, text, decide, lambda change: change.order, tags=tags
        )


async def _with_installed(connection: Connection, found: References, order: Order) -> References:
    """Add what the lines of the order are about to what the revision names."""
    items = [
        LineItemDraft(product=ProductDraft(id=show_id(line.product_inventory_id)))
        for line in order.line_items
        if line.product_inventory_id is not None
    ]
    draft = OrderDraft(product_order_item=items)
    installed = await find_references(connection, found.catalog, [draft])
    return replace(found, inventories={**installed.inventories, **found.inventories})
