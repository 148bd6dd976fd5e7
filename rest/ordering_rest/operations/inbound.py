"""The endpoints of the inbound queue: follow requests, run them, redrive, cancel, pause."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

import msgspec
from litestar.datastructures import MultiDict

from ordering.access.roles import MAY, Permission
from ordering.domain import messages
from ordering.domain.errors import InvalidRequestError, NotFoundError, Problem
from ordering.domain.ids import show_id
from ordering.inbound.control import QueueStatus
from ordering.inbound.filters import CONDITIONS, RequestFilter, read_filter, read_selection
from ordering.inbound.listing import PageRequest, QueuedRequest, list_requests, read_request
from ordering.inbound.operations import CANCELABLE, REDRIVABLE
from ordering.orders.idempotency import Answer
from ordering_http.access import requires
from ordering_http.operations import get, post
from ordering_http.request import Request, client_of, services_of
from ordering_http.response import Response
from ordering_rest.bodies import require_json
from ordering_rest.cursors import read_cursor, show_cursor
from ordering_rest.idempotency import answer_once
from ordering_rest.operations.inbound_view import (
    REQUESTS_PATH,
    Shown,
    show_request,
    show_status,
)
from ordering_rest.paging import MAX_LINK_LENGTH, read_page_request

__all__ = [
    "QUEUE_PATH",
    "cancel_requests",
    "create_order_now",
    "get_queue",
    "get_request",
    "get_requests",
    "pause_queue",
    "redrive_requests",
    "resume_queue",
]

QUEUE_PATH = "/api/ordering/v1/inboundQueue"

_SORTS = ("newest", "oldest")
_SWITCHES = ("false", "true")
_PARAMETERS = (*CONDITIONS, "sort", "limit", "cursor", "payload")

_reading = requires(Permission.READ_QUEUE)
_operating = requires(Permission.OPERATE_QUEUE)


class _Page(Shown):
    """A page of requests; `next` is the path of the next one, absent on the last."""

    items: list[Shown]
    next: str | None = None


@get(REQUESTS_PATH, _reading)
async def get_requests(request: Request) -> Response:
    """Answer a page of the requests that the query asks for; an empty one, too, with 200."""
    which, page = _read_query(request.query_params)
    if page.payload:
        client_of(request).require(Permission.OPERATE_QUEUE)
    async with services_of(request).database.acquire() as connection:
        found, following = await list_requests(connection, which, page)
    operator = _is_operator(request)
    shown = _Page(items=[show_request(each, operator=operator) for each in found])
    if following is None:
        return Response(msgspec.json.encode(shown))
    kept = [(name, text) for name, text in request.query_params.items() if name != "cursor"]
    shown.next = f"{REQUESTS_PATH}?{urlencode([*kept, ('cursor', show_cursor(following))])}"
    link = f'<{shown.next}>; rel="next"'
    headers = {"Link": link} if len(link) <= MAX_LINK_LENGTH else {}
    return Response(msgspec.json.encode(shown), headers=headers)


@get(f"{REQUESTS_PATH}/{{request_id:str}}", _reading)
async def get_request(request: Request, request_id: str) -> Response:
    """Answer a request by its id or external id."""
    payload, problems = _read_choice(request.query_params, "payload", _SWITCHES)
    if problems:
        raise InvalidRequestError(problems)
    if payload == "true":
        client_of(request).require(Permission.OPERATE_QUEUE)
    async with services_of(request).database.acquire() as connection:
        found = await read_request(connection, request_id, payload=payload == "true")
    if found is None:
        raise NotFoundError([Problem.of(messages.REQUEST_NOT_FOUND)])
    shown = show_request(found, operator=_is_operator(request))
    return Response(msgspec.json.encode(shown))


@post(f"{REQUESTS_PATH}/{{request_id:str}}/createOrder", _operating)
async def create_order_now(request: Request, request_id: str) -> Response:
    """Have a request made an order before all others, and answer it; 202, since that comes."""
    client, queue = client_of(request).username, services_of(request).queue
    return await answer_once(
        request, lambda once: queue.create_order(request_id, client, once), _answer_request
    )


@post(f"{REQUESTS_PATH}/redrive", _operating)
async def redrive_requests(request: Request) -> Response:
    """Put the requests in error that fit a filter back to `new`, and answer how many."""
    require_json(request)
    which = read_selection(await request.body(), REDRIVABLE)
    client, queue = client_of(request).username, services_of(request).queue
    return await answer_once(
        request,
        lambda once: queue.redrive(which, client, once),
        lambda done: _answer({"redriven": done}),
    )


@post(f"{REQUESTS_PATH}/cancel", _operating)
async def cancel_requests(request: Request) -> Response:
    """Cancel the requests that fit a filter and wait to be taken, and answer how many."""
    require_json(request)
    which = read_selection(await request.body(), CANCELABLE)
    client, queue = client_of(request).username, services_of(request).queue
    return await answer_once(
        request,
        lambda once: queue.cancel(which, client, once),
        lambda done: _answer({"canceled": done}),
    )


@get(QUEUE_PATH, _reading)
async def get_queue(request: Request) -> Response:
    """Answer how many requests the queue has, and whether it is being drained."""
    status = await services_of(request).queue.status()
    shown = show_status(status, operator=_is_operator(request))
    return Response(msgspec.json.encode(shown))


@post(f"{QUEUE_PATH}/pause", _operating)
async def pause_queue(request: Request) -> Response:
    """Have no more requests taken, and answer the queue."""
    client, queue = client_of(request).username, services_of(request).queue
    return await answer_once(request, lambda once: queue.pause(client, once), _answer_status)


@post(f"{QUEUE_PATH}/resume", _operating)
async def resume_queue(request: Request) -> Response:
    """Have requests taken again, and answer the queue."""
    client, queue = client_of(request).username, services_of(request).queue
    return await answer_once(request, lambda once: queue.resume(client, once), _answer_status)


class _Query(NamedTuple):
    which: RequestFilter
    page: PageRequest


def _read_query(query: MultiDict[Any]) -> _Query:
    """Read the filter and the page. Raises `InvalidRequestError` with all that is wrong."""
    which, problems = read_filter(query)
    # One that is passed over means more requests, and the first of two means others.
    problems += [
        Problem.of(messages.PARAMETER_UNKNOWN, member=name, known=", ".join(_PARAMETERS))
        for name in query
        if name not in _PARAMETERS
    ]
    problems += [
        Problem.of(messages.PARAMETER_REPEATED, member=name)
        for name in query
        if len(query.getall(name)) > 1
    ]
    sort, wrong = _read_choice(query, "sort", _SORTS)
    problems += wrong
    payload, wrong = _read_choice(query, "payload", _SWITCHES)
    problems += wrong
    limit, after = 0, None
    try:
        limit = read_page_request({"limit": query["limit"]} if "limit" in query else {}).limit
    except InvalidRequestError as error:
        problems += error.problems
    try:
        after = read_cursor(query["cursor"]) if "cursor" in query else None
    except ValueError:
        problems.append(Problem.of(messages.CURSOR_INVALID))
    if problems:
        raise InvalidRequestError(problems)
    newest_first = sort == "newest"
    page = PageRequest(
        limit=limit, after=after, newest_first=newest_first, payload=payload == "true"
    )
    return _Query(which, page)


def _read_choice(
    query: Mapping[str, str], name: str, known: tuple[str, ...]
) -> tuple[str, list[Problem]]:
    """Read a parameter that has few values; the first of them is the default."""
    text = query.get(name, known[0])
    if text in known:
        return text, []
    return text, [Problem.of(messages.CHOICE_UNKNOWN, member=name, known=", ".join(known))]


def _answer(body: object, headers: dict[str, str] | None = None, *, status: int = 200) -> Answer:
    return Answer(status_code=status, body=msgspec.json.encode(body), headers=headers or {})


def _answer_request(record: QueuedRequest) -> Answer:
    location = {"Location": f"{REQUESTS_PATH}/{show_id(record.id)}"}
    return _answer(show_request(record, operator=True), location, status=202)


def _answer_status(status: QueueStatus) -> Answer:
    return _answer(show_status(status, operator=True))


def _is_operator(request: Request) -> bool:
    return not client_of(request).roles.isdisjoint(MAY[Permission.OPERATE_QUEUE])
