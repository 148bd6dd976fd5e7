"""`ordering up` and `ordering demo`."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from ordering.db.failures import DATABASE_AWAY
from ordering.db.migrate import MigrationError
from ordering.settings import Settings
from ordering_app.cli.common import database_away, fail, read_settings

__all__ = ["demo", "up"]

_OPTION = click.option(
    "--demo", "want_demo", is_flag=True, help="Load demo data into servers of your own, too."
)


@click.command()
@_OPTION
def up(*, want_demo: bool) -> None:
    """Run everything here: servers, migrations, demo data, the API and a worker."""
    from ordering_app.up import up as run_up

    _run(run_up, want_demo=want_demo)


@click.command()
@_OPTION
def demo(*, want_demo: bool) -> None:
    """Start everything, place the two example orders, tell what became of them, stop."""
    from ordering_app.up import demo as run_demo

    _run(run_demo, want_demo=want_demo)


def _run(run: Callable[..., Awaitable[None]], *, want_demo: bool) -> None:
    from ordering_app.demo.place import DemoError
    from ordering_app.embedded import EmbeddedServerError
    from ordering_app.supervisor import SupervisorError
    from ordering_app.up import StoppedError

    settings = read_settings()
    _check(settings)
    try:
        asyncio.run(_await(run(settings, click.echo, want_demo=want_demo)))
    except (DemoError, EmbeddedServerError, MigrationError, SupervisorError, OSError) as error:
        fail(str(error))
    except DATABASE_AWAY as error:
        database_away(error)
    except StoppedError as stopped:
        # What a shell shows for a program that a signal ended.
        raise click.exceptions.Exit(128 + stopped.number) from stopped


async def _await(work: Awaitable[None]) -> None:
    await work


def _check(settings: Settings) -> None:
    if (settings.database_url is None) != (settings.redis_url is None):
        fail("set both ORDERING_DATABASE_URL and ORDERING_REDIS_URL, or neither")
