"""Move an order on: the use case behind its transitions."""

from collections.abc import Collection, Sequence

import msgspec

from ordering.db.engine import Database
from ordering.domain.actions import Action, allowed_actions
from ordering.domain.change import Change, moment_after
from ordering.domain.inventory import Inventories
from ordering.domain.order import LineItem, Order
from ordering.domain.progress import lines_moved, progress, read_transition
from ordering.orders.changing import AtHand, change_order
from ordering.orders.idempotency import Once
from ordering.orders.inventories import lock_inventories

__all__ = ["Progress", "ProgressOrder"]

#: The actions that something comes of for product inventories.
_REACHING_INVENTORY = frozenset({Action.APPROVE, Action.COMPLETE, Action.FINISH_CANCELLATION})


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """An order after a transition, the lines that moved, and what it allows now."""

    order: Order
    moved: Sequence[LineItem]
    allowed: Sequence[Action]


class ProgressOrder:
    """The use case; actions that reach inventories lock these, too, once the order is locked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(
        self,
        text: str,
        body: bytes,
        client: str,
        tags: Collection[str] | None = None,
        once: Once[Progress] | None = None,
    ) -> Progress:
        """Move the order with this id or external id as `body` says; returns it, committed.

        `tags` are the tags of the order that the client knows, if it names any. Committed with it
        is the answer of a request that is to be done `once`. Raises `InvalidRequestError`,
        `NotFoundError`, `ConflictError` or `OutdatedError`, and of one with a key what `begin_once`
        raises; then nothing was written.
        """
        asked = read_transition(body)

        reaches_inventory = asked.action in _REACHING_INVENTORY

        async def decide(it: AtHand) -> Change:
            inventories = Inventories()
            if reaches_inventory:
                lines = lines_moved(it.order, asked)
                inventories = await lock_inventories(it.connection, lines)
            moment = moment_after(it.order)
            return progress(it.order, asked, inventories, client=client, moment=moment)

        return await change_order(
            self._database,
            text,
            decide,
            _progress,
            tags=tags,
            once=once,
            at_lock=reaches_inventory,
        )


def _progress(change: Change) -> Progress:
    """Tell what a transition came to."""
    return Progress(
        order=change.order,
        moved=[each.line for each in change.lines if each.fields],
        allowed=allowed_actions(change.order),
    )
