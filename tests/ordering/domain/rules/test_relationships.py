"""Rules about how lines relate, each with a neighbour that passes; forests of any shape."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordering.domain.draft import LineItemDraft, OrderDraft
from ordering.domain.rules.relationships import TYPES, check, parents
from ordering.domain.values import ItemRelationship
from support.found import draft_of, judge
from support.payloads import Payload, item, order, related

Edges = list[tuple[int, Payload]]


def _order(*relations: list[Payload]) -> Payload:
    """Build an order of lines "0", "1", ...; the n-th list is the n-th line's relationships."""
    lines = [
        item(str(number), productOrderItemRelationship=sent or None)
        for number, sent in enumerate(relations)
    ]
    return order(items=lines)


def _at(line: int, number: int = 0, member: str = "id") -> str:
    return f"/productOrderItem/{line}/productOrderItemRelationship/{number}/{member}"


_NO_ID = "Invalid payload: productOrderItemRelationship id is missing"
_NO_TYPE = "Invalid payload: productOrderItemRelationship relationshipType is missing"
_NO_SUCH_TYPE = (
    "productOrderItemRelationship relationshipType is none of HasChild, HasParent, Requires"
)
_NO_LINE = "productOrderItemRelationship id names no line item"
_ITSELF = "a line item cannot be related to itself"
_TWO_PARENTS = "a line item has at most one parent"
_CYCLE = "a line item cannot be its own ancestor"
_UP, _DOWN = "HasParent", "HasChild"

_CASES: list[tuple[Payload, tuple[str, str, int], Payload]] = [
    (
        _order([], [{"relationshipType": _UP}]),
        (_at(1), _NO_ID, 23),
        _order([], [related("0")]),
    ),
    (_order([], [related("")]), (_at(1), _NO_ID, 23), _order([], [related("0")])),
    (
        _order([], [related("0", "Requires"), related("2")]),
        (_at(1, 1), _NO_LINE, 24),
        _order([], [related("0", "Requires"), related("0")]),
    ),
    (_order([related("1 ", _DOWN)], []), (_at(0), _NO_LINE, 24), _order([related("1", _DOWN)], [])),
    (_order([related("0")], []), (_at(0), _ITSELF, 24), _order([related("1")], [])),
    (_order([related("0", _DOWN)]), (_at(0), _ITSELF, 24), _order([])),
    (
        _order([related("0", "Requires")], []),
        (_at(0), _ITSELF, 24),
        _order([related("1", "Requires")], []),
    ),
    (
        _order([], [{"id": "0"}]),
        (_at(1, member="relationshipType"), _NO_TYPE, 23),
        _order([], [related("0")]),
    ),
    (
        _order([], [related("0", "")]),
        (_at(1, member="relationshipType"), _NO_TYPE, 23),
        _order([], [related("0", "Requires")]),
    ),
    (
        _order([], [related("0", "hasParent")]),
        (_at(1, member="relationshipType"), _NO_SUCH_TYPE, 24),
        _order([], [related("0", "HasParent")]),
    ),
    (
        _order([], [], [related("0"), related("1")]),
        (_at(2, 1), _TWO_PARENTS, 24),
        _order([], [], [related("0"), related("0"), related("1", "Requires")]),
    ),
    (
        _order([related("2", _DOWN)], [], [related("1")]),
        (_at(2), _TWO_PARENTS, 24),
        _order([related("2", _DOWN)], [], [related("0")]),
    ),
    (
        _order([related("1")], [related("0")]),
        (_at(0), _CYCLE, 24),
        _order([related("1")], [related("0", _DOWN)]),
    ),
    (
        _order([related("1")], [related("2")], [related("1", _DOWN), related("0")]),
        (_at(0), _CYCLE, 24),
        _order([related("1")], [related("2")], [related("1", _DOWN), related("0", "Requires")]),
    ),
    (
        _order([related("1", "Requires")], [related("0", "Requires"), related("1")]),
        (_at(1, 1), _ITSELF, 24),
        _order([related("1", "Requires")], [related("0", "Requires")]),
    ),
]


@pytest.mark.parametrize(("bad", "problem", "good"), _CASES)
def test_a_rule_finds_what_is_wrong_and_nothing_else(
    bad: Payload, problem: tuple[str, str, int], good: Payload
) -> None:
    assert judge(bad, check_references=False) == [problem]
    assert judge(good, check_references=False) == []


def test_the_types_are_the_published_ones() -> None:
    assert {"HasChild", "HasParent", "Requires"} == TYPES


def test_every_cycle_is_told_once() -> None:
    first = [[related("1")], [related("2")], [related("0")]]
    second = [[related("4")], [related("3")]]
    hanging_on = [[related("0")], [related("5")]]
    assert judge(_order(*first, *second, *hanging_on), check_references=False) == [
        (_at(0), _CYCLE, 24),
        (_at(3), _CYCLE, 24),
    ]


