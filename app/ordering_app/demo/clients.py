"""The demo clients: one per kind of caller, with generated passwords kept in a file."""

import os
import secrets
from pathlib import Path

import msgspec

from ordering.access.clients import save_client
from ordering.access.roles import Role
from ordering.db.engine import Database

__all__ = ["FILE_NAME", "DemoClient", "save_demo_clients"]

FILE_NAME = "demo-clients.json"
_PASSWORD_BYTES = 18

_ROLES: dict[str, list[Role]] = {
    "integrator": [Role.ORDER_INTEGRATOR],
    "viewer": [Role.ORDER_VIEWER],
    "fulfilment": [Role.ORDER_FULFILMENT],
    "admin": [Role.ADMIN],
}


class DemoClient(msgspec.Struct):
    """Name and password of a demo client, and what it may do."""

    username: str
    password: str
    roles: list[str]


async def save_demo_clients(database: Database, data: Path) -> dict[str, DemoClient]:
    """Make sure that the demo clients exist, in the database and in `demo-clients.json` (0600)."""
    path = data / FILE_NAME
    if path.exists():
        clients = msgspec.json.decode(path.read_bytes(), type=dict[str, DemoClient])
    else:
        clients = {
            name: DemoClient(name, secrets.token_urlsafe(_PASSWORD_BYTES), [*roles])
            for name, roles in _ROLES.items()
        }
        _write_private(path, msgspec.json.format(msgspec.json.encode(clients)))
    async with database.acquire() as connection:
        rows = await connection.fetch("SELECT username FROM api_client")
    known = {row["username"] for row in rows}
    for client in clients.values():
        if client.username not in known:
            roles = [Role(role) for role in client.roles]
            await save_client(database, client.username, client.password, roles)
    return clients


def _write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else can read at any moment, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
