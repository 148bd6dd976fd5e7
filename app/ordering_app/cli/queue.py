"""`ordering queue`: look at the inbound queue, redrive, cancel, pause and resume."""

import getpass
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
import msgspec

from ordering.db.engine import Database
from ordering.domain.errors import OrderingError, Problem
from ordering.domain.ids import show_id
from ordering.domain.timestamps import show_timestamp
from ordering.inbound.control import QueueStatus
from ordering.inbound.filters import RequestFilter, read_filter
from ordering.inbound.listing import PageRequest, QueuedRequest, list_requests, read_request
from ordering.inbound.operations import QueueOperations
from ordering_app.cli.common import fail, read_settings, require_database, run

__all__ = ["queue"]

T = TypeVar("T")

_AT_ONCE = 100

#: The conditions of a filter, under the names that they have in the API.
_CONDITIONS = {
    "--state": ("state", "Requests in this state."),
    "--status": ("status", "Requests that ended so: success, partial_success or failure."),
    "--older-than": ("olderThan", "Requests that arrived longer ago: P1DT12H, or seconds."),
    "--younger-than": ("youngerThan", "Requests that arrived since then: P1DT12H, or seconds."),
    "--external-id": ("externalId", "Requests with this external id."),
    "--account": ("account", "Requests of the account with this id or external id."),
    "--id": ("id", "The request with this id."),
}

_as_json = click.option("--json", "as_json", is_flag=True, help="Print what the API would answer.")


def _filtered(command: Callable[..., None]) -> Callable[..., None]:
    for option, (name, text) in reversed(_CONDITIONS.items()):
        command = click.option(option, name, help=text)(command)
    return command


@click.group()
def queue() -> None:
    """Operate the inbound queue: what waits to be made an order, and what failed."""


@queue.command("ls")
@_filtered
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@click.option("--oldest-first", is_flag=True, help="Not the newest requests, but the oldest.")
@_as_json
def list_(*, limit: int, oldest_first: bool, as_json: bool, **conditions: str | None) -> None:
    """List requests; with --json one per line."""
    which = _read_filter(conditions)

    async def work(database: Database) -> None:
        after, left = None, limit
        while left:
            page = PageRequest(
                limit=min(left, _AT_ONCE), after=after, newest_first=not oldest_first
            )
            async with database.acquire() as connection:
                found, after = await list_requests(connection, which, page)
            for each in found:
                _echo(_as_api(each) if as_json else _line(each))
            left = left - len(found) if after is not None else 0

    _with_database(work)


@queue.command()
@click.argument("request")
@click.option("--payload", is_flag=True, help="With the payload, as it was sent.")
@_as_json
def show(request: str, *, payload: bool, as_json: bool) -> None:
    """Show the request with this id or external id."""

    async def work(database: Database) -> QueuedRequest | None:
        async with database.acquire() as connection:
            return await read_request(connection, request, payload=payload)

    found = _with_database(work)
    if found is None:
        fail(f"the queue has no request {request}")
    document = _as_api(found)
    if as_json:
        _echo(document)
        return
    for name, value in msgspec.json.decode(document).items():
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        _echo(f"{name}: {text}")


@queue.command()
@_filtered
@_as_json
def redrive(*, as_json: bool, **conditions: str | None) -> None:
    """Put requests in error back to new, with all their attempts before them."""
    which = _read_filter(conditions)
    count = _operate(lambda operations: operations.redrive(which, _operator()))
    _echo(_json({"redriven": count}) if as_json else f"redriven: {count}")


@queue.command()
@_filtered
@_as_json
def cancel(*, as_json: bool, **conditions: str | None) -> None:
    """Cancel requests that no worker has taken yet: they end in error."""
    which = _read_filter(conditions)
    count = _operate(lambda operations: operations.cancel(which, _operator()))
    _echo(_json({"canceled": count}) if as_json else f"canceled: {count}")


@queue.command()
@_as_json
def pause(*, as_json: bool) -> None:
    """Have no more requests taken by any worker; orders are still accepted."""
    _tell(_operate(lambda operations: operations.pause(_operator())), as_json=as_json)


@queue.command()
@_as_json
def resume(*, as_json: bool) -> None:
    """Have requests taken again."""
    _tell(_operate(lambda operations: operations.resume(_operator())), as_json=as_json)


@queue.command()
@_as_json
def stats(*, as_json: bool) -> None:
    """Count the requests of each state, and tell whether they are being taken."""
    _tell(_operate(lambda operations: operations.status()), as_json=as_json)


def _read_filter(conditions: dict[str, str | None]) -> RequestFilter:
    texts = {name: text for name, text in conditions.items() if text is not None}
    which, problems = read_filter(texts)
    if problems:
        fail(_say(problems))
    return which


def _operate(work: Callable[[QueueOperations], Awaitable[T]]) -> T:
    settings = read_settings()

    async def operate(database: Database) -> T:
        # Nobody is rung: workers look by themselves, each `queue_sweep_s`.
        return await work(QueueOperations(database, lambda: None, settings))

    return _with_database(operate)


def _with_database(work: Callable[[Database], Awaitable[T]]) -> T:
    url = require_database(read_settings())

    async def connected() -> T:
        database = Database(url, pool_size=1)
        await database.open()
        try:
            return await work(database)
        finally:
            await database.close()

    try:
        return run(connected())
    except OrderingError as error:
        fail(_say(error.problems))


def _operator() -> str:
    """Name who operates: `cli:` and the user of this machine, if that has a name."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"


def _echo(line: str) -> None:
    """Print a line, and what controls a terminal as its escape sequence: clients wrote parts of it.

    The sequences are those of JSON, so that JSON stays what it is.
    """
    click.echo("".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in line))


def _say(problems: list[Problem] | tuple[Problem, ...]) -> str:
    return "; ".join(problem.message for problem in problems)


def _line(record: QueuedRequest) -> str:
    told = (
        show_timestamp(record.created_at),
        show_id(record.id),
        f"{record.state:<11}",
        f"{record.status or '-':<15}",
        str(record.attempts),
        record.external_id or "-",
        record.error_message or "",
    )
    return "  ".join(told).rstrip()


def _tell(status: QueueStatus, *, as_json: bool) -> None:
    from ordering_rest.operations.inbound_view import show_status

    if as_json:
        _echo(_json(show_status(status, operator=True)))
        return
    for state, count in status.states.items():
        _echo(f"{state}: {count}")
    if status.oldest_new_age_ms is not None:
        _echo(f"oldest new: {status.oldest_new_age_ms / 1000:.3f} s")
    if status.paused and status.paused_since is not None:
        _echo(f"paused by {status.paused_by} since {show_timestamp(status.paused_since)}")
    if not status.window_open:
        _echo("outside of ORDERING_QUEUE_WINDOW")


def _as_api(record: QueuedRequest) -> str:
    from ordering_rest.operations.inbound_view import show_request

    return _json(show_request(record, operator=True))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
