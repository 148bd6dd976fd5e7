"""Breaks things, at random: processes, Valkey, PostgreSQL; and pauses the queue."""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast

from arq.connections import create_pool
from redis.exceptions import RedisError

from ordering.db.engine import Database
from ordering.db.failures import DATABASE_AWAY
from ordering.inbound.control import switch
from ordering_app.embedded import Embedded
from ordering_jobs.redis_settings import redis_settings
from support.fleet import Fleet, Member
from support.processes import until

__all__ = ["Monkey"]


class Monkey:
    """Does something every so often; `done` counts what it did."""

    def __init__(self, seed: int, fleet: Fleet, embedded: Embedded, database: Database) -> None:
        self._chance = random.Random(seed)
        self._fleet = fleet
        self._embedded = embedded
        self._database = database
        self.done: Counter[str] = Counter()
        self._tricks: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (4, self.kill_worker),
            (1, self.kill_api),
            (1, self.end_someone),
            (2, self.flush_valkey),
            (1, self.kill_valkey),
            (1, self.crash_postgres),
            (1, self.restart_postgres),
            (1, self.pause),
        ]

    async def play(self, stop: asyncio.Event, *, every_s: float) -> None:
        """Play each trick once, in any order, then go on at random until told to stop."""
        every = [trick for _, trick in self._tricks]
        self._chance.shuffle(every)
        weights = [weight for weight, _ in self._tricks]
        while not stop.is_set():
            await asyncio.sleep(every_s * self._chance.uniform(0.5, 1.5))
            trick = every.pop() if every else self._chance.choices(self._tricks, weights)[0][1]
            await trick()
            self.done[trick.__name__.replace("_", " ")] += 1

    @property
    def has_played_all(self) -> bool:
        """Whether each trick was played."""
        return len(self.done) >= len(self._tricks)

    def _someone(self, role: str) -> Member:
        return self._chance.choice([each for each in self._fleet.members if each.role == role])

    async def _api(self) -> Member:
        """Choose an API; one that has come up, so that now and then clients are served."""
        apis = [each for each in self._fleet.members if each.role == "api"]
        self._chance.shuffle(apis)

        async def up() -> Member | None:
            return next((each for each in apis if each.is_up()), None)

        return cast("Member", await until(up))

    async def kill_worker(self) -> None:
        """Kill a worker."""
        await asyncio.to_thread(self._someone("worker").kill)

    async def kill_api(self) -> None:
        """Kill an API."""
        await asyncio.to_thread((await self._api()).kill)

    async def end_someone(self) -> None:
        """Deploy: ask an API or a worker to end, and start another."""
        someone = self._chance.choice([await self._api(), self._someone("worker")])
        await asyncio.to_thread(someone.replace)

    async def flush_valkey(self) -> None:
        """Have Valkey forget everything."""
        try:
            settings = redis_settings(self._embedded.servers.redis_url, retries=1)
            redis = await create_pool(settings)
            await cast("Any", redis).flushall()
            await redis.aclose(close_connection_pool=True)
        except (RedisError, OSError):
            # It is on its way up again: that will have to do.
            return

    async def kill_valkey(self) -> None:
        """Kill Valkey, and start it a moment later."""
        os.kill(self._embedded.servers.valkey_pid, signal.SIGKILL)
        await asyncio.to_thread(self._embedded.restart_valkey)

    async def crash_postgres(self) -> None:
        """Have PostgreSQL end at once, as in a crash, and recover."""
        os.kill(self._embedded.servers.postgres_pid, signal.SIGQUIT)
        await self.restart_postgres()

    async def restart_postgres(self) -> None:
        """Restart PostgreSQL in an orderly way; sessions are cut off."""
        await asyncio.to_thread(self._embedded.restart_postgres)

    async def pause(self) -> None:
        """Pause the queue for a moment."""
        await self._switch(paused=True)
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        await self._switch(paused=False)

    async def _switch(self, *, paused: bool) -> None:
        async def switched() -> bool:
            try:
                async with self._database.acquire() as connection:
                    await switch(connection, "monkey", paused=paused)
            except DATABASE_AWAY:
                return False
            return True

        await until(switched)
