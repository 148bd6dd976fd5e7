"""A database that fails at a chosen statement: before the server gets it, or after it was done.

The failures are real: sessions are ended by the server, errors are raised by it, so that the
driver and its pool behave as they do in life. `BEGIN` and `COMMIT` are statements too.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Any, NamedTuple, NoReturn, TypeVar

from ordering.db.connection import Connection, Isolation
from ordering.db.driver import asyncpg
from ordering.db.engine import Database
from ordering.db.failures import UNCERTAIN
from support.wrapping import WrappedConnection, WrappedDatabase

__all__ = ["Fault", "FaultyDatabase", "Given"]

T = TypeVar("T")


class Fault(StrEnum):
    """What happens at a statement.

    After an error of the server's the statement was not done, so that there is no error `after`.
    Cancellation meets the task that asked for the work, not one that works for several.
    """

    LOST_BEFORE = "lost before"
    LOST_DURING = "lost during"
    LOST_AFTER = "lost after"
    DEADLOCK = "deadlock"
    LOCK_TIMEOUT = "lock timeout"
    CANCELED_BEFORE = "canceled before"
    CANCELED_DURING = "canceled during"
    CANCELED_AFTER = "canceled after"


_SQLSTATES = {Fault.DEADLOCK: "40P01", Fault.LOCK_TIMEOUT: "55P03"}
_PATIENCE_S = 10


class Given(NamedTuple):
    """A fault at every statement in which a text occurs."""

    text: str
    fault: Fault


class FaultyDatabase(WrappedDatabase):
    """Borrows the connections of another database and fails at the statement number `at`.

    Statements count from one, over all connections; `sent` lists them. `given` is what fails
    besides. The fault happens in `operate`.
    """

    def __init__(
        self, inner: Database, at: int = 0, fault: Fault | None = None, given: Given | None = None
    ) -> None:
        super().__init__(inner, lambda connection: _Faulty(connection, self))
        self.sent: list[str] = []
        self.own = inner
        self._at = at
        self._fault = fault
        self._given = given
        self._asking: asyncio.Task[Any] | None = None

    async def operate(self, operation: Awaitable[T]) -> T | BaseException:
        """Do something on this database in a task of its own; returns what it returns or raises."""
        self._asking = asyncio.ensure_future(operation)
        (outcome,) = await asyncio.gather(self._asking, return_exceptions=True)
        return outcome

    def next_fault(self, query: str) -> Fault | None:
        """Note a statement; tells what is to happen at it."""
        self.sent.append(query)
        if len(self.sent) == self._at:
            return self._fault
        if self._given is not None and self._given.text in query:
            return self._given.fault
        return None

    def cancel(self) -> None:
        """Cancel who asked for the work."""
        assert self._asking is not None
        self._asking.cancel()


class _Faulty(WrappedConnection):
    """A connection that asks before each statement what is to happen at it."""

    def __init__(self, inner: Connection, database: FaultyDatabase) -> None:
        super().__init__(inner)
        self._database = database

    async def around(
        self, send: Callable[[], Awaitable[T]], query: str, args: tuple[Any, ...] = ()
    ) -> T:
        del args
        fault = self._database.next_fault(query)
        match fault:
            case Fault.LOST_BEFORE:
                with suppress(*UNCERTAIN, asyncpg.OperatorInterventionError):
                    await self._lose()
            case Fault.LOST_DURING:
                session = await self._session()
                sending = asyncio.ensure_future(send())
                # A turn of the loop, in which it is sent: whether it will be done is a race.
                await asyncio.sleep(0)
                await self._terminate(session)
                return await sending
            case Fault.DEADLOCK | Fault.LOCK_TIMEOUT:
                await self._raise(_SQLSTATES[fault])
            case Fault.CANCELED_BEFORE:
                self._database.cancel()
                await asyncio.sleep(0)
            case Fault.CANCELED_DURING:
                asyncio.get_running_loop().call_soon(self._database.cancel)
            case _:
                pass
        answer = await send()
        match fault:
            case Fault.LOST_AFTER:
                await self._lose()
            case Fault.CANCELED_AFTER:
                self._database.cancel()
                await asyncio.sleep(0)
            case _:
                pass
        return answer

    @asynccontextmanager
    async def _transaction(
        self, *, isolation: Isolation | None, readonly: bool
    ) -> AsyncGenerator[None]:
        inner = self.inner.transaction(isolation=isolation, readonly=readonly)
        await self.around(inner.__aenter__, "BEGIN")
        try:
            yield
        except BaseException as error:
            await inner.__aexit__(type(error), error, error.__traceback__)
            raise
        # Where this fails, the pool rolls back what is left, as it does after a failed COMMIT.
        await self.around(lambda: inner.__aexit__(None, None, None), "COMMIT")

    def transaction(self, *, isolation: Isolation | None = None, readonly: bool = False) -> Any:
        return self._transaction(isolation=isolation, readonly=readonly)

    async def _session(self) -> int:
        return await self.inner.fetchval("SELECT pg_backend_pid()")

    async def _terminate(self, session: int) -> None:
        async with self._database.own.acquire() as other:
            await other.fetchval("SELECT pg_terminate_backend($1)", session)

    async def _lose(self) -> NoReturn:
        """Lose the connection; raises what the driver raises when it finds that out."""
        await self._terminate(await self._session())
        async with asyncio.timeout(_PATIENCE_S):
            while True:
                await self.inner.fetchval("SELECT 1")

    async def _raise(self, sqlstate: str) -> NoReturn:
        await self.inner.execute(
            f"DO $$ BEGIN RAISE EXCEPTION 'made up' USING ERRCODE = '{sqlstate}'; END $$"
        )
        raise AssertionError("the server raises")
