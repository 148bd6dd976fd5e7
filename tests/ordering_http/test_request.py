"""What a request is asked for: headers, the query, and the body within its limit."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from litestar.exceptions import ClientException, InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge

from ordering_http.request import Headers, Request

LIMIT = 10


class Sender:
    """Sends a body in pieces, and notes how many were taken; after the last it hangs up."""

    def __init__(self, pieces: Iterable[bytes] = (), *, whole: bool = True) -> None:
        self.pieces = list(pieces)
        self.whole = whole
        self.taken = 0

    async def receive(self) -> Any:
        """Send the next piece."""
        self.taken += 1
        if self.taken > len(self.pieces):
            return {"type": "http.disconnect"}
        more = self.taken < len(self.pieces) or not self.whole
        return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": more}


def made(sender: Sender, query: bytes = b"", headers: Mapping[str, str] | None = None) -> Request:
    scope: Any = {
        "type": "http",
        "path": "/x",
        "query_string": query,
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()],
    }
    return Request(scope, sender.receive, LIMIT)


def test_of_a_repeated_header_the_first_counts_and_all_are_there() -> None:
    headers = Headers([(b"a", b"1"), (b"b", b"\xe9"), (b"a", b"2")])
    assert (headers.get("a"), headers.getall("a")) == ("1", ["1", "2"])
    assert (headers.get("b"), headers.getall("b")) == ("\xe9", ["\xe9"])


def test_a_header_that_is_not_there_is_told_from_an_empty_one() -> None:
    headers = Headers([(b"a", b"")])
    assert (headers.get("a"), headers.get("a", "x"), headers.getall("a")) == ("", "", [""])
    assert (headers.get("b"), headers.get("b", "x"), headers.getall("b")) == (None, "x", [])


def test_parameters_may_be_repeated_empty_and_encoded() -> None:
    query = made(Sender(), b"a=1&b=&a=%C3%A9+x&c&=d&%FF").query_params
    assert list(query.items()) == [
        ("a", "1"), ("b", ""), ("a", "\xe9 x"), ("c", ""), ("", "d"), ("\ufffd", ""),
    ]  # fmt: skip
    assert (query.get("a"), query.getall("a")) == ("1", ["1", "\xe9 x"])


@pytest.mark.parametrize(
    ("declared", "media_type"),
    [
        ("application/json", "application/json"),
        (" Application/JSON ; charset=utf-8", "application/json"),
        ("", ""),
        ("; application/json", ""),
    ],
)
def test_the_media_type_is_told_without_its_parameters(declared: str, media_type: str) -> None:
    assert made(Sender(), headers={"content-type": declared}).media_type == media_type


async def test_a_body_is_put_together_and_read_once() -> None:
    sender = Sender([b"123", b"", b"4567", b"890"])
    request = made(sender)
    assert await request.body() == b"1234567890"
    assert await request.body() == b"1234567890"
    assert sender.taken == 4


@pytest.mark.parametrize("pieces", [[], [b""]])
async def test_no_body_is_an_empty_one(pieces: list[bytes]) -> None:
    assert await made(Sender([*pieces, b""])).body() == b""


async def test_a_length_beyond_the_limit_is_refused_before_anything_is_read() -> None:
    sender = Sender([b"1"])
    with pytest.raises(RequestEntityTooLarge):
        await made(sender, headers={"content-length": str(LIMIT + 1)}).body()
    assert sender.taken == 0


@pytest.mark.parametrize("headers", [{}, {"content-length": "1"}])
async def test_bytes_beyond_the_limit_are_refused_whatever_the_length_says(
    headers: dict[str, str],
) -> None:
    sender = Sender([b"12345", b"67890", b"1", b"not taken"])
    with pytest.raises(RequestEntityTooLarge):
        await made(sender, headers=headers).body()
    assert sender.taken == 3


async def test_a_length_that_is_none_is_refused() -> None:
    with pytest.raises(ClientException) as caught:
        await made(Sender([b"1"]), headers={"content-length": "many"}).body()
    assert caught.value.status_code == 400
    assert caught.value.detail == "Invalid content-length: 'many'"


async def test_a_body_that_breaks_off_is_no_body() -> None:
    with pytest.raises(InternalServerException):
        await made(Sender([b"12"], whole=False)).body()
