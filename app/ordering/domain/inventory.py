"""What becomes of product inventories while the lines about them are fulfilled.

The inventory table of the Product Order Open API's product: statuses follow the approval, the
completion and the cancellation of lines. Ours is a projection; what is really installed is known
elsewhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from ordering.domain import messages
from ordering.domain.change import InventoryChange
from ordering.domain.errors import Problem
from ordering.domain.ids import new_id, show_id
from ordering.domain.order import CharacteristicValue, JsonText, LineItem, Order
from ordering.domain.rules.references import USABLE_STATUSES

__all__ = [
    "EFFECTS",
    "MOVE",
    "Effect",
    "Effects",
    "Holder",
    "Inventories",
    "InventoryStatus",
    "InventoryWriter",
    "ProductInventory",
    "external_name",
    "inventory_ids",
    "not_ready",
    "wanting",
]


class InventoryStatus(StrEnum):
    """The statuses of a product inventory that lines lead to."""

    ACTIVE = "active"
    CHANGE_PENDING = "change_pending"
    INACTIVE = "inactive"
    INSTALLATION_PENDING = "installation_pending"
    SUSPENDED = "suspended"


class Effect(NamedTuple):
    """The status of an inventory once its line is approved, and once it is completed.

    None: it stays as it is.
    """

    approved: InventoryStatus | None
    completed: InventoryStatus


class Effects(NamedTuple):
    """What a line does to the inventory that it names, and whether it brings about another.

    That one waits for its installation once the line is approved, and then is active.
    """

    named: Effect | None = None
    creates: bool = False


_IS = InventoryStatus

#: A change that puts the product in another place; there is no such action in the API.
MOVE = "move"

EFFECTS: Mapping[str, Effects] = {
    "add": Effects(creates=True),
    "change": Effects(named=Effect(_IS.CHANGE_PENDING, _IS.ACTIVE)),
    MOVE: Effects(named=Effect(_IS.CHANGE_PENDING, _IS.INACTIVE), creates=True),
    "delete": Effects(named=Effect(_IS.CHANGE_PENDING, _IS.INACTIVE)),
    "suspend": Effects(named=Effect(None, _IS.SUSPENDED)),
    "resume": Effects(named=Effect(None, _IS.ACTIVE)),
    "no-change": Effects(),
}


class ProductInventory(msgspec.Struct, frozen=True, kw_only=True):
    """A product inventory as it is now; `characteristics` is a JSON array of them."""

    id: UUID
    external_id: str | None = None
    status: str
    location_id: UUID | None = None
    characteristics: JsonText | None = None


class Holder(NamedTuple):
    """A line that holds an inventory; `order_id` is None if it is approved at the same time."""

    line_id: UUID
    item_id: str
    order_id: UUID | None = None


class Inventories(msgspec.Struct, frozen=True, kw_only=True):
    """The inventories that lines are about, and the line that holds each, by the inventory's id."""

    by_id: Mapping[UUID, ProductInventory] = {}
    holders: Mapping[UUID, Holder] = {}

    @classmethod
    def of(
        cls,
        found: Iterable[ProductInventory],
        holders: Mapping[UUID, Holder],
        lines: Iterable[LineItem],
    ) -> "Inventories":
        """Put together what was found for lines; what nobody holds, the first to want it gets."""
        first: dict[UUID, Holder] = {}
        for line in wanting(lines):
            if line.product_inventory_id is not None:
                first.setdefault(line.product_inventory_id, Holder(line.id, line.item_id))
        return cls(by_id={each.id: each for each in found}, holders={**first, **holders})


def inventory_ids(lines: Iterable[LineItem]) -> list[UUID]:
    """List the inventories that lines are about, each once, in the order to lock them in."""
    found = {line.product_inventory_id for line in lines}
    found |= {line.resulting_inventory_id for line in lines}
    return sorted(each for each in found if each is not None)


def wanting(lines: Iterable[LineItem]) -> list[LineItem]:
    """List the lines that are to hold the inventory that they name, and do not hold it yet.

    A line holds it from its approval until it ends, and then alone: or a late line could bring
    back what another has ended, or undo what it is about to do.
    """
    return [
        line
        for line in lines
        if line.product_inventory_id is not None
        and line.inventory_status_before is None
        and EFFECTS[line.action].named is not None
    ]


