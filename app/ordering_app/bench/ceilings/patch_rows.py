"""Ceiling of revising: bare UPDATEs in one transaction, and the rows of the audit.

It decodes the body into the drafts that the service decodes it into, and then writes what is
different: a quantity, a characteristic, two versions. The rows of the audit and the answer are
those that the service wrote and gave for the first revision, under the ids at hand.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from ordering.db.connection import Connection
from ordering.domain.decode import decode_order
from ordering.domain.ids import parse_id
from ordering.domain.timestamps import now
from ordering_app.bench.answers import read_answers
from ordering_app.bench.ceilings.bare import Answer, Handler, open_pool
from ordering_app.bench.model import BenchError
from ordering_app.bench.stock import NEWS

__all__ = ["opened"]

_CONNECTIONS = 10

_ORDER = """
UPDATE customer_order SET version = version + 1, updated_at = $2 WHERE id = $1 RETURNING version
"""
_LINE = """
UPDATE order_line_item SET version = version + 1, quantity = $3
WHERE order_id = $1 AND item_id = $2 RETURNING id
"""
_CHARACTERISTIC = """
UPDATE order_characteristic_value SET value = $3 WHERE line_item_id = $1 AND name = $2
"""


class _Said(NamedTuple):
    """What a revision says: of which line, and of which of its characteristics; `value` is JSON."""

    item_id: str | None
    quantity: Decimal | None
    name: str | None
    value: str


def _read(body: bytes) -> _Said:
    item = decode_order(body).draft.items[0]
    if item.product is None or not item.product.product_characteristic:
        raise BenchError("a revision without a characteristic")
    characteristic = item.product.product_characteristic[0]
    value = msgspec.json.encode(characteristic.value).decode()
    return _Said(item.id, item.quantity, characteristic.name, value)


class _News:
    """Adds the row again that the service added to a table, with other values in some columns."""

    def __init__(self, table: str, row: dict[str, Any]) -> None:
        parameters = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        self.statement = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({parameters})"
        self._row = row

    def values(self, **others: object) -> list[object]:
        """Return the values of the row, in the order of the statement's parameters."""
        return list((self._row | others).values())


async def _read_news(connection: Connection, table: str) -> _News:
    rows: list[Any] = await connection.fetch(f"SELECT * FROM {NEWS}{table}")
    if len(rows) != 1:
        raise BenchError(f"a revision adds {len(rows)} rows to {table}, but the ceiling adds one")
    return _News(table, dict(rows[0]))


@asynccontextmanager
async def opened(database_url: str) -> AsyncGenerator[Handler]:
    """Yield the handler: 201 when the revision is committed."""
    async with open_pool(database_url, size=_CONNECTIONS) as pool:
        async with pool.acquire() as connection:
            (answer,) = (await read_answers(connection)).values()
            revision = await _read_news(connection, "order_revision")
            event = await _read_news(connection, "order_event")

        async def patch(target: str, body: bytes) -> Answer:
            said = _read(body)
            order_id, moment = parse_id(target.rpartition("/")[2]), now()
            async with pool.acquire() as connection, connection.transaction():
                version = await connection.fetchval(_ORDER, order_id, moment)
                line_id = await connection.fetchval(_LINE, order_id, said.item_id, said.quantity)
                await connection.execute(_CHARACTERISTIC, line_id, said.name, said.value)
                await connection.execute(
                    revision.statement,
                    *revision.values(order_id=order_id, version=version, changed_at=moment),
                )
                await connection.execute(
                    event.statement, *event.values(order_id=order_id, occurred_at=moment)
                )
            return answer

        yield patch
