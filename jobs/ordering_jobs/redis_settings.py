"""How workers connect to Redis or Valkey."""

from arq.connections import RedisSettings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

__all__ = ["QUEUE_NAME", "redis_settings"]

QUEUE_NAME = "ordering:jobs"


def redis_settings(url: str, *, retries: int) -> RedisSettings:
    """Make arq's settings from a URL (`redis://`, `rediss://`, `unix://`).

    `retries` is how often a command is tried again, with growing waits, when the server blinks.
    """
    settings = RedisSettings.from_dsn(url)
    settings.conn_timeout = 1
    settings.conn_retries = retries
    settings.conn_retry_delay = 1
    settings.retry_on_timeout = True
    settings.retry = Retry(ExponentialBackoff(cap=2.0, base=0.05), retries)
    settings.retry_on_error = [ConnectionError, TimeoutError]
    return settings
