"""`ordering client`: who may call the service."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import click

from ordering.access.clients import SavedClient, list_clients, save_client
from ordering.access.roles import Role
from ordering.db.engine import Database
from ordering_app.cli.common import fail, read_settings, require_database, run

__all__ = ["client"]

_MIN_PASSWORD = 12


@click.group()
def client() -> None:
    """Manage the clients that may call the service."""


@client.command("save")
@click.argument("username")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([role.value for role in Role]),
)
@click.option("--inactive", is_flag=True, help="Refuse this client from now on.")
def save(username: str, roles: tuple[str, ...], *, inactive: bool) -> None:
    """Create or change a client; its password is read from standard input."""
    password = sys.stdin.readline().rstrip("\n")
    if len(password) < _MIN_PASSWORD:
        fail(f"the password must have at least {_MIN_PASSWORD} characters")
    if ":" in username or not username:
        fail("a user name must not be empty or contain a colon")
    url = require_database(read_settings())

    async def work() -> None:
        async with _opened(url) as database:
            granted = [Role(role) for role in roles]
            await save_client(database, username, password, granted, active=not inactive)

    run(work())
    click.echo(f"saved {username}")


@client.command("list")
def list_() -> None:
    """List the clients, their roles, and which of them are refused."""
    url = require_database(read_settings())

    async def work() -> list[SavedClient]:
        async with _opened(url) as database:
            return await list_clients(database)

    for each in run(work()):
        refused = "" if each.active else " (inactive)"
        click.echo(f"{each.username}: {', '.join(sorted(each.roles))}{refused}")


@asynccontextmanager
async def _opened(url: str) -> AsyncGenerator[Database]:
    database = Database(url, pool_size=1)
    await database.open()
    try:
        yield database
    finally:
        await database.close()