def external_name(line: LineItem) -> str | None:
    """Read the external id that the inventory brought about by a line shall have."""
    text = line.external_product_inventory or "[]"
    named = msgspec.json.decode(text, type=list[_ExternalInventory])
    return next((name for each in named if (name := each.external_product_inventory_id)), None)


def not_ready(line: LineItem, inventories: Inventories, pointer: str) -> Iterator[Problem]:
    """Find what keeps a line from its approval: that its inventory is held, or of no use.

    While a line holds it, the status that it then has is not known. A line that was approved
    before, and then revised, holds its inventory already.
    """
    inventory = _named(line, inventories.by_id)
    if inventory is None or line.inventory_status_before is not None:
        return
    holder = inventories.holders.get(inventory.id)
    if EFFECTS[line.action].named and holder is not None and holder.line_id != line.id:
        order = f"order {show_id(holder.order_id)}" if holder.order_id else "the same order"
        yield Problem.of(
            messages.INVENTORY_HELD, pointer, id=line.item_id, other=holder.item_id, order=order
        )
        return
    usable = USABLE_STATUSES.get(line.action)
    if inventory.status == _IS.INSTALLATION_PENDING or (usable and inventory.status not in usable):
        yield Problem.of(
            messages.INVENTORY_NOT_READY,
            pointer,
            id=line.item_id,
            status=inventory.status.replace("_", " "),
            action=line.action,
        )


class InventoryWriter:
    """Collects what the lines of one order do to inventories; each inventory is changed once."""

    def __init__(self, order: Order, inventories: Inventories) -> None:
        self._order = order
        self._found = inventories.by_id
        self._given: set[str] = set()
        self._changes: dict[UUID, InventoryChange] = {}

    @property
    def changes(self) -> list[InventoryChange]:
        """What becomes of each inventory, sorted by id as they are locked."""
        return [change for _, change in sorted(self._changes.items())]

    def approve(self, line: LineItem) -> LineItem:
        """Make inventories wait for a line; return the line, which remembers them."""
        named = _named(line, self._found)
        effects = _effects(line, named)
        if named is not None and effects.named is not None and line.inventory_status_before is None:
            line = replace(line, inventory_status_before=named.status)
            if effects.named.approved is not None:
                self._change(named.id, effects.named.approved)
        if effects.creates and line.resulting_inventory_id is None:
            line = replace(line, resulting_inventory_id=new_id())
            self._describe(line, _IS.INSTALLATION_PENDING)
        return line

    def complete(self, line: LineItem) -> LineItem:
        """Make inventories what a line was to make of them; return the line, which names them.

        Whether a change is a move is judged anew: a revision may have named another place, or the
        old one again.
        """
        held = self._held(line)
        effects = _effects(line, held)
        if held is not None and effects.named is not None:
            self._change(held.id, effects.named.completed)
            if line.action == "change" and not effects.creates:
                self._update(line, held)
        if effects.creates:
            identity = line.resulting_inventory_id or new_id()
            line = replace(line, resulting_inventory_id=identity)
            self._describe(line, _IS.ACTIVE)
            self._install(line, held)
            if line.action == "add":
                found = self._found.get(identity)
                name = (found and found.external_id) or show_id(identity)
                line = replace(line, product_inventory_id=identity, product_id=name)
        elif line.resulting_inventory_id is not None:
            self._give_up(line)
            line = replace(line, resulting_inventory_id=None)
        return line

    def cancel(self, line: LineItem) -> LineItem:
        """Put inventories back to what they were before a line was approved."""
        held = self._held(line)
        effect = EFFECTS[line.action].named
        waits = effect is not None and effect.approved is not None
        if held is not None and waits and line.inventory_status_before is not None:
            self._change(held.id, line.inventory_status_before)
        self._give_up(line)
        return line

    def _held(self, line: LineItem) -> ProductInventory | None:
        """Find the inventory that a line holds; what it merely names is not its business."""
        return None if line.inventory_status_before is None else _named(line, self._found)

    def _give_up(self, line: LineItem) -> None:
        """Make the inventory that waits for its installation by a line wait no longer."""
        created = self._found.get(line.resulting_inventory_id or _NOWHERE)
        if created is not None:
            self._change(created.id, _IS.INACTIVE)

    def _change(self, identity: UUID, status: str) -> InventoryChange:
        change = self._changes.setdefault(identity, InventoryChange(id=identity, status=status))
        change.status = status
        return change

    def _describe(self, line: LineItem, status: InventoryStatus) -> None:
        """Say of the inventory that a line brings about what the line says of its product."""
        identity = line.resulting_inventory_id or _NOWHERE
        change = self._change(identity, status)
        change.product_offering_id = line.product_offering_id
        change.product_specification_id = line.product_specification_id
        change.internal_version = _internal_version(line)
        change.location_id = line.location_id
        change.account_id = self._order.account_id
        change.consumer_id = self._order.consumer_id
        change.name = _ref(line.product_specification).name or _ref(line.product_offering).name
        external_id = external_name(line)
        if external_id and identity not in self._found and external_id not in self._given:
            self._given.add(external_id)
            change.external_id = external_id

    def _install(self, line: LineItem, moved: ProductInventory | None) -> None:
        """Give the inventory that a line brings about its characteristics.

        A product that moves brings along those of its old place.
        """
        change = self._changes[line.resulting_inventory_id or _NOWHERE]
        change.characteristics = _merge(moved and moved.characteristics, line.characteristics)

    def _update(self, line: LineItem, named: ProductInventory) -> None:
        """Say of a changed inventory what its line says that is new."""
        change = self._changes[named.id]
        change.product_offering_id = line.product_offering_id
        change.product_specification_id = line.product_specification_id
        change.internal_version = _internal_version(line)
        change.location_id = line.location_id
        before = change.characteristics or named.characteristics
        change.characteristics = _merge(before, line.characteristics)


