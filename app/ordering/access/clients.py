"""Clients: stored with hashed passwords, recognised by HTTP Basic credentials.

A password check is slow on purpose, so a verified credential is remembered for up to a minute,
under a keyed digest that is worthless outside this process, and forgotten at once when the client
changes (a notification on `client_changed`).
"""

import asyncio
import base64
import binascii
import hashlib
import os
import time
from collections.abc import Sequence

import msgspec

from ordering.access.passwords import hash_password, verify_password
from ordering.access.roles import MAY, Permission, Role
from ordering.db.engine import Database
from ordering.db.notices import CLIENT_CHANGED
from ordering.domain import messages
from ordering.domain.errors import (
    AccessDeniedError,
    Problem,
    RetryableError,
    UnauthenticatedError,
)
from ordering.domain.ids import new_id
from ordering.domain.messages import Message
from ordering.domain.timestamps import now

__all__ = ["Client", "Clients", "SavedClient", "list_clients", "save_client"]

#: How many password checks run at once; more wait, so that a flood of wrong passwords cannot
#: take all processors.
_CHECKS_AT_ONCE = 2
#: How many may wait; who comes later is told so at once, before the wait is longer than anybody's
#: patience.
_MAX_WAITING = 64
_TOO_MANY_WAITING = Message(
    "Too many password checks are waiting; the same request may succeed later", 5
)
_MAX_REMEMBERED = 10_000


class Client(msgspec.Struct, frozen=True):
    """A caller that has proved who it is."""

    username: str
    roles: frozenset[Role]

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the client may do."""
        return frozenset(each for each, roles in MAY.items() if not roles.isdisjoint(self.roles))

    def require(self, *permissions: Permission) -> None:
        """Raise `AccessDeniedError` unless a role of the client holds one of the permissions."""
        for each in permissions:
            if not MAY[each].isdisjoint(self.roles):
                return
        allowed = frozenset[Role]().union(*(MAY[each] for each in permissions))
        raise AccessDeniedError(
            [Problem.of(messages.ROLE_LACKING, roles=", ".join(sorted(allowed)))]
        )


class SavedClient(msgspec.Struct, frozen=True):
    """A client as it is stored, without its password; only an `active` one may call."""

    username: str
    roles: frozenset[Role]
    active: bool


class Clients:
    """Recognises clients. `memory_s` is for how many seconds a verified password is remembered."""

    def __init__(self, database: Database, *, memory_s: float) -> None:
        self._database = database
        self._memory_s = memory_s
        self._secret = os.urandom(32)
        self._remembered: dict[bytes, tuple[float, Client]] = {}
        self._checking: dict[bytes, asyncio.Task[Client]] = {}
        # All checks that have not ended, those that `forget` detached too.
        self._unfinished: set[asyncio.Task[Client]] = set()
        self._checks = asyncio.Semaphore(_CHECKS_AT_ONCE)
        self._generation = 0

    async def recognise(self, authorization: str | None) -> Client:
        """Recognise the client of an `Authorization` header.

        Raises `UnauthenticatedError`, the same for an unknown user and for a wrong password, and
        `RetryableError` when too many others wait already.
        """
        if not authorization:
            raise UnauthenticatedError([Problem.of(messages.CREDENTIALS_MISSING)])
        digest = hashlib.blake2b(authorization.encode(), key=self._secret).digest()
        remembered = self._remembered.get(digest)
        if remembered is not None and remembered[0] > time.monotonic():
            return remembered[1]
        generation = self._generation
        checking = self._checking.get(digest) or self._start_check(digest, authorization)
        # Shielded: a caller that leaves must not take the check from the others.
        client = await asyncio.shield(checking)
        if generation != self._generation:
            # The check may have read what the client was before the change.
            return client
        if len(self._remembered) >= _MAX_REMEMBERED:
            self._remembered.clear()
        self._remembered[digest] = (time.monotonic() + self._memory_s, client)
        return client

    def forget(self) -> None:
        """Forget all remembered passwords; called when a client was changed or revoked."""
        self._generation += 1
        self._remembered.clear()
        # Who comes from now on starts a check that sees the change.
        self._checking.clear()

    def _start_check(self, digest: bytes, authorization: str) -> asyncio.Task[Client]:
        username, password = _credentials(authorization)
        if len(self._unfinished) >= _CHECKS_AT_ONCE + _MAX_WAITING:
            raise RetryableError([Problem.of(_TOO_MANY_WAITING)])
        checking = asyncio.create_task(self._check(username, password))
        self._checking[digest] = checking
        self._unfinished.add(checking)

        def ended(_: object) -> None:
            self._unfinished.discard(checking)
            if self._checking.get(digest) is checking:
                del self._checking[digest]

        checking.add_done_callback(ended)
        return checking

    async def _check(self, username: str, password: str) -> Client:
        async with self._database.acquire() as connection:
            row = await connection.fetchrow(
                "SELECT password_hash, roles FROM api_client WHERE username = $1 AND active",
                username,
            )
        # An unknown user costs as much time as a known one, or the time would tell.
        hashed = row["password_hash"] if row is not None else _NOBODY
        async with self._checks:
            fits = await asyncio.to_thread(verify_password, password, hashed)
        if row is None or not fits:
            raise UnauthenticatedError([Problem.of(messages.CREDENTIALS_INVALID)])
        return Client(username, _roles(row["roles"]))


def _roles(stored: str) -> frozenset[Role]:
    return msgspec.json.decode(stored, type=frozenset[Role])


def _credentials(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        username, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (ValueError, binascii.Error) as error:
        raise UnauthenticatedError([Problem.of(messages.CREDENTIALS_MISSING)]) from error
    if scheme.lower() != "basic" or not colon or "\0" in username:
        raise UnauthenticatedError([Problem.of(messages.CREDENTIALS_MISSING)])
    return username, password


_NOBODY = hash_password(os.urandom(16).hex())


async def save_client(
    database: Database, username: str, password: str, roles: Sequence[Role], *, active: bool = True
) -> None:
    """Create a client, or change its password, roles and whether it may call at all."""
    hashed = await asyncio.to_thread(hash_password, password)
    async with database.transaction() as connection:
        await connection.execute(
            """INSERT INTO api_client (id, username, password_hash, roles, active, created_at)
               VALUES ($1, $2, $3, $4, $5, $6)
               ON CONFLICT (username) DO UPDATE
               SET password_hash = $3, roles = $4, active = $5""",
            new_id(),
            username,
            hashed,
            msgspec.json.encode(sorted(roles)).decode(),
            active,
            now(),
        )
        await connection.execute("SELECT pg_notify($1, '')", CLIENT_CHANGED)


async def list_clients(database: Database) -> list[SavedClient]:
    """List all clients, by their user names."""
    async with database.acquire() as connection:
        rows = await connection.fetch(
            "SELECT username, roles, active FROM api_client ORDER BY username"
        )
    return [SavedClient(row["username"], _roles(row["roles"]), row["active"]) for row in rows]
