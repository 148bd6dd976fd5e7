"""Entity tags as headers: what `If-Match` may say, and what it then means."""

import pytest

from ordering.domain.errors import InvalidRequestError
from ordering.domain.states import OrderState
from ordering_http.request import Headers
from ordering_rest.entity_tags import entity_tag, read_if_match
from support import payloads
from support.revisions import MOMENT, order_in


def sent(*values: str) -> Headers:
    return Headers([(b"if-match", value.encode("latin-1")) for value in values])


def test_an_order_is_tagged_by_its_version_and_last_change() -> None:
    order = order_in(OrderState.NEW, payloads.order())
    assert entity_tag(order) == f'"1-{MOMENT.timestamp() * 1000:.0f}"' == '"1-1767323045678"'


def test_without_the_header_there_are_no_tags() -> None:
    assert read_if_match(Headers([])) is None


@pytest.mark.parametrize(
    ("values", "tags"),
    [
        (["*"], {"*"}),
        ([" * "], {"*"}),
        (['"1-17"'], {"1-17"}),
        (['"1-17", "2-18"'], {"1-17", "2-18"}),
        (['"1-17"', '"2-18"'], {"1-17", "2-18"}),
        ([' ,"1-17" ,\t,"2-18",'], {"1-17", "2-18"}),
        (['"a,b"'], {"a,b"}),
        (['""'], {""}),
        (['"\xe9"'], {"\xe9"}),
        # Weak tags match nothing, and a quoted star is not any order's.
        (['W/"1-17"'], set[str]()),
        (['W/"1-17", "2-18"'], {"2-18"}),
        (['"*"'], set[str]()),
    ],
)
def test_tags_come_without_their_quotes(values: list[str], tags: set[str]) -> None:
    assert read_if_match(sent(*values)) == tags


@pytest.mark.parametrize(
    "value",
    ["", " ", ",", "1-17", '"1-17', '1-17"', '"1" "2"', '"1""2"', '*, "1"', 'w/"1"', '"a b"', '"'],
)
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_if_match(sent(value))
    assert [(each.message, each.pointer, each.code) for each in caught.value.problems] == [
        ('If-Match must be * or entity tags like "1-1700000000000"', "", 26)
    ]
