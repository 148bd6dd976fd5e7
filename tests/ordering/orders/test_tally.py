"""The tally: whatever is done to orders, its rows add up to how many there are, by state."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from ordering.catalog.snapshot import CatalogKeeper
from ordering.db.connection import Connection
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.domain.cancellation import Cancellation, OrderRef
from ordering.domain.errors import InvalidRequestError, NotFoundError
from ordering.domain.ids import new_id, show_id
from ordering.orders.cancel import CancelOrder
from ordering.orders.reader import Branch, OrderFilter, list_shown
from ordering.orders.shapes import Form, Member, Shape
from ordering.orders.tally import fold
from ordering.settings import Settings
from support import payloads
from support.explaining import ExplainingDatabase
from support.locks import waiters
from support.placed import place

COUNTED = "SELECT state, count(*)::bigint AS orders FROM customer_order GROUP BY state"
TALLIED = """
SELECT state, sum(orders)::bigint AS orders FROM order_tally
GROUP BY state HAVING sum(orders) <> 0
"""
INSERT = """
INSERT INTO customer_order (id, state, created_by, created_at, updated_at)
SELECT gen_random_uuid(), state, 'x', now(), now() FROM unnest($1::text[]) AS state
"""


async def by_state(connection: Connection, query: str) -> dict[str, int]:
    return {row["state"]: row["orders"] for row in await connection.fetch(query)}


async def tallied(database: Database) -> dict[str, int]:
    async with database.acquire() as connection:
        return await by_state(connection, TALLIED)


async def rows(connection: Connection) -> list[tuple[str, int]]:
    found = await connection.fetch("SELECT state, orders FROM order_tally ORDER BY state, orders")
    return [(row["state"], row["orders"]) for row in found]


async def insert(connection: Connection, *states: str) -> None:
    """Insert orders in these states by one statement."""
    await connection.execute(INSERT, list(states))


async def copy(connection: Connection, *states: str) -> None:
    """Copy orders in these states, as draining does."""
    moment = datetime.now(UTC)
    await connection.copy_records_to_table(
        "customer_order",
        records=[(new_id(), state, "x", moment, moment) for state in states],
        columns=["id", "state", "created_by", "created_at", "updated_at"],
    )


@pytest.fixture
def folds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have any rows be worth a fold."""
    monkeypatch.setattr("ordering.orders.tally._FEW", 0)


async def test_a_statement_adds_one_row_for_each_state(database: Database) -> None:
    async with database.acquire() as connection:
        await insert(connection, "new", "draft", "new", "new")
        await insert(connection, "new")
        await insert(connection)
        assert await rows(connection) == [("draft", 1), ("new", 1), ("new", 3)]


async def test_a_copied_batch_adds_one_row(database: Database) -> None:
    async with database.acquire() as connection:
        await copy(connection, *["new"] * 100)
        assert await rows(connection) == [("new", 100)]


async def test_only_a_change_of_state_adds_rows(database: Database) -> None:
    async with database.acquire() as connection:
        await insert(connection, "new", "new")
        await connection.execute("UPDATE customer_order SET state = state, version = 2")
        assert await rows(connection) == [("new", 2)]
        await connection.execute("UPDATE customer_order SET state = 'completed' WHERE number = 1")
        assert await rows(connection) == [("completed", 1), ("new", -1), ("new", 2)]


async def test_what_is_rolled_back_counts_nothing(database: Database) -> None:
    async with database.acquire() as connection:
        transaction: Any = connection.transaction()
        await transaction.start()
        await insert(connection, "new")
        assert await by_state(connection, TALLIED) == {"new": 1}
        assert await tallied(database) == {}
        await transaction.rollback()
        assert await rows(connection) == []


async def test_no_orders_are_none_though_somebody_folds(database: Database) -> None:
    """TRUNCATE waits for the sums that a folder is about to add, and they go too."""
    async with database.acquire() as connection:
        await insert(connection, *["new"] * 3)
        async with database.acquire() as folder:
            transaction: Any = folder.transaction()
            await transaction.start()
            await folder.execute("DELETE FROM order_tally")
            await folder.execute("INSERT INTO order_tally (state, orders) VALUES ('new', 3)")
            emptying = asyncio.create_task(
                connection.execute("TRUNCATE customer_order RESTART IDENTITY CASCADE")
            )
            await waiters(folder, 1)
            await transaction.commit()
        await emptying
        assert await rows(connection) == []


