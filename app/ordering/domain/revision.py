"""Revise an order: from what a client says to the change that it comes to, or every problem.

The order of things: what is said that is new (`rules.revisions.news_of`) is captured as if it were
an order, laid over the lines and the header (`merging`), and judged; then versions, states and the
audit follow. Nothing here does I/O, or changes the order at hand
(docs/decisions/0015-revisions.md).
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from typing import NamedTuple
from uuid import UUID

import msgspec

from ordering.domain import messages
from ordering.domain.capture import Circumstances, capture, capture_line, join_lines
from ordering.domain.change import UPDATE, Change, ChangeType, Event, LineChange, moment_after
from ordering.domain.decode import Decoded, join_problems
from ordering.domain.draft import LineItemDraft, OrderDraft, ProductDraft
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.inventory import Inventories, InventoryWriter, not_ready
from ordering.domain.merging import MergedHeader, MergedLine, merge_header, merge_line
from ordering.domain.order import LineItem, Order
from ordering.domain.redraft import redraft
from ordering.domain.references import References
from ordering.domain.rules import Policy, extra_rules
from ordering.domain.rules.characteristics import work_notes
from ordering.domain.rules.relationships import parents
from ordering.domain.rules.revisions import (
    check_order,
    check_parents,
    check_relations,
    check_said,
    is_cancel,
    is_leaving,
    is_open,
    news_of,
    place_of,
    placed,
    sketch,
    specification_of_line,
)
from ordering.domain.states import LINE_TRANSITIONS, ORDER_TRANSITIONS, OrderState, step
from ordering.domain.timestamps import Timestamp
from ordering.domain.values import MAX_FEW

__all__ = ["RevisionPolicy", "approve_added", "revise"]


class RevisionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that a revision depends on, and who revises."""

    client: str
    rules: Policy
    validate_characteristic_values: bool = True
    edit_new: bool = False
    wait_for_approval: bool = False


class _Said(NamedTuple):
    """A line of the revision: what the order holds, if anything, and what it would become."""

    item: LineItemDraft
    old: LineItem | None
    merged: MergedLine


def revise(
    order: Order, decoded: Decoded[OrderDraft], found: References, how: RevisionPolicy
) -> Change:
    """Decide what a revision changes of an order.

    Raises `InvalidRequestError`: if the order cannot be revised in its state, with that alone, else
    with every problem of what was said.
    """
    if refused := list(check_order(order, edit_new=how.edit_new)):
        raise InvalidRequestError(refused)
    draft, shape = decoded
    news = news_of(draft, order)
    circumstances = Circumstances(
        order_id=order.id,
        client=how.client,
        moment=moment_after(order),
        validate_characteristic_values=how.validate_characteristic_values,
    )
    header = merge_header(
        order,
        capture(msgspec.structs.replace(news, product_order_item=None), found, circumstances),
    )
    said = _say(news, order, found)
    lines = _all_lines(said, order)
    whole = sketch(header.order, lines)
    canceled = _with_those_below({each.item.id for each in said if is_cancel(each.item)}, whole)
    gone = canceled | {line.item_id for line in order.line_items if is_leaving(line)}
    findings = chain(
        check_said(draft, news, order, found, how.rules),
        _untouchable(said),
        _full(said, header),
        check_relations(draft, whole, gone, found, how.rules),
        check_parents(news, order, gone),
        _extra(header.order, lines, gone, len(said), found, how.rules),
    )
    if problems := join_problems(shape, findings):
        raise InvalidRequestError(problems)
    _note(said, news, whole, found, how)
    join_lines(lines, whole)
    outcome = _Outcome(order, said, lines, canceled, how)
    return outcome.change(header, circumstances.moment)


def approve_added(change: Change, inventories: Inventories) -> Change:
    """Make inventories wait for the lines that a revision added and that are approved with it.

    Raises `InvalidRequestError` if an inventory is meanwhile in another order's hands.
    """
    writer = InventoryWriter(change.order, inventories)
    approved = {
        line.id: writer.approve(line)
        for line in change.added
        if line.state is OrderState.ACKNOWLEDGED
    }
    if problems := [
        problem
        for line in change.added
        if line.id in approved
        for problem in not_ready(line, inventories, "/productOrderItem")
    ]:
        raise InvalidRequestError(problems)
    lines = [approved.get(line.id, line) for line in change.order.line_items]
    return msgspec.structs.replace(
        change,
        order=msgspec.structs.replace(change.order, line_items=lines),
        added=[approved.get(line.id, line) for line in change.added],
        inventories=writer.changes,
    )


