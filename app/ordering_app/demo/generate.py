"""Fill an installation with orders: for trying it out, and for measuring it with a past.

A few orders go through the use cases, each to another state; all others are copies of them. So
whatever an order consists of, here it does too: lines, audit, events, and the inventories that
came of it.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib.resources import as_file, files
from typing import Any
from uuid import UUID

import msgspec

from ordering.catalog.loading import load_file
from ordering.db.connection import Connection, connect
from ordering.db.engine import Database
from ordering.domain.actions import Action
from ordering.domain.ids import new_id, show_id
from ordering.services import Services, open_services
from ordering.settings import Settings
from ordering_app.demo.copies import Copier, Copy
from ordering_app.demo.place import DEMO_OFFERING
from ordering_app.demo.sized import sized_order

__all__ = ["CLIENT", "NotDemoError", "generate"]

#: Who has placed the orders, as they tell.
CLIENT = "ordering-demo"

#: Who else places orders in a demo.
_DEMO_CLIENTS = (CLIENT, "integrator")

_Life = tuple[Action, ...]

_NEW: _Life = ()
_APPROVED = (Action.APPROVE,)
_STARTED = (*_APPROVED, Action.START)
_HELD = (*_STARTED, Action.HOLD)
_COMPLETED = (*_STARTED, Action.COMPLETE)
_REJECTED = (Action.REJECT,)

#: What becomes of the orders, in turn: half are completed, the others are on their way.
_LIVES: Sequence[_Life] = (
    *(_COMPLETED, _NEW, _COMPLETED, _STARTED, _COMPLETED),
    *(_APPROVED, _COMPLETED, _HELD, _COMPLETED, _REJECTED),
)

#: How far back the first of them lies.
_PAST = timedelta(days=365)

#: How many lines are written in one transaction, about.
_LINES_AT_ONCE = 4_000


class NotDemoError(Exception):
    """The installation is in use for something else, or is not ready; the text tells which."""


async def generate(
    settings: Settings,
    database_url: str,
    *,
    orders: int,
    lines: int,
    say: Callable[[str], None],
    anywhere: bool = False,
) -> None:
    """Add so many orders of so many lines each, spread over the year before now.

    They are committed by the thousand, so that what an interrupted call has made stays, whole.
    Raises `NotDemoError` unless the installation is empty or a demo, or `anywhere` is set, or if
    it has no tables yet.
    """
    connection: Any = await connect(database_url)
    try:
        await _require_demo(connection, anywhere=anywhere)
        await _load_catalog(connection, database_url)
        async with open_services(settings, database_url, lambda: None) as services:
            patterns: dict[_Life, UUID] = {}
            for life in list(dict.fromkeys(_LIVES))[:orders]:
                patterns[life] = await _live(services, lines, life)
        say(f"placed {len(patterns)} orders of {lines} line items")
        if orders > len(patterns):
            await _copy(connection, patterns, orders - len(patterns), lines, say)
    finally:
        await connection.close()


async def _require_demo(connection: Connection, *, anywhere: bool) -> None:
    if not await connection.fetchval("SELECT to_regclass('order_revision') IS NOT NULL"):
        raise NotDemoError("the database has no tables yet: run `ordering migrate` first")
    if anywhere:
        return
    demo_or_empty = await connection.fetchval(
        """SELECT (NOT EXISTS (SELECT FROM product_offering)
                   OR EXISTS (SELECT FROM product_offering WHERE id = $1))
              AND NOT EXISTS (SELECT FROM customer_order WHERE created_by <> ALL ($2::text[]))""",
        DEMO_OFFERING,
        _DEMO_CLIENTS,
    )
    if not demo_or_empty:
        raise NotDemoError(
            "this installation is neither empty nor a demo: it holds orders, or a catalog, of "
            "somebody else. Generated orders cannot be told from others afterwards but by their "
            f"client, {CLIENT}. If that is what you want, repeat the command with "
            "--i-know-this-writes."
        )


async def _load_catalog(connection: Connection, database_url: str) -> None:
    if await connection.fetchval(
        "SELECT EXISTS (SELECT FROM product_offering WHERE id = $1)", DEMO_OFFERING
    ):
        return
    database = Database(database_url, pool_size=1)
    await database.open()
    try:
        with as_file(files("ordering_app.demo").joinpath("catalog.yaml")) as path:
            await load_file(database, path)
    finally:
        await database.close()


async def _live(services: Services, lines: int, life: _Life) -> UUID:
    """Place an order and lead it through its life; returns its id."""
    payload = sized_order(lines, external_id=f"PO-{show_id(new_id())}")
    order = await services.create_order(payload, CLIENT)
    for action in life:
        body = msgspec.json.encode({"action": action})
        await services.progress_order(show_id(order.id), body, CLIENT)
    return order.id


async def _copy(
    connection: Any,
    patterns: dict[_Life, UUID],
    orders: int,
    lines: int,
    say: Callable[[str], None],
) -> None:
    copier = Copier(connection)
    await copier.prepare(list(patterns.values()))
    step = _PAST / orders
    copies = [
        Copy(patterns[_LIVES[number % len(_LIVES)]], step * (number - orders))
        for number in range(orders)
    ]
    at_once = max(1, _LINES_AT_ONCE // lines)
    for start in range(0, orders, at_once):
        await copier.make(copies[start : start + at_once])
        done = min(start + at_once, orders)
        if done * 10 // orders > start * 10 // orders:
            say(f"copied {done:,} of {orders:,}")
    await copier.analyze()