async def test_few_rows_are_left_alone(database: Database) -> None:
    async with database.acquire() as connection:
        for _ in range(100):
            await insert(connection, "new")
        assert await fold(connection) == 0
        await insert(connection, "draft")
        assert await fold(connection) == 101
        assert await rows(connection) == [("draft", 1), ("new", 100)]


@pytest.mark.usefixtures("folds_all")
async def test_many_rows_are_folded_by_portions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ordering.orders.tally._PORTION", 10)
    async with database.acquire() as connection:
        for _ in range(25):
            await insert(connection, "new")
        # The sums of the first two portions are rows of the third.
        assert await fold(connection) == 10 + 10 + 7
        assert await rows(connection) == [("new", 25)]


@pytest.mark.usefixtures("folds_all")
async def test_a_state_without_orders_is_left_out(database: Database) -> None:
    async with database.acquire() as connection:
        await insert(connection, "new", "new")
        await connection.execute("UPDATE customer_order SET state = 'completed'")
        await fold(connection)
        assert await rows(connection) == [("completed", 2)]


@pytest.mark.usefixtures("folds_all")
async def test_whoever_reads_while_somebody_folds_sees_all(database: Database) -> None:
    async with database.acquire() as connection, database.acquire() as folder:
        await insert(connection, "new")
        await insert(connection, "new")
        async with folder.transaction():
            await fold(folder)
            assert await rows(folder) == [("new", 2)]
            assert await rows(connection) == [("new", 1), ("new", 1)]
            await insert(connection, "new")
        assert await rows(connection) == [("new", 1), ("new", 2)]


@pytest.mark.usefixtures("folds_all")
async def test_who_finds_somebody_folding_does_not_wait(database: Database) -> None:
    async with database.acquire() as connection, database.acquire() as folder:
        await insert(connection, "new", "new")
        async with folder.transaction():
            assert await fold(folder) == 1
            assert await fold(connection) == 0


