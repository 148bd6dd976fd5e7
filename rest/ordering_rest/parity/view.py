"""An order as the Product Order Open API shows it, on its present paths and on the deprecated ones.

PostgreSQL shows those that are read (`shape.py`), and this process those that it has in memory.
"""

from collections.abc import Iterator, Sequence

import msgspec

from ordering.domain.ids import show_id
from ordering.domain.order import Order
from ordering.orders.shapes import Branch, Embedded, Rows, Shape
from ordering_rest.fields import Selection, Tree
from ordering_rest.parity.encoding import encoder_of
from ordering_rest.parity.shape import BASE_PATH, ORDER, ORDERS_PATH

__all__ = ["BASE_PATH", "ORDERS_PATH", "View"]

#: What `fields` cannot take away (TMF630).
_ALWAYS: Tree = {"id": None, "href": None}

_encode = encoder_of(ORDER)


def _branches(shape: Shape, *path: str) -> Iterator[tuple[Branch, tuple[str, ...]]]:
    """List where the rows that are read beside the header are shown."""
    for member in shape.members:
        below = (*path, member.name)
        if isinstance(member, Embedded):
            yield from _branches(member.shape, *below)
        elif isinstance(member, Rows):
            yield member.branch, below
            if isinstance(member.of, Shape):
                yield from _branches(member.of, *below)


_BRANCHES = tuple(_branches(ORDER))


class View(msgspec.Struct, frozen=True, kw_only=True):
    """How orders are shown: under which path, and which attributes.

    `left_out` are attributes that the paths do not have, `fields` those that the client asks for,
    None for all.
    """

    path: str = ORDERS_PATH
    left_out: Tree = {}
    fields: Tree | None = None

    @property
    def branches(self) -> Branch:
        """What has to be read to show an order like this."""
        selection = self._selection
        needed = Branch.NONE
        for branch, path in _BRANCHES:
            if selection.shows(*path):
                needed |= branch
        return needed

    def path_of(self, order: Order) -> str:
        """Return the path under which the order is found and shown like this."""
        return f"{self.path}/{show_id(order.id)}"

    def encode(self, order: Order) -> bytes:
        """Show an order as JSON."""
        return self.pick(_encode(order))

    def pick(self, shown: bytes) -> bytes:
        """Show an order that was read as `ORDER`, with these attributes only."""
        return self._selection.pick(shown)

    def pick_all(self, shown: Sequence[bytes]) -> bytes:
        """Show a list of orders that were read as `ORDER`, with these attributes only."""
        selection = self._selection
        return b"[%b]" % b",".join([selection.pick(each) for each in shown])

    @property
    def _selection(self) -> Selection:
        only = None if self.fields is None else self.fields | _ALWAYS
        return Selection(only, self.left_out)
