"""What the application answers to errors that are not the caller's."""

import asyncio
import errno
import socket

import pytest

from ordering.access.clients import Clients
from ordering.db.driver import asyncpg
from ordering.domain.ids import parse_id
from ordering.telemetry import correlation_id
from support.api import ORDERS, Api

AWAY = [
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    TimeoutError(),
    socket.gaierror(socket.EAI_NONAME, "unknown name"),
    OSError(errno.EHOSTUNREACH, "no route to host"),
    asyncpg.InterfaceError("cannot perform operation: connection is closed"),
    OSError("Multiple exceptions: [Errno 111] refused, [Errno 111] refused"),
]
DEFECTS = [
    FileNotFoundError(errno.ENOENT, "no such file"),
    PermissionError(errno.EACCES, "permission denied"),
    OSError(errno.EMFILE, "too many open files"),
    asyncpg.InterfaceError("the server expects 1 argument for this query, 0 were passed"),
    RuntimeError("a defect"),
]


async def answer(api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception) -> tuple[int, str]:
    """Call while the recognition of clients fails with this error."""

    async def fail(_clients: Clients, _authorization: str | None) -> None:
        raise error

    monkeypatch.setattr(Clients, "recognise", fail)
    response = await api.get(ORDERS)
    return response.status_code, response.text


@pytest.mark.parametrize("error", AWAY, ids=repr)
async def test_a_lost_way_to_the_database_is_503(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    status, text = await answer(api, monkeypatch, error)
    assert status == 503
    assert "The database does not answer" in text


@pytest.mark.parametrize("error", DEFECTS, ids=repr)
async def test_anything_else_is_500_without_details(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    status, text = await answer(api, monkeypatch, error)
    assert status == 500
    assert "database" not in text
    assert str(error) not in text


async def test_a_request_that_the_end_cuts_off_may_be_sent_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cut_off(_clients: Clients, _authorization: str | None) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(Clients, "recognise", cut_off)
    response = await api.get(ORDERS)
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")


async def test_who_is_refused_is_found_in_the_log_under_an_id(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str | None] = []

    async def fail(_clients: Clients, _authorization: str | None) -> None:
        seen.append(correlation_id.get())
        raise RuntimeError

    monkeypatch.setattr(Clients, "recognise", fail)
    await api.get(ORDERS)
    await api.get(ORDERS)
    assert [parse_id(each or "") is not None for each in seen] == [True, True]
    assert seen[0] != seen[1]