def _say(news: OrderDraft, order: Order, found: References) -> list[_Said]:
    """Capture the lines of the revision, and lay them over those that exist."""
    lines = {line.item_id: line for line in order.line_items}
    position = max((line.position for line in order.line_items), default=-1)
    said: list[_Said] = []
    for item in news.items:
        old = lines.get(item.id or "")
        if old is None:
            position += 1
            line = capture_line(item, position, found, [])
            merged = MergedLine(line, {}, (), ())
        else:
            line = capture_line(item, old.position, found, [])
            _complete_types(line, old, found)
            merged = merge_line(old, line)
        said.append(_Said(item, old, merged))
    return said


def _complete_types(line: LineItem, old: LineItem, found: References) -> None:
    """Give the value types of the catalog to characteristics that the line did not have yet."""
    had = {value.name for value in old.characteristics}
    specification = specification_of_line(old, found)
    for value in line.characteristics:
        known = specification and specification.characteristics.get(value.name or "")
        if known and value.name not in had:
            value.value_type = value.value_type or known.value_type


def _all_lines(said: Sequence[_Said], order: Order) -> list[LineItem]:
    """List the lines that the order would have: those of the revision, then the others."""
    named = {each.item.id for each in said}
    others = [line for line in order.line_items if line.item_id not in named]
    return [each.merged.line for each in said] + [msgspec.structs.replace(each) for each in others]


def _with_those_below(canceled: set[str | None], whole: OrderDraft) -> set[str]:
    """Collect the lines that are canceled by name, and those below them as the order would be."""
    below: dict[str, list[str]] = defaultdict(list)
    for child, stated in parents(whole).items():
        below[next(iter(stated))].append(child)
    found: set[str] = set()
    waiting = [each for each in canceled if each]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += below[each]
    return found


def _untouchable(said: Sequence[_Said]) -> Iterator[Problem]:
    """Find lines that would change though they have ended, or are about to."""
    for index, (_, old, merged) in enumerate(said):
        if old is not None and merged.fields and not is_open(old):
            yield Problem.of(
                messages.NOT_UPDATABLE_LINE,
                f"/productOrderItem/{index}",
                id=old.item_id,
                state=old.state.label,
            )


def _full(said: Sequence[_Said], header: MergedHeader) -> Iterator[Problem]:
    """Find lists that would become longer than a request may be."""
    if header.notes > MAX_FEW:
        yield Problem.of(messages.LIST_FULL, "/note", limit=MAX_FEW)
    for index, each in enumerate(said):
        for name, length in each.merged.lengths().items():
            if length > MAX_FEW:
                at = f"/productOrderItem/{index}/{name.replace('.', '/')}"
                yield Problem.of(messages.LIST_FULL, at, limit=MAX_FEW)


def _extra(
    order: Order,
    lines: Sequence[LineItem],
    gone: Container[str],
    said: int,
    found: References,
    rules: Policy,
) -> Iterator[Problem]:
    """Hold the order as it would become against the rules of plug-ins; canceled lines aside."""
    if not rules.extra_rules:
        return
    for problem in extra_rules(rules, redraft(order, lines), found):
        place = place_of(problem)
        if place is None or place >= len(lines) or lines[place].item_id not in gone:
            yield placed(problem, said)


def _note(
    said: Sequence[_Said],
    news: OrderDraft,
    whole: OrderDraft,
    found: References,
    how: RevisionPolicy,
) -> None:
    """Write on each line what is odd about the characteristics that are new."""
    drawn = list(whole.items)
    for index, item in enumerate(news.items):
        product = msgspec.structs.replace(
            drawn[index].product or ProductDraft(),
            product_characteristic=item.product and item.product.product_characteristic,
        )
        drawn[index] = msgspec.structs.replace(drawn[index], product=product)
    texts = work_notes(
        OrderDraft(product_order_item=drawn),
        found.catalog,
        validate_values=how.validate_characteristic_values,
    )
    for index, text in texts:
        if index < len(said):
            line = said[index].merged.line
            if text not in line.work_notes:
                line.work_notes = [*line.work_notes, text]


