"""Notifications from PostgreSQL, on a connection of their own.

A notice is a hint and may be lost; who depends on one also looks from time to time. After a lost
connection every listener is told once, without a payload, since something may have happened
meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from ordering.background import keep_going
from ordering.db.connection import connect
from ordering.db.failures import DATABASE_AWAY

__all__ = ["CATALOG_CHANGED", "CLIENT_CHANGED", "ORDER_CHANGED", "Listener", "Notices"]

CATALOG_CHANGED = "catalog_changed"
CLIENT_CHANGED = "client_changed"
#: Sent by a trigger, for orders in `order_watch`; the payload is the order's id.
ORDER_CHANGED = "order_changed"

#: Takes the payload of a notice.
Listener = Callable[[str], None]

_log = logging.getLogger(__name__)
_RECONNECT_S = 1.0


class Notices:
    """Calls listeners when their channel is notified; at the start too, with an empty payload."""

    def __init__(self, url: str, listeners: Mapping[str, Listener]) -> None:
        self._url = url
        self._listeners = dict(listeners)
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start listening; returns once the first connection listens."""
        listening = asyncio.Event()
        self._task = asyncio.create_task(
            keep_going(
                "listening to notices", lambda: self._listen(listening), pause_s=_RECONNECT_S
            )
        )
        await listening.wait()

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self, listening: asyncio.Event) -> None:
        """Listen for as long as the connection lives."""
        try:
            connection = await connect(self._url)
            try:
                await self._attend(connection, listening)
            finally:
                connection.terminate()
        except DATABASE_AWAY:
            _log.warning("lost the connection for notices", exc_info=True)
        await asyncio.sleep(_RECONNECT_S)

    async def _attend(self, connection: Any, listening: asyncio.Event) -> None:
        lost = asyncio.Event()

        def end(_connection: object) -> None:
            lost.set()

        connection.add_termination_listener(end)
        for channel, listener in self._listeners.items():
            await connection.add_listener(channel, _adapt(listener))
            listener("")
        listening.set()
        await lost.wait()


def _adapt(listener: Listener) -> Callable[..., None]:
    def called(_connection: object, _process: int, _channel: str, payload: str) -> None:
        listener(payload)

    return called
