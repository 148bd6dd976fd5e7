"""`ordering up`, `ordering demo` and `ordering demo generate`."""

import asyncio
from collections.abc import Awaitable, Callable

import click

from ordering.db.failures import DATABASE_AWAY
from ordering.db.migrate import MigrationError
from ordering.settings import Settings
from ordering_app.cli.common import (
    database_away,
    fail,
    read_settings,
    require_database,
    run,
)

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


@click.group(invoke_without_command=True)
@_OPTION
@click.pass_context
def demo(context: click.Context, *, want_demo: bool) -> None:
    """Start everything, place the two example orders, tell what became of them, stop."""
    if context.invoked_subcommand is not None:
        return
    from ordering_app.up import demo as run_demo

    _run(run_demo, want_demo=want_demo)


@demo.command()
@click.option("--orders", type=click.IntRange(min=1), required=True, help="How many orders.")
@click.option(
    "--lines",
    type=click.IntRange(1, 5_000),
    default=4,
    show_default=True,
    help="Line items of each order.",
)
@click.option(
    "--i-know-this-writes",
    "anywhere",
    is_flag=True,
    help="Even if the installation is neither empty nor a demo.",
)
def generate(*, orders: int, lines: int, anywhere: bool) -> None:
    """Fill the database at ORDERING_DATABASE_URL with orders of the past year.

    Loads the demo catalog if it is not there. The orders are whole: with their audit, events and
    product inventories.
    """
    from ordering.catalog.loading import CatalogError
    from ordering.domain.errors import OrderingError
    from ordering_app.demo.generate import NotDemoError
    from ordering_app.demo.generate import generate as run_generate

    settings = read_settings()
    url = require_database(settings)
    try:
        run(
            run_generate(
                settings, url, orders=orders, lines=lines, say=click.echo, anywhere=anywhere
            )
        )
    except (NotDemoError, CatalogError) as error:
        fail(str(error))
    except OrderingError as error:
        fail("; ".join(problem.message for problem in error.problems))


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