class _Outcome:
    """Makes the change of an order whose revision was found good."""

    def __init__(
        self,
        before: Order,
        said: Sequence[_Said],
        lines: Sequence[LineItem],
        canceled: Container[str],
        how: RevisionPolicy,
    ) -> None:
        self._before = before
        self._said = {each.item.id: each for each in said}
        self._lines = lines
        self._canceled = canceled
        self._how = how
        self._names: dict[UUID | None, str] = {line.id: line.item_id for line in lines}
        self._waits = how.wait_for_approval and before.state is OrderState.IN_PROGRESS

    def change(self, header: MergedHeader, moment: Timestamp) -> Change:
        """Put header, lines, versions and states together."""
        before = self._before
        old = {line.item_id: line for line in before.line_items}
        added = [self._added(line) for line in self._lines if line.item_id not in old]
        changes = [
            change
            for line in self._lines
            if line.item_id in old and (change := self._changed(old[line.item_id], line))
        ]
        after = {line.item_id: line for line in (*added, *(each.line for each in changes))}
        lines = [after.get(line.item_id, line) for line in self._lines]
        order = msgspec.structs.replace(
            header.order,
            state=self._state(lines),
            version=before.version + 1,
            updated_at=moment,
            line_items=sorted(lines, key=lambda line: line.position),
        )
        fields = dict(header.fields)
        events = [Event.ATTRIBUTES_CHANGED]
        if order.state is not before.state:
            fields["state"] = (before.state, step(before.state, order.state, ORDER_TRANSITIONS))
        if "state" in fields or any("state" in each.fields for each in changes):
            events.append(Event.STATE_CHANGED)
        return Change(
            order=order,
            operation=UPDATE,
            client=self._how.client,
            moment=moment,
            fields=fields,
            lines=changes,
            added=added,
            events=events,
        )

    def _state(self, lines: Sequence[LineItem]) -> OrderState:
        if self._waits:
            return OrderState.REVISION_IN_PROGRESS
        if all(line.state is OrderState.CANCELED for line in lines):
            return OrderState.CANCELED
        return self._before.state

    def _added(self, line: LineItem) -> LineItem:
        """Give a new line its state: what is approved already needs no approval any more."""
        approved = self._before.state is OrderState.IN_PROGRESS and not self._waits
        state = OrderState.ACKNOWLEDGED if approved else OrderState.NEW
        return msgspec.structs.replace(line, state=state)

    def _changed(self, old: LineItem, line: LineItem) -> LineChange | None:
        said = self._said.get(old.item_id)
        fields = dict(said.merged.fields) if said else {}
        types = list(said.merged.types) if said else []
        if line.parent_line_item_id != old.parent_line_item_id:
            names = self._names
            fields["parent"] = (
                names.get(old.parent_line_item_id),
                names.get(line.parent_line_item_id),
            )
            types.append(ChangeType.OTHER)
        state = line.state
        if line.item_id in self._canceled and is_open(line):
            state = self._canceling()
            types.append(ChangeType.LINE_CANCELED)
        if not fields and state is old.state:
            return None
        if self._waits and state is OrderState.IN_PROGRESS:
            state = OrderState.REVISION_IN_PROGRESS
        if state is not old.state:
            fields["state"] = (old.state, step(old.state, state, LINE_TRANSITIONS))
        # Where the denial of a cancellation leads back to.
        before = old.state if state is OrderState.ASSESSING_CANCELLATION else old.state_before
        return LineChange(
            line=msgspec.structs.replace(
                line, state=state, version=old.version + 1, state_before=before
            ),
            fields=fields,
            types=[kind for kind in ChangeType if kind in types],
            lists=said.merged.lists if said else (),
            notes=[text for text in line.work_notes if text not in old.work_notes],
        )

    def _canceling(self) -> OrderState:
        """Tell what becomes of a line that is canceled."""
        if self._before.state is OrderState.NEW:
            return OrderState.CANCELED
        if self._waits:
            return OrderState.ASSESSING_CANCELLATION
        return OrderState.CANCELLATION_IN_PROGRESS
