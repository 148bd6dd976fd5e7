"""Entity tags of orders (RFC 9110): shown with `ETag`, held against an order with `If-Match`."""

import re
from collections.abc import Collection

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.order import Order
from ordering.orders.changing import ANY_TAG
from ordering.orders.reader import ShownOrder
from ordering_http.request import Headers

__all__ = ["entity_tag", "read_if_match"]

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


def entity_tag(order: Order | ShownOrder) -> str:
    """Return the entity tag of an order as it is: a strong one."""
    return f'"{order.tag}"'


def read_if_match(headers: Headers) -> Collection[str] | None:
    """Read the tags that `If-Match` names, without their quotes; None if there is no such header.

    Weak tags are left out: they match nothing. Raises `InvalidRequestError` for anything but `*`
    or entity tags.
    """
    sent = headers.getall("if-match")
    if not sent:
        return None
    text = ", ".join(sent).strip()
    if text == ANY_TAG:
        return {ANY_TAG}
    # What is left without the tags are commas; a header holds no U+0000, which stands for a tag.
    shape = {part.strip(" \t") for part in _TAG.sub("\0", text).split(",")}
    if "\0" not in shape or shape - {"", "\0"}:
        raise InvalidRequestError([Problem.of(messages.IF_MATCH_INVALID)])
    # A quoted `*` is a tag that no order has.
    return {tag for weak, tag in _TAG.findall(text) if not weak} - {ANY_TAG}
