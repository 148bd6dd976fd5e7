"""Who is recognised, who is not, and for how long."""

import asyncio
import base64
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from ordering.access.clients import Client, Clients, save_client
from ordering.access.passwords import verify_password
from ordering.access.roles import MAY, Permission, Role
from ordering.db.engine import Database
from ordering.domain.errors import AccessDeniedError, RetryableError, UnauthenticatedError


def basic(username: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


@pytest.fixture
async def clients(database: Database) -> Clients:
    await save_client(database, "cpq", "first password", [Role.ORDER_INTEGRATOR])
    return Clients(database, memory_s=60)


async def test_a_client_is_recognised_with_its_roles(clients: Clients) -> None:
    client = await clients.recognise(basic("cpq", "first password"))
    assert client == Client("cpq", frozenset({Role.ORDER_INTEGRATOR}))


async def test_a_password_may_contain_colons_and_umlauts(
    clients: Clients, database: Database
) -> None:
    await save_client(database, "odd", "a:b:ü", [Role.ADMIN])
    assert (await clients.recognise(basic("odd", "a:b:ü"))).username == "odd"


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "Basic authentication is required"),
        ("", "Basic authentication is required"),
        ("Bearer abc", "Basic authentication is required"),
        ("Basic !!!", "Basic authentication is required"),
        ("Basic " + base64.b64encode(b"no colon").decode(), "Basic authentication is required"),
        ("Basic " + base64.b64encode(b"\xff:x").decode(), "Basic authentication is required"),
        ("Basic " + base64.b64encode(b"a\0b:x").decode(), "Basic authentication is required"),
        (basic("cpq", "wrong"), "Unknown user name or wrong password"),
        (basic("nobody", "first password"), "Unknown user name or wrong password"),
    ],
)
async def test_others_are_not(clients: Clients, authorization: str | None, message: str) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        await clients.recognise(authorization)
    assert [problem.message for problem in caught.value.problems] == [message]


async def test_a_remembered_password_needs_no_database(
    clients: Clients, database: Database
) -> None:
    await clients.recognise(basic("cpq", "first password"))
    async with database.acquire() as connection:
        await connection.execute("DELETE FROM api_client")
    assert (await clients.recognise(basic("cpq", "first password"))).username == "cpq"
    clients.forget()
    with pytest.raises(UnauthenticatedError):
        await clients.recognise(basic("cpq", "first password"))


@asynccontextmanager
async def held_checks(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[asyncio.Event]:
    """Hold password checks back until the block is left; gives the event that one is held."""
    held, let_go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def verify(password: str, hashed: str) -> bool:
        loop.call_soon_threadsafe(held.set)
        assert let_go.wait(30)
        return verify_password(password, hashed)

    with monkeypatch.context() as patch:
        patch.setattr("ordering.access.clients.verify_password", verify)
        try:
            yield held
        finally:
            let_go.set()


async def test_a_check_that_a_change_overtook_is_not_remembered(
    clients: Clients, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = basic("cpq", "first password")
    async with held_checks(monkeypatch) as held:
        early = asyncio.create_task(clients.recognise(header))
        await held.wait()
        await save_client(database, "cpq", "second password", [Role.ADMIN])
        clients.forget()
        # A check of its own: the early one knows the row as it was.
        late = asyncio.create_task(clients.recognise(header))
    assert (await early).roles == {Role.ORDER_INTEGRATOR}
    with pytest.raises(UnauthenticatedError):
        await late
    with pytest.raises(UnauthenticatedError):
        await clients.recognise(header)


async def test_callers_with_the_same_password_share_a_check(
    clients: Clients, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = basic("cpq", "first password")
    async with held_checks(monkeypatch) as held:
        first = asyncio.create_task(clients.recognise(header))
        await held.wait()
        async with database.acquire() as connection:
            await connection.execute("DELETE FROM api_client")
        second = asyncio.create_task(clients.recognise(header))
    assert await first == await second


async def test_too_many_waiting_checks_are_refused_at_once(
    clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.access.clients._MAX_WAITING", 3)
    async with held_checks(monkeypatch) as held:
        flood = [
            asyncio.create_task(clients.recognise(basic("cpq", f"guess {number}")))
            for number in range(5)
        ]
        await held.wait()
        with pytest.raises(RetryableError) as caught:
            await clients.recognise(basic("cpq", "first password"))
        assert caught.value.problems[0].code == 5
        assert caught.value.problems[0].message.startswith("Too many password checks are waiting")
        # Detached checks still take their share of the processors.
        clients.forget()
        with pytest.raises(RetryableError):
            await clients.recognise(basic("cpq", "first password"))
    ends = await asyncio.gather(*flood, return_exceptions=True)
    assert {type(end) for end in ends} == {UnauthenticatedError}
    assert (await clients.recognise(basic("cpq", "first password"))).username == "cpq"


async def test_nothing_is_remembered_for_longer_than_set(database: Database) -> None:
    forgetful = Clients(database, memory_s=0)
    await save_client(database, "cpq", "first password", [Role.ADMIN])
    await forgetful.recognise(basic("cpq", "first password"))
    await save_client(database, "cpq", "second password", [Role.ADMIN])
    with pytest.raises(UnauthenticatedError):
        await forgetful.recognise(basic("cpq", "first password"))


async def test_an_inactive_client_is_unknown(clients: Clients, database: Database) -> None:
    await save_client(database, "cpq", "first password", [Role.ORDER_INTEGRATOR], active=False)
    with pytest.raises(UnauthenticatedError):
        await clients.recognise(basic("cpq", "first password"))


async def test_memory_is_bounded(clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ordering.access.clients._MAX_REMEMBERED", 1)
    await clients.recognise(basic("cpq", "first password"))
    clients.forget()
    assert (await clients.recognise(basic("cpq", "first password"))).username == "cpq"
    assert (
        await clients.recognise("basic " + basic("cpq", "first password")[6:])
    ).username == "cpq"


@pytest.mark.parametrize("permission", list(Permission))
@pytest.mark.parametrize("role", list(Role))
def test_the_table_of_permissions_decides(role: Role, permission: Permission) -> None:
    client = Client("x", frozenset({role}))
    if role in MAY[permission]:
        client.require(permission)
        return
    with pytest.raises(AccessDeniedError) as caught:
        client.require(permission)
    expected = f"This needs one of the roles: {', '.join(sorted(MAY[permission]))}"
    assert [problem.message for problem in caught.value.problems] == [expected]
