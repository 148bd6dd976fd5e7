"""What the commands share: settings from the environment, and errors told in a sentence."""

import asyncio
import os
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

import click

from ordering.db.failures import DATABASE_AWAY
from ordering.settings import Settings, SettingsError, load_settings

__all__ = [
    "database_away",
    "fail",
    "read_settings",
    "require_database",
    "require_redis",
    "run",
]

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


def database_away(error: Exception) -> NoReturn:
    """End the command telling in one line why the database does not answer."""
    # Details and hints of the server come in further lines.
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    fail(f"the database does not answer: {_without_password(reason)}")


def _without_password(text: str) -> str:
    """Mask the database's password: a driver may quote the URL that it cannot use."""
    try:
        password = urlsplit(os.environ.get("ORDERING_DATABASE_URL", "")).password
    except ValueError:  # not even a URL: nothing tells which part of it is the password
        return "ORDERING_DATABASE_URL is no URL"
    for secret in {password or "", unquote(password or "")} - {""}:
        text = text.replace(secret, "***")
    return text


def run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine that talks to the database; end the command if that does not answer."""
    try:
        return _run(coroutine)
    except DATABASE_AWAY as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # about a file, not about the way to the database
        database_away(error)


def _run(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop where there is one."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)
