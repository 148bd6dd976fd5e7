"""What the application answers to errors that are not the caller's."""

import errno
import socket

import pytest

from ordering.access.clients import Clients
from ordering.db.driver import asyncpg
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
