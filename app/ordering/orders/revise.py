"""Revise an order: the use case behind PATCH."""

from collections.abc import Collection

from ordering.catalog.lookups import ReferenceFinder
from ordering.db.engine import Database
from ordering.domain.order import Order
from ordering.settings import Settings

__all__ = ["ReviseOrder"]


class ReviseOrder:
    """The use case: decode, lock, decide, write, in one transaction."""

    def __init__(self, database: Database, finder: ReferenceFinder, settings: Settings) -> None:
        self._database = database
        self._finder = finder
        self._settings = settings

    async def __call__(
        self, text: str, body: bytes, client: str, tags: Collection[str] | None = None
    ) -> Order:
        """Revise the order with this id or external id as `body` says; returns it, committed.

        `tags` are the tags of the order that the client knows, if it names any. Raises
        `InvalidRequestError`, `NotFoundError` or `OutdatedError`; then nothing was written.
        """
        raise NotImplementedError
