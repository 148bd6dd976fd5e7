"""The header `Idempotency-Key`: a request that is sent again is answered as it was before.

A key is the client's for one path, mode included. Only what was done is kept: a request that was
refused changed nothing, and may be sent again under its key (docs/decisions/0016-idempotency.md).
"""

import hashlib
import re
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.orders.idempotency import Answer, AnsweredError, Once, RequestKey
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response

__all__ = ["answer_once", "read_key"]

T = TypeVar("T")

_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_REPLAYED = {"Idempotency-Replayed": "true"}


async def answer_once(
    request: Request,
    do: Callable[[Once[T] | None], Awaitable[T]],
    answer: Callable[[T], Answer],
    *,
    scope: str = "",
) -> Response:
    """Do what is asked for and answer it; if that was done before under this key, answer only.

    `do` stores the answer with its effect. `scope` is what tells requests to a path apart, beside
    their bodies. Raises `InvalidRequestError` for what is no key, `KeyInUseError`,
    `KeyReusedError`, and whatever `do` raises.
    """
    key = await _read_key(request, scope)
    if key is None:
        return _respond(answer(await do(None)))
    keys = services_of(request).request_keys
    with keys.held(key):
        before = await keys.find(key)
        if before is None:
            try:
                return _respond(answer(await do(Once(key, answer))))
            except AnsweredError as error:
                # Done by another process since we looked.
                before = error.answer
    return _respond(before, _REPLAYED)


def read_key(request: Request) -> str | None:
    """Read the header. Raises `InvalidRequestError` for what is no key."""
    sent = request.headers.getall("idempotency-key")
    if not sent:
        return None
    if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
        raise InvalidRequestError([Problem.of(messages.KEY_INVALID)])
    return sent[0]


async def _read_key(request: Request, scope: str) -> RequestKey | None:
    sent = read_key(request)
    path = request.path + scope
    # PostgreSQL's text cannot hold U+0000: nothing is found, and so nothing done, on such a path.
    if sent is None or "\0" in path:
        return None
    return RequestKey(
        client=client_of(request).username,
        path=path,
        key=sent,
        request_hash=hashlib.sha256(await request.body()).digest(),
    )


def _respond(answer: Answer, more: dict[str, str] | None = None) -> Response:
    return Response(
        answer.body,
        status_code=answer.status_code,
        headers=answer.headers | (more or {}),
    )
