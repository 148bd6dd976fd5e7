"""What the commands share: settings from the environment, and errors told in a sentence."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

import click

from ordering.settings import Settings, SettingsError, load_settings

__all__ = ["fail", "read_settings", "require_database", "require_redis", "run"]

Result = TypeVar("Result")


def read_settings() -> Settings:
    """Read the settings, or end the command telling which are wrong."""
    try:
        return load_settings(os.environ)
    except SettingsError as error:
        fail(str(error))


def require_database(settings: Settings) -> str:
    """Return the database's URL, or end the command telling how to set it."""
    return settings.database_url or fail("ORDERING_DATABASE_URL is not set")


def require_redis(settings: Settings) -> str:
    """Return the URL of Redis or Valkey, or end the command telling how to set it."""
    return settings.redis_url or fail("ORDERING_REDIS_URL is not set")


def fail(reason: str) -> NoReturn:
    """End the command with exit code 1 and a reason."""
    raise click.ClickException(reason)


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)