#: Under which nothing is found.
_NOWHERE = UUID(int=0)


class _ExternalInventory(msgspec.Struct, rename="camel"):
    """What is read of an `externalProductInventory`."""

    external_product_inventory_id: str | None = None


class _Ref(msgspec.Struct, rename="camel"):
    """What is read of a line's specification or offering."""

    name: str | None = None
    internal_version: str | None = None


class _Characteristic(msgspec.Struct, rename="camel"):
    """A characteristic of an inventory, in the form in which the catalog loader stores it."""

    name: str
    value_type: str | None = None
    value: Raw = Raw(b"null")


def _named(line: LineItem, found: Mapping[UUID, ProductInventory]) -> ProductInventory | None:
    """Find the inventory that a line is about; there is none if validation was switched off."""
    if line.action == "add":
        return None
    return found.get(line.product_inventory_id or _NOWHERE)


def _effects(line: LineItem, named: ProductInventory | None) -> Effects:
    """Tell what a line does; a change is a move if its place is not that of its inventory."""
    moves = (
        line.action == "change"
        and named is not None
        and None not in (named.location_id, line.location_id)
        and named.location_id != line.location_id
    )
    return EFFECTS[MOVE if moves else line.action]


def _ref(text: JsonText | None) -> _Ref:
    return msgspec.json.decode(text or "{}", type=_Ref)


def _internal_version(line: LineItem) -> int | None:
    """Read the version of a specification that was found; what a client claims need not be one."""
    version = _ref(line.product_specification).internal_version
    return int(version) if version and line.product_specification_id else None


def _merge(before: JsonText | None, values: Iterable[CharacteristicValue]) -> JsonText | None:
    """Lay the values of a line over characteristics; return them as a JSON array, if there are any.

    A value without a name has no place there.
    """
    known = msgspec.json.decode(before or "[]", type=list[_Characteristic])
    merged = {each.name: each for each in known}
    for value in values:
        if value.name is None:
            continue
        one = merged.setdefault(value.name, _Characteristic(value.name))
        one.value_type = value.value_type or one.value_type
        if value.value is not None:
            one.value = Raw(value.value.encode())
    return msgspec.json.encode(list(merged.values())).decode() if merged else None