def test_parents_are_known_from_either_side_with_the_place_that_states_them() -> None:
    payload = _order(
        [related("1", _DOWN)], [related("0")], [related("1"), related("1", "Requires")]
    )
    assert parents(draft_of(payload)) == {"1": {"0": (0, 0)}, "2": {"1": (2, 0)}}


def test_relationships_without_an_id_on_either_side_state_nothing() -> None:
    payload = order(items=[item("", productOrderItemRelationship=[related("1"), related("")])])
    assert parents(draft_of(payload)) == {}


# -- forests of any shape --------------------------------------------------------------------------
@st.composite
def _forests(draw: st.DrawFn) -> tuple[list[int | None], Edges]:
    """Draw a forest of lines, each stated by the child, by the parent, or by both."""
    size = draw(st.integers(2, 12))
    order_of_ids = draw(st.permutations(range(size)))
    above: list[int | None] = [None] * size
    edges: Edges = []
    for position in range(1, size):
        child = order_of_ids[position]
        place = draw(st.none() | st.integers(0, position - 1))
        if place is None:
            continue
        above[child] = parent = order_of_ids[place]
        side = draw(st.sampled_from([_UP, _DOWN, "both"]))
        if side in (_UP, "both"):
            edges.append((child, related(str(parent))))
        if side in (_DOWN, "both"):
            edges.append((parent, related(str(child), _DOWN)))
    return above, edges


def _payload(size: int, edges: Edges) -> Payload:
    return _order(*([sent for line, sent in edges if line == each] for each in range(size)))


def _ancestors(above: list[int | None], line: int) -> Iterator[int]:
    parent = above[line]
    while parent is not None:
        yield parent
        parent = above[parent]


@given(_forests())
def test_any_forest_passes(forest: tuple[list[int | None], Edges]) -> None:
    above, edges = forest
    payload = _payload(len(above), edges)
    assert judge(payload, check_references=False) == []
    stated = {child: list(of) for child, of in parents(draft_of(payload)).items()}
    assert stated == {str(c): [str(p)] for c, p in enumerate(above) if p is not None}


@given(_forests(), st.data())
def test_a_parent_below_its_child_is_found(
    forest: tuple[list[int | None], Edges], data: st.DataObject
) -> None:
    above, edges = forest
    below = [line for line in range(len(above)) if above[line] is not None]
    if not below:
        return
    line = data.draw(st.sampled_from(below))
    *_, root = _ancestors(above, line)
    closing = data.draw(
        st.sampled_from([(root, related(str(line))), (line, related(str(root), _DOWN))])
    )
    problems = judge(_payload(len(above), [*edges, closing]), check_references=False)
    assert [text for _, text, _ in problems] == [_CYCLE]


@given(_forests(), st.data())
def test_a_second_parent_is_found(
    forest: tuple[list[int | None], Edges], data: st.DataObject
) -> None:
    above, edges = forest
    size = len(above)
    pairs = [
        (line, other)
        for line in range(size)
        for other in range(size)
        if above[line] is not None and other not in (line, above[line])
    ]
    if not pairs:
        return
    line, other = data.draw(st.sampled_from(pairs))
    second = data.draw(
        st.sampled_from([(line, related(str(other))), (other, related(str(line), _DOWN))])
    )
    problems = judge(_payload(size, [*edges, second]), check_references=False)
    assert [text for _, text, _ in problems].count(_TWO_PARENTS) == 1


# -- many lines ------------------------------------------------------------------------------------
class _Counted(str):
    """An id that counts how often it is looked up."""

    __slots__ = ()
    lookups = 0

    def __hash__(self) -> int:
        _Counted.lookups += 1
        return super().__hash__()


def _large(kind: str, size: int) -> OrderDraft:
    def relations(line: int) -> list[ItemRelationship]:
        parent = {"chain": line - 1, "wide": 0, "cycle": (line - 1) % size}[kind]
        if parent < 0 or parent == line:
            return []
        return [ItemRelationship(id=_Counted(parent), relationship_type=_UP)]

    return OrderDraft(
        product_order_item=[
            LineItemDraft(id=_Counted(line), product_order_item_relationship=relations(line))
            for line in range(size)
        ]
    )


@pytest.mark.parametrize(("kind", "found"), [("chain", 0), ("wide", 0), ("cycle", 1)])
def test_the_work_grows_with_the_number_of_lines_and_no_faster(kind: str, found: int) -> None:
    counts: list[int] = []
    for size in (1_000, 10_000):
        draft = _large(kind, size)
        before = _Counted.lookups
        assert len(list(check(draft, parents(draft)))) == found
        counts.append(_Counted.lookups - before)
    assert 1_000 < counts[0] < counts[1] <= 11 * counts[0]
