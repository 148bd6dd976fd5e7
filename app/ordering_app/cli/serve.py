"""The processes of a production set-up: `ordering api`, `ordering worker`, `ordering migrate`."""

import asyncio

import click

from ordering.db.connection import connect
from ordering.db.driver import asyncpg
from ordering.db.migrate import MigrationError, find_missing
from ordering.db.migrate import migrate as run_migrations
from ordering.plugins import PluginError, load_plugins
from ordering.settings import describe
from ordering.telemetry import set_up_logging
from ordering_app.cli.common import fail, read_settings, require_database, require_redis, run
from ordering_app.parent_watch import watch_parent

__all__ = ["api", "migrate", "settings", "worker"]

#: Seconds that the database has to tell its migrations.
_PATIENCE_S = 20.0


@click.command()
def api() -> None:
    """Serve REST and GraphQL on ORDERING_HOST:ORDERING_PORT."""
    from ordering_app.asgi import make_app
    from ordering_app.server import serve

    watch_parent()
    chosen = read_settings()
    set_up_logging(chosen.log_level)
    database_url, redis_url = require_database(chosen), require_redis(chosen)
    # Here a sentence can tell what is wrong; uvicorn would show the trace of a failed start.
    _load_plugins()
    run(_require_schema(database_url))
    app = make_app(chosen, database_url, redis_url)
    serve(app, chosen)


def _load_plugins() -> None:
    """Load the plug-ins, or end the command telling which cannot be loaded."""
    try:
        load_plugins()
    except PluginError as error:
        fail(str(error))


async def _require_schema(database_url: str) -> None:
    """End the command if the database lacks migrations; what runs without them answers wrongly.

    Raises one of `DATABASE_AWAY` if it does not answer.
    """
    async with asyncio.timeout(_PATIENCE_S):
        connection = await connect(database_url)
        try:
            missing = await find_missing(connection)
        except asyncpg.InsufficientPrivilegeError:
            fail("the role may not read the table migration: grant it SELECT")
        finally:
            await connection.close()
    if missing:
        fail(
            f"the schema that the role works in lacks migrations, the first is {missing[0]}:"
            " run `ordering migrate` first"
        )


@click.command()
def worker() -> None:
    """Drain the inbound queue until SIGTERM, then finish the batches in hand."""
    from ordering_jobs.worker import run_worker

    watch_parent()
    chosen = read_settings()
    set_up_logging(chosen.log_level)
    database_url, redis_url = require_database(chosen), require_redis(chosen)
    _load_plugins()
    run(_require_schema(database_url))
    run(run_worker(chosen, database_url, redis_url))


@click.command()
def migrate() -> None:
    """Bring the database's tables up to date; safe to call from several places at once."""
    chosen = read_settings()
    try:
        applied = run(run_migrations(require_database(chosen)))
    except MigrationError as error:
        fail(str(error))
    for identity in applied:
        click.echo(f"applied {identity}")
    if not applied:
        click.echo("nothing to do")


@click.command()
def settings() -> None:
    """Print all settings with their values and meanings; secrets are masked."""
    for each in describe(read_settings()):
        click.echo(f"{each.variable}={each.value}\n    {each.description}")
