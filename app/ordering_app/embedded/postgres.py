"""The embedded PostgreSQL: its cluster, its settings, its readiness."""

import asyncio
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from ordering.db.driver import asyncpg
from ordering_app.embedded.account import write_private
from ordering_app.embedded.binaries import Binaries
from ordering_app.embedded.errors import EmbeddedServerError
from ordering_app.embedded.folder import TAG_PREFIX, sync_folder
from ordering_app.embedded.orphans import PROC, command_line
from ordering_app.embedded.ports import LOOPBACK
from ordering_app.embedded.server import Place, Server, describe_exit, server_environment

USER = "ordering"
DATABASE = "ordering"
INITDB_TIMEOUT = 120.0  # seconds
CONNECT_TIMEOUT = 2.0  # seconds
BUILTIN_LOCALE_SINCE = 17  # the first version with a C.UTF-8 of its own

# What holds whatever ALTER SYSTEM says. Durability is not for sale: an answered request is on
# disk. wal_compression=on is the method every build has.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "wal_compression": "on",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "password_encryption": "scram-sha-256",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

# A stranger's server may have taken the port, or ours may still be recovering.
NOT_YET = (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError)


class Postgres(Server):
    """PostgreSQL on the loopback interface, with a password."""

    title: ClassVar[str] = "PostgreSQL"
    # Fast shutdown (sessions are ended, a checkpoint is written), immediate shutdown, the end.
    stop_steps: ClassVar[tuple[tuple[signal.Signals, float], ...]] = (
        (signal.SIGINT, 20.0),
        (signal.SIGQUIT, 10.0),
        (signal.SIGKILL, 5.0),
    )

    def __init__(self, place: Place, binaries: Binaries) -> None:
        super().__init__(place)
        self._binaries = binaries

    def prepare(self) -> None:
        """Create the cluster if there is none.

        It is made beside its place and renamed when it is complete, so that a kill in between
        leaves nothing that looks like a cluster.
        """
        cluster = self.place.folder
        if cluster.exists():
            self._forget_dead_postmaster()
            return
        draft = cluster.with_name(f"{cluster.name}.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        self.place.account.own(draft, 0o700)
        secret = draft.with_name(f"{draft.name}.password")
        try:
            write_private(secret, self.place.password, self.place.account)
            self._initdb(draft, secret)
        finally:
            secret.unlink(missing_ok=True)
        draft.rename(cluster)
        sync_folder(cluster.parent)

    def _forget_dead_postmaster(self) -> None:
        """Remove a lock file whose process is not a PostgreSQL that could be using this cluster.

        PostgreSQL itself only asks whether the process id exists: after a crash it refuses to
        start for a zombie nobody collects, or for another program that was given the same id,
        both ordinary in containers. Ours would have been found and stopped by its tag.
        """
        lock = self.place.folder / "postmaster.pid"
        try:
            pid = lock.read_text().split("\n", 1)[0].strip()
        except FileNotFoundError:
            return
        if PROC.exists() and pid.isdecimal():
            command = command_line(int(pid))
            if "postgres" not in command or f"cluster_name={TAG_PREFIX}" in command:
                lock.unlink()

    def _initdb(self, cluster: Path, secret: Path) -> None:
        command = [
            self._binaries.initdb,
            *("-D", cluster, f"--pwfile={secret}", f"--username={USER}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
            *self._locale_options(),
        ]
        done = self._run(command)
        if done.returncode != 0:
            output = done.stderr.strip() or done.stdout.strip()
            message = (
                f"PostgreSQL cannot create its files in {cluster.parent} "
                f"({describe_exit(done.returncode)}): {output}"
            )
            raise EmbeddedServerError(message)

    def _locale_options(self) -> tuple[str, ...]:
        """Choose C.UTF-8: byte order for sorting, Unicode for upper and lower, the same anywhere.

        Built in since version 17; before that it has to be one of the system's locales.
        """
        version = re.search(r"\d+", self._run([self._binaries.postgres, "--version"]).stdout)
        if version and int(version[0]) >= BUILTIN_LOCALE_SINCE:
            return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        return ("--locale=C.UTF-8",)

    def _run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        account = self.place.account
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=INITDB_TIMEOUT,
            cwd="/",
            env=server_environment(),
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
            start_new_session=True,
        )

    def command(self, port: int) -> Sequence[str | Path]:
        """Return the server's command line; it holds no secret, since everybody can read it."""
        settings = SETTINGS | {"port": str(port), "cluster_name": self.place.tag}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._binaries.postgres, "-D", self.place.folder, *options]

    def working_folder(self) -> Path:
        """Return a folder that every account can enter; the server goes to its own by itself."""
        return Path("/")

    def url(self, port: int, database: str = DATABASE) -> str:
        """Return the address for asyncpg.

        `sslmode=disable`, since a driver that prefers TLS first looks for certificates in a home
        folder that may not be readable, and the loopback interface needs none.
        """
        password = self.place.password
        return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{database}?sslmode=disable"

    def answers(self, port: int) -> bool:
        """Log in and ask something; creates the database when it is not there yet.

        In a thread of its own, because the caller's may be running an event loop.
        """
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, self._answers(port)).result()

    async def _answers(self, port: int) -> bool:
        try:
            await self._execute(port, DATABASE, "SELECT 1")
        except asyncpg.InvalidCatalogNameError:
            await self._execute(port, "postgres", f'CREATE DATABASE "{DATABASE}"')
        except asyncpg.InvalidAuthorizationSpecificationError as problem:
            message = f"PostgreSQL refuses the password recorded for it: {problem}."
            raise EmbeddedServerError(message) from problem
        except NOT_YET:
            return False
        return True

    async def _execute(self, port: int, database: str, statement: str) -> None:
        driver = asyncpg
        connection = await driver.connect(self.url(port, database), timeout=CONNECT_TIMEOUT)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
