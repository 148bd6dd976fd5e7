"""Pages of a list, as the Product Order Open API shows them in headers.

`Content-Range: items 3-5` counts from one; `Link` names the first, last, next and previous page
and keeps every other query parameter, repeated ones too.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem

__all__ = ["PageRequest", "page_headers", "read_page_request"]

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
#: An offset is a 64-bit number in PostgreSQL.
MAX_OFFSET = 2**63 - 1

#: A longer `Link` header is left out whole: it repeats the query four times, and proxies and
#: clients refuse responses with very long headers.
MAX_LINK_LENGTH = 4096


class PageRequest(NamedTuple):
    """How many items to answer, and how many to pass over."""

    limit: int
    offset: int


def read_page_request(query: Mapping[str, str]) -> PageRequest:
    """Read `limit` (1 to 100, default 20) and `offset` (from 0, default 0).

    Raises `InvalidRequestError` naming both if both are wrong.
    """
    limit = _whole(query.get("limit"), DEFAULT_LIMIT)
    offset = _whole(query.get("offset"), 0)
    problems: list[Problem] = []
    if limit is None or not 1 <= limit <= MAX_LIMIT:
        problems.append(Problem.of(messages.LIMIT_INVALID))
    if offset is None or offset > MAX_OFFSET:
        problems.append(Problem.of(messages.OFFSET_INVALID, limit=MAX_OFFSET))
    if problems or limit is None or offset is None:
        raise InvalidRequestError(problems)
    return PageRequest(limit, offset)


def page_headers(
    path: str, query: Iterable[tuple[str, str]], page: PageRequest, *, shown: int, total: int
) -> dict[str, str]:
    """Make the headers of a page of `shown` items out of `total`; `query` is what was asked."""
    headers = {
        "X-Total-Count": str(total),
        "Content-Range": f"items {page.offset + 1}-{page.offset + shown}",
    }
    offsets = {"first": 0, "last": (total - 1) // page.limit * page.limit}
    if page.offset + shown < total:
        offsets["next"] = page.offset + page.limit
    if page.offset > 0:
        offsets["previous"] = max(page.offset - page.limit, 0)
    kept = [(name, value) for name, value in query if name not in ("limit", "offset")]
    link = ", ".join(
        f'<{path}?{urlencode([*kept, ("offset", offset), ("limit", page.limit)])}>; rel="{rel}"'
        for rel, offset in offsets.items()
    )
    if len(link) <= MAX_LINK_LENGTH:
        headers["Link"] = link
    return headers


def _whole(text: str | None, default: int) -> int | None:
    if text is None:
        return default
    # `isdecimal` alone would take digits of other scripts.
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 20 else None
