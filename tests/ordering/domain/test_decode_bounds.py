"""What one body can cost: arrays of objects are bounded, and the search for problems ends.

Work is counted, not timed: the objects that are built, and the findings that are asked for.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from ordering.domain import decode
from ordering.domain.decode import MOST_PROBLEMS, decode_order
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.rules import Policy, check
from support.found import demo_references, draft_of
from support.payloads import Payload, changed, item, order, price, product, to_json

_ITEM = "/productOrderItem/0"
_ARRAYS = {
    "/productOrderItem": 10_000,
    f"{_ITEM}/productOrderItemRelationship": 10_000,
    "/note": 1_000,
    "/channel": 1_000,
    "/relatedParty": 1_000,
    f"{_ITEM}/itemPrice": 1_000,
    f"{_ITEM}/externalProductInventory": 1_000,
    f"{_ITEM}/product/productCharacteristic": 1_000,
    f"{_ITEM}/product/relatedParty": 1_000,
    f"{_ITEM}/product/productRelationship": 1_000,
}
_REST = Problem("and at least 9501 more problems", "", 24)


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The pointers of the objects that the thorough pass reads."""
    pointers: list[str] = []
    walk: Any = vars(decode)["_Walk"]
    struct = walk.struct

    def noting(self: object, kind: object, payload: object, pointer: str) -> object:
        pointers.append(pointer)
        return struct(self, kind, payload, pointer)

    monkeypatch.setattr(walk, "struct", noting)
    return pointers


def _sent(pointer: str, elements: list[Any]) -> Payload:
    return changed(order(items=[item(product=product())]), pointer, elements)


# -- arrays of objects -----------------------------------------------------------------------------
@pytest.mark.parametrize(("pointer", "most"), _ARRAYS.items())
@pytest.mark.parametrize("unknown", [{}, {"x": 1}], ids=["fast", "thorough"])
def test_an_array_of_objects_is_bounded(
    pointer: str, most: int, unknown: Payload, built: list[str]
) -> None:
    assert decode_order(to_json(_sent(pointer, [{}] * most) | unknown)).problems == []
    built.clear()
    assert decode_order(to_json(_sent(pointer, [{}] * (most + 1)) | unknown)).problems == [
        Problem(f"Expected an array of length <= {most}", pointer, 24)
    ]
    assert not [each for each in built if each.startswith(f"{pointer}/")]


def _filled(start: bytes, element: bytes, end: bytes) -> bytes:
    """Make a body of 16 MiB of as many equal elements as fit."""
    most = (16 * 2**20 - len(start) - len(end)) // (len(element) + 1)
    return start + b",".join([element] * most) + end


@pytest.mark.parametrize("name", ["productOrderItem", "note"])
def test_the_largest_body_of_wrong_elements_is_one_problem(name: str, built: list[str]) -> None:
    decoded = decode_order(_filled(b'{"%s":[' % name.encode(), b"1", b"]}"))
    assert [problem.pointer for problem in decoded.problems] == [f"/{name}"]
    assert built == [""]


# -- problems of shape -----------------------------------------------------------------------------
def _refused(body: bytes) -> tuple[Problem, ...]:
    with pytest.raises(InvalidRequestError) as error:
        decode_order(body)
    return error.value.problems


def test_one_problem_fewer_than_too_many_are_all_told() -> None:
    lines: list[object] = [1] * (MOST_PROBLEMS - 1)
    assert [each.pointer for each in decode_order(to_json(order(items=lines))).problems] == [
        f"/productOrderItem/{index}" for index in range(MOST_PROBLEMS - 1)
    ]


def test_with_too_many_problems_the_walk_ends(built: list[str]) -> None:
    line = {"product": {"productCharacteristic": [1] * 1_000}}
    problems = _refused(to_json({"productOrderItem": [line] * 20, "note": [1] * 1_000}))
    at = "/productOrderItem/0/product/productCharacteristic"
    assert [each.pointer for each in problems[:-1]] == [f"{at}/{index}" for index in range(499)]
    assert problems[-1] == _REST
    # The order, ten lines with their products, and each wrong element.
    assert len(built) == 1 + 10 * 2 + MOST_PROBLEMS


@pytest.mark.parametrize(
    "element", [b'"\\u0000"', b"1e999", b'{"\\u0000":1}', b'[{"a":"\\u0000"}]']
)
def test_with_too_many_problems_the_walk_of_an_unknown_attribute_ends(
    element: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = vars(decode)["_unstorable"]
    yielded: list[str] = []

    def noting(value: object, pointer: str) -> Iterator[tuple[str, str]]:
        for text, at in find(value, pointer):
            yielded.append(at)
            yield text, at

    monkeypatch.setattr(decode, "_unstorable", noting)
    problems = _refused(_filled(b'{"x":[', element, b"]}"))
    assert (len(problems), problems[-1]) == (500, _REST)
    assert len(yielded) == MOST_PROBLEMS


# -- findings of rules -----------------------------------------------------------------------------
def _endless(asked: list[int]) -> Iterator[Problem]:
    for index in count():
        asked.append(index)
        yield Problem("wrong", f"/productOrderItem/{index}", 24)


@pytest.mark.parametrize(("shape", "expected"), [(0, 10_000), (3, 9_997)])
def test_with_too_many_problems_no_rule_is_asked_further(
    shape: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def endless(_draft: object, _most: int) -> Iterator[Problem]:
        return _endless(asked)

    monkeypatch.setattr("ordering.domain.rules.items.check", endless)
    decoded = decode_order(to_json(order(**{f"x{index}": "\0" for index in range(shape)})))
    assert len(decoded.problems) == shape
    problems = check(decoded, demo_references(), Policy())
    assert (len(problems), problems[-1]) == (500, _REST)
    assert len(asked) == expected


def test_one_finding_fewer_than_too_many_is_told() -> None:
    prices = [price(unit="EUR")] * 1_000
    lines = [item(str(index), itemPrice=prices) for index in range(10)]
    lines[0]["itemPrice"] = prices[1:]
    draft = draft_of(order(items=lines))
    assert len(check(decode.Decoded(draft, []), demo_references(), Policy())) == 9_999
    lines[0]["itemPrice"] = prices
    draft = draft_of(order(items=lines))
    problems = check(decode.Decoded(draft, []), demo_references(), Policy())
    assert (len(problems), problems[-1]) == (500, _REST)
