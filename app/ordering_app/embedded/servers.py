"""Both servers together, for one data folder."""

from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from types import TracebackType

from ordering_app.embedded.binaries import Binaries, find_binaries
from ordering_app.embedded.errors import EmbeddedServerError
from ordering_app.embedded.folder import STATE, DataFolder
from ordering_app.embedded.postgres import Postgres
from ordering_app.embedded.server import Place
from ordering_app.embedded.valkey import Valkey


@dataclass(frozen=True, slots=True)
class EmbeddedServers:
    """Running servers. The addresses hold passwords and stay the same until `Embedded.stop`."""

    database_url: str
    redis_url: str
    postgres_pid: int
    valkey_pid: int


class Embedded:
    """PostgreSQL and Valkey, kept in `data` and running between `start` and `stop`.

    Every method blocks (use `asyncio.to_thread` in an event loop), may be called from any thread,
    and raises EmbeddedServerError when a server does not do what it should. `state` is where the
    servers' files go when we are root and their account cannot reach `data`; `binaries` replaces
    the search for the programs.
    """

    def __init__(
        self,
        data: Path,
        *,
        state: Path = STATE,
        binaries: Binaries | None = None,
    ) -> None:
        self._folder = DataFolder(data, state)
        self._state = state
        self._binaries = binaries
        self._mutex = RLock()
        self._postgres: Postgres | None = None
        self._valkey: Valkey | None = None

    def start(self) -> EmbeddedServers:
        """Start both and return when both answer; what is running already stays.

        The first start creates the cluster; a start after a crash stops what was left running
        and lets both servers recover.
        """
        with self._mutex:
            if self._postgres is None or self._valkey is None:
                try:
                    self._start()
                except OSError as problem:
                    self.stop()
                    message = f"The servers of {self._folder.path} cannot be started: {problem}."
                    raise EmbeddedServerError(message) from problem
                except BaseException:
                    self.stop()
                    raise
            return self.servers

    @property
    def servers(self) -> EmbeddedServers:
        """The servers as they are now; EmbeddedServerError before `start` and after `stop`."""
        with self._mutex:
            postgres, valkey = self._running()
            return EmbeddedServers(
                database_url=postgres.url(postgres.port),
                redis_url=valkey.url(valkey.port),
                postgres_pid=postgres.pid,
                valkey_pid=valkey.pid,
            )

    def stop(self) -> None:
        """Stop both and let go of the folder; nothing when they are stopped."""
        with self._mutex:
            try:
                # Each gets its chance, whatever becomes of the other.
                try:
                    if self._valkey:
                        self._valkey.stop()
                finally:
                    if self._postgres:
                        self._postgres.stop()
            finally:
                self._valkey = self._postgres = None
                self._folder.close()

    def restart_postgres(self) -> EmbeddedServers:
        """Stop PostgreSQL if it runs and start it again at the same address."""
        return self._restart(0)

    def restart_valkey(self) -> EmbeddedServers:
        """Stop Valkey if it runs and start it again at the same address."""
        return self._restart(1)

    def revive(self) -> list[str]:
        """Restart the servers that ended by themselves; return a sentence about each of them."""
        with self._mutex:
            said: list[str] = []
            for server in self._running():
                ended = server.failed()
                if ended:
                    server.restart()
                    said.append(f"{server.title} ended ({ended}) and was started again.")
            return said

    def __enter__(self) -> EmbeddedServers:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _restart(self, which: int) -> EmbeddedServers:
        with self._mutex:
            server = self._running()[which]
            try:
                server.restart()
            except OSError as problem:
                message = f"{server.title} cannot be restarted: {problem}."
                raise EmbeddedServerError(message) from problem
            return self.servers

    def _running(self) -> tuple[Postgres, Valkey]:
        if self._postgres is None or self._valkey is None:
            raise EmbeddedServerError(f"The servers of {self._folder.path} are not started.")
        return self._postgres, self._valkey

    def _start(self) -> None:
        folder = self._folder
        folder.open()
        binaries = self._binaries or find_binaries()
        binaries = binaries.for_account(folder.account, self._state)
        record = folder.record
        self._valkey = Valkey(self._place("valkey", record.valkey_password), binaries)
        self._postgres = Postgres(self._place("postgres", record.postgres_password), binaries)
        self._valkey.start(record.valkey_port)
        self._postgres.start(record.postgres_port)
        ports = (self._postgres.port, self._valkey.port)
        if ports != (record.postgres_port, record.valkey_port):
            record.postgres_port, record.valkey_port = ports
            folder.save()

    def _place(self, server: str, password: str) -> Place:
        folder = self._folder
        return Place(
            folder=folder.home / server,
            log=folder.path / f"{server}.log",
            tag=folder.tag(server),
            password=password,
            account=folder.account,
        )
