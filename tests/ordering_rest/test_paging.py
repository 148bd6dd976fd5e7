"""Page parameters and page headers."""

import pytest

from ordering.domain.errors import InvalidRequestError
from ordering_rest.paging import MAX_LINK_LENGTH, PageRequest, page_headers, read_page_request

LIMIT = "limit must be a whole number from 1 to 100"
OFFSET = "offset must be a whole number from 0 to 9223372036854775807"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, (20, 0)),
        ({"limit": "1"}, (1, 0)),
        ({"limit": "100", "offset": "7"}, (100, 7)),
        ({"limit": "007"}, (7, 0)),
        ({"offset": "9223372036854775807"}, (20, 2**63 - 1)),
    ],
)
def test_pages_are_read(query: dict[str, str], expected: tuple[int, int]) -> None:
    assert read_page_request(query) == expected


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ({"limit": "0"}, [LIMIT]),
        ({"limit": "101"}, [LIMIT]),
        ({"limit": ""}, [LIMIT]),
        ({"limit": "ten"}, [LIMIT]),
        ({"limit": "1.0"}, [LIMIT]),
        ({"limit": "+1"}, [LIMIT]),
        ({"limit": "٣"}, [LIMIT]),
        ({"offset": "-1"}, [OFFSET]),
        ({"offset": "9223372036854775808"}, [OFFSET]),
        ({"offset": "9" * 5000}, [OFFSET]),
        ({"limit": "0", "offset": "x"}, [LIMIT, OFFSET]),
    ],
)
def test_wrong_pages_are_refused_with_every_problem(
    query: dict[str, str], messages: list[str]
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        read_page_request(query)
    assert [(each.message, each.code) for each in caught.value.problems] == [
        (message, 28) for message in messages
    ]


def links(headers: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in headers["Link"].split(", "):
        target, rel = part.split("; ")
        found[rel.removeprefix('rel="').removesuffix('"')] = target.strip("<>")
    return found


def test_a_page_in_the_middle_names_all_others() -> None:
    query = [("limit", "3"), ("offset", "2")]
    headers = page_headers("/p", query, PageRequest(3, 2), shown=3, total=9)
    assert headers["X-Total-Count"] == "9"
    assert headers["Content-Range"] == "items 3-5"
    assert links(headers) == {
        "first": "/p?offset=0&limit=3",
        "last": "/p?offset=6&limit=3",
        "next": "/p?offset=5&limit=3",
        "previous": "/p?offset=0&limit=3",
    }


def test_a_whole_list_has_no_neighbours() -> None:
    headers = page_headers("/p", [], PageRequest(20, 0), shown=9, total=9)
    assert headers["Content-Range"] == "items 1-9"
    assert set(links(headers)) == {"first", "last"}


def test_other_parameters_are_kept_and_escaped() -> None:
    query = [("state", 'new"<x>'), ("offset", "0"), ("fields", "a,b")]
    headers = page_headers("/p", query, PageRequest(1, 0), shown=1, total=2)
    assert links(headers)["next"] == "/p?state=new%22%3Cx%3E&fields=a%2Cb&offset=1&limit=1"


def test_repeated_parameters_are_kept_in_their_order() -> None:
    query = [("fields", "id"), ("limit", "1"), ("state", "new"), ("fields", "state"), ("empty", "")]
    headers = page_headers("/p", query, PageRequest(1, 0), shown=1, total=2)
    assert links(headers)["next"] == ("/p?fields=id&state=new&fields=state&empty=&offset=1&limit=1")


def test_a_link_that_would_be_too_long_is_left_out() -> None:
    query = [("fields", "x" * MAX_LINK_LENGTH)]
    headers = page_headers("/p", query, PageRequest(1, 0), shown=1, total=2)
    assert set(headers) == {"X-Total-Count", "Content-Range"}
