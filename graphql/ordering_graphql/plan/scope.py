"""Where the SQL of a field stands: which row it belongs to, and what its order has worked out."""

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from ordering.access.roles import Permission
from ordering_graphql.reading import OrderMap, Source

__all__ = ["Aliases", "Anchor", "Scope", "all_of", "fill", "where"]


def fill(template: str, **values: str) -> str:
    """Put SQL in the places of a declaration's placeholders."""
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def all_of(conditions: Iterable[str]) -> str:
    """Join conditions that all must be true; empty ones are none."""
    return " AND ".join(condition for condition in conditions if condition)


def where(*conditions: str) -> str:
    """Write the clause of a query whose conditions all must be true, if there are any."""
    joined = all_of(conditions)
    return f" WHERE {joined}" if joined else ""


class Aliases:
    """Names for the rows of a statement."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        """Return a name that the statement does not have yet."""
        return f"t{next(self._numbers)}"


class Anchor:
    """The outermost row of one order; what is worked out once per order is joined to it."""

    def __init__(self, order: str, aliases: Aliases) -> None:
        self._order = order
        self._aliases = aliases
        self._maps: dict[str, tuple[str, OrderMap]] = {}

    def look_up(self, wanted: OrderMap) -> str:
        """Return the SQL of a map of the order, and see to it that it is there."""
        if wanted.name not in self._maps:
            self._maps[wanted.name] = (self._aliases.new(), wanted)
        return f"{self._maps[wanted.name][0]}.map"

    @property
    def joins(self) -> str:
        """The joins of the maps that were looked up, to stand behind the row."""
        return "".join(
            f" LEFT JOIN LATERAL ({fill(each.sql, order=self._order)}) AS {alias} (map) ON true"
            for alias, each in self._maps.values()
        )


class Scope(NamedTuple):
    """A row, and the anchor of its order if it belongs to one. The root has no row.

    `listed` tells that it is one of a list of its order; `climbed` that each of such a list leads
    to it, as lines to their parent; `shared` that it may be in the lists of many. `needs` is the
    permission that was needed to come here.
    """

    row: str = ""
    anchor: Anchor | None = None
    joined_here: bool = False
    listed: bool = False
    climbed: bool = False
    shared: bool = False
    needs: Permission | None = None

    def enter(self, source: Source, aliases: Aliases) -> "Scope":
        """Step to a row that belongs to this one; of the same order, if both belong to one."""
        row = aliases.new()
        needs = source.needs or self.needs
        if source.order is None:
            return Scope(row, needs=needs)
        if self.anchor is not None:
            return self._replace(row=row, joined_here=False, needs=needs)
        anchor = Anchor(fill(source.order, row=row), aliases)
        return Scope(row, anchor, joined_here=True, needs=needs)

    @property
    def joins(self) -> str:
        """What is joined behind this row; to be asked for when the fields have been written."""
        return self.anchor.joins if self.anchor is not None and self.joined_here else ""