@pytest.mark.usefixtures("folds_all")
async def test_two_who_fold_at_once_lose_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even without the lock: a row that somebody else deleted meanwhile is not added again."""
    async with (
        database.acquire() as connection,
        database.acquire() as one,
        database.acquire() as other,
    ):
        await insert(connection, "new")
        transaction: Any = one.transaction()
        await transaction.start()
        assert await fold(one) == 1
        # The other one, which does not know of it, sees this row beside the one that is folded.
        await insert(connection, "new", "draft")
        monkeypatch.setattr("ordering.orders.tally.Turn", SimpleNamespace(FOLDING=0))
        folding = asyncio.create_task(fold(other))
        await waiters(connection, 1)
        await transaction.commit()
        assert await folding == 2
        assert await rows(connection) == [("draft", 1), ("new", 1), ("new", 1)]


async def test_recounting_mends_whatever_is_wrong(database: Database) -> None:
    async with database.acquire() as connection:
        await insert(connection, "new", "new", "draft", "completed")
        await connection.execute("DELETE FROM order_tally WHERE state = 'draft'")
        await connection.execute("INSERT INTO order_tally (state, orders) VALUES ('on_hold', 3)")
        await connection.execute("UPDATE order_tally SET orders = 7 WHERE state = 'new'")
        await connection.execute("SELECT recount_orders()")
        assert await by_state(connection, TALLIED) == {"completed": 1, "draft": 1, "new": 2}
        before = await rows(connection)
        await connection.execute("SELECT recount_orders()")
        assert await rows(connection) == before


async def test_recounting_counts_what_is_written_meanwhile_once(database: Database) -> None:
    async with database.acquire() as connection, database.acquire() as writer:
        await insert(connection, "new")
        await connection.execute("DELETE FROM order_tally")
        transaction: Any = writer.transaction()
        await transaction.start()
        await insert(writer, "new", "draft")
        await connection.execute("SELECT recount_orders()")
        assert await rows(connection) == [("new", 1)]
        await transaction.commit()
        assert await by_state(connection, TALLIED) == {"draft": 1, "new": 2}


async def test_recounting_and_emptying_wait_for_each_other(database: Database) -> None:
    """Both lock the orders before the tally, so neither has what the other waits for."""
    async with database.acquire() as connection, database.acquire() as other:
        await insert(connection, "new")
        transaction: Any = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE customer_order IN ACCESS EXCLUSIVE MODE")
        recounting = asyncio.create_task(other.execute("SELECT recount_orders()"))
        await waiters(connection, 1)
        await connection.execute("TRUNCATE customer_order CASCADE")
        await transaction.commit()
        await recounting
        assert await rows(connection) == []


async def test_two_who_recount_at_once_add_what_is_missing_once(database: Database) -> None:
    async with database.acquire() as connection, database.acquire() as other:
        await insert(connection, "new")
        await connection.execute("DELETE FROM order_tally")
        transaction: Any = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT recount_orders()")
        recounting = asyncio.create_task(other.execute("SELECT recount_orders()"))
        await waiters(connection, 1)
        await transaction.commit()
        await recounting
        assert await rows(connection) == [("new", 1)]


@pytest.mark.parametrize("state", [None, "new"])
async def test_a_list_reads_no_orders_to_tell_how_many_there_are(
    demo_database: Database, keeper: CatalogKeeper, state: str | None
) -> None:
    await place(demo_database, keeper, *[payloads.order()] * 3)
    explaining = ExplainingDatabase(demo_database)
    async with explaining.acquire() as connection:
        page = await list_shown(
            connection,
            OrderFilter(state=state),
            Shape((Member("number", "number", Form.BARE),)),
            Branch.NONE,
            limit=2,
            offset=0,
        )
    assert page == ([b'{"number":1}', b'{"number":2}'], 3)
    assert sorted(str(scan.table) for scan in explaining.scans) == ["customer_order", "order_tally"]


class Plays:
    """What may happen to orders, by chance."""

    def __init__(self, database: Database, keeper: CatalogKeeper, seed: int) -> None:
        self._database = database
        self._keeper = keeper
        self._random = Random(seed)

    def next(self) -> Coroutine[Any, Any, object]:
        """Choose one."""
        plays: list[Callable[[], Coroutine[Any, Any, object]]] = [
            self._create,
            self._copy,
            self._cancel,
            self._move,
            self._delete,
            self._roll_back,
            self._fold,
        ]
        return self._random.choice(plays)()

    async def _create(self) -> None:
        await place(self._database, self._keeper, *[payloads.order()] * self._random.randint(1, 3))

    async def _copy(self) -> None:
        async with self._database.acquire() as connection:
            await copy(connection, *["new"] * 10, "draft")

    async def _cancel(self) -> None:
        (order,) = await place(self._database, self._keeper, payloads.order())
        asked = Cancellation(
            cancellation_reason="Duplicate order", product_order=OrderRef(id=show_id(order.id))
        )
        cancel = CancelOrder(self._database, Settings(edit_new_orders=True))
        # Somebody else may have been quicker.
        with suppress(InvalidRequestError, NotFoundError):
            await cancel(asked, "cpq")

    async def _move(self) -> None:
        state = self._random.choice(("draft", "new", "in_progress", "completed"))
        await self._run(f"UPDATE customer_order SET state = '{state}' WHERE {self._some()}")

    async def _delete(self) -> None:
        await self._run(f"DELETE FROM customer_order WHERE state = 'new' AND {self._some()}")

    async def _roll_back(self) -> None:
        async with self._database.acquire() as connection:
            with suppress(asyncpg.DivisionByZeroError):
                async with connection.transaction():
                    await insert(connection, "new", "completed")
                    await connection.execute(f"DELETE FROM customer_order WHERE {self._some()}")
                    await connection.execute("SELECT 1 / 0")

    async def _fold(self) -> None:
        async with self._database.acquire() as connection:
            await fold(connection)

    async def _run(self, query: str) -> None:
        async with self._database.acquire() as connection:
            await connection.execute(query)

    def _some(self) -> str:
        return f"number % {self._random.randint(2, 4)} = 0"


@pytest.mark.usefixtures("folds_all")
@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_at_once_the_tally_is_what_counting_finds(
    demo_database: Database, keeper: CatalogKeeper, seed: int
) -> None:
    plays = Plays(demo_database, keeper, seed)
    counted: dict[str, int] = {}
    for _ in range(12):
        happened = await asyncio.gather(*[plays.next() for _ in range(4)], return_exceptions=True)
        # Those that change many orders at once may get in each other's way.
        assert [
            each
            for each in happened
            if each and not isinstance(each, asyncpg.DeadlockDetectedError)
        ] == []
        async with demo_database.acquire() as connection:
            counted = await by_state(connection, COUNTED)
            assert await by_state(connection, TALLIED) == counted
    assert len(counted) > 1
