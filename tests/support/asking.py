"""What the fixture `ask` of the GraphQL tests is: a way to ask a query without HTTP."""

from collections.abc import Awaitable, Collection
from typing import Any, Protocol

from ordering.access.roles import Permission

__all__ = ["Ask"]


class Ask(Protocol):
    """Asks a query with variables; returns the whole answer."""

    def __call__(
        self, query: str, *, permissions: Collection[Permission] = ..., **variables: Any
    ) -> Awaitable[Any]:
        """Ask, by default as somebody who may do everything."""
        ...
