"""Many orders in one request: lines of JSON in, lines of JSON out, both as streams.

The request is read while its answer is written, so neither is ever whole in memory. What can be
told before the first line is read has a status of its own; from then on the status is 202, and
each line's answer tells what became of it (docs/decisions/0018-bulks.md).
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import litestar
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, Problem
from ordering.domain.ids import show_id
from ordering.inbound.bulk import BulkIntake, SenderGoneError
from ordering_http.request import Request, client_of, services_of
from ordering_rest.bodies import NDJSON
from ordering_rest.idempotency import read_key
from ordering_rest.operations.bulk_view import path_of, show_end, show_results

__all__ = ["answer_bulk"]

_UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


def answer_bulk(request: Request) -> ASGIResponse:
    """Queue the orders of the body's lines, and answer each when it is committed.

    Raises `InvalidRequestError` for what is no idempotency key, and for bytes that are no JSON as
    they are: compressed, or of another charset.
    """
    _require_plain(request)
    return _Exchange(request, read_key(request))


def _require_plain(request: Request) -> None:
    problems: list[Problem] = []
    _, parameters = litestar.Request[Any, Any, Any](request.scope).content_type
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        problems.append(Problem.of(messages.CONTENT_ENCODED))
    if parameters.get("charset", "utf-8").lower() not in _UTF_8:
        problems.append(Problem.of(messages.CHARSET_INVALID))
    if problems:
        raise InvalidRequestError(problems)


class _Exchange(ASGIResponse):
    """Reads the request's body and writes the response's, side by side."""

    _should_set_content_length = False

    def __init__(self, request: Request, key: str | None) -> None:
        super().__init__(status_code=202, media_type=NDJSON, headers={"retry-after": "1"})
        self._request = request
        self._key = key

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Exchange lines. Raises what `AcceptBulk.open` does, before anything is sent."""
        client = client_of(self._request).username
        accept = services_of(self._request).accept_bulk
        async with accept.open(client, self._key) as intake:
            self.headers["location"] = path_of(show_id(intake.id))
            # Asked for before the answer begins: a client may wait to be told to continue.
            first = asyncio.ensure_future(receive())
            await asyncio.sleep(0)
            await self.start_response(send)
            async with asyncio.TaskGroup() as group:
                group.create_task(intake.take(_chunks(first, receive)))
                await _send_results(intake, send)
            await _send(send, show_end(await intake.told()), more=False)


async def _send_results(intake: BulkIntake, send: Send) -> None:
    async for batch in intake.results():
        await _send(send, show_results(batch), more=True)


async def _send(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _chunks(first: "asyncio.Future[Any]", receive: Receive) -> AsyncGenerator[bytes]:
    """Yield the pieces of a body. Raises `SenderGoneError` if the client hangs up before its end.

    Litestar's own stream counts them against the limit of a body; here it is one of each line.
    """
    message: Any = await first
    while message["type"] != "http.disconnect":
        if message["body"]:
            yield message["body"]
        if not message["more_body"]:
            return
        message = await receive()
    raise SenderGoneError
