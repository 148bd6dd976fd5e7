"""The data folder: who uses it now, its secrets and ports, and where the servers' files are.

Layout:

    embedded.lock      held while the servers run; names the process that holds it
    embedded.json      instance id, passwords, ports, and `home` when it is elsewhere; mode 0600
    postgres.log(.1)   valkey.log(.1)
    postgres/          the cluster, owned by the servers' account ┐ in the data folder itself, or
    valkey/            the append-only file                       ┘ in `home`
"""

import errno
import fcntl
import hashlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO

import msgspec

from ordering_app.embedded.account import (
    Account,
    make_open_folder,
    reachable,
    server_account,
    write_private,
)
from ordering_app.embedded.errors import EmbeddedServerError

# For a start as root whose data folder the servers' account cannot reach.
STATE = Path("/var/lib/product-ordering")

# Starts the mark of every server of ours, whichever folder it serves.
TAG_PREFIX = "ordering-"


class Record(msgspec.Struct):
    """What has to be the same at the next start; the ports are a wish."""

    instance: str
    postgres_password: str
    valkey_password: str
    postgres_port: int = 0
    valkey_port: int = 0
    home: str | None = None


class FolderLock:
    """An exclusive use of a folder; the system takes it back when the process ends, however."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "embedded.lock"
        self._file: BinaryIO | None = None

    def acquire(self) -> None:
        """Take the lock at once or raise EmbeddedServerError naming the process that has it."""
        file = self._path.open("a+b")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            file.seek(0)
            holder = file.read().decode(errors="replace").strip() or "unknown"
            file.close()
            if problem.errno not in {errno.EAGAIN, errno.EACCES}:
                raise
            message = (
                f"The data folder {self._path.parent} is in use by another start of the service "
                f"(process {holder}): stop that one, or choose another folder."
            )
            raise EmbeddedServerError(message) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n".encode())
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give the lock back; nothing if it is not held."""
        if self._file:
            self._file.close()
            self._file = None


class DataFolder:
    """An opened and locked data folder; close it when the servers have stopped."""

    def __init__(self, data: Path, state: Path) -> None:
        self.path = data.resolve()
        self.record = Record("", "", "")
        self.home = self.path
        self.account = Account(os.geteuid(), os.getegid(), switch=False)
        self._state = state
        self._locks: list[FolderLock] = []

    def open(self) -> None:
        """Create or read the folder, lock it, decide who serves and where the files are.

        Raises EmbeddedServerError when the folder is in use or cannot be served, and OSError
        when it cannot be read or written.
        """
        # Passable, since another account's folder is below it when we are root; its secrets are
        # closed each by its own mode.
        make_open_folder(self.path)
        self._lock(self.path)
        self.record = self._load()
        self.home = Path(self.record.home) if self.record.home else self.path
        self.account = server_account(self.home / "postgres")
        if self.record.home:
            self._check_recorded_home()
        elif not reachable(self.path, self.account):
            self._move_home()
        if self.home != self.path:
            # A copied data folder names the same home: two servers must not share it.
            self._lock(self.home)

    def close(self) -> None:
        """Let others use the folder."""
        while self._locks:
            self._locks.pop().release()

    def tag(self, server: str) -> str:
        """Return the mark of this folder's server in the list of processes.

        Made of the instance and the place, so that a copy of the folder has another one.
        """
        place = f"{self.record.instance}:{self.home}"
        return f"{TAG_PREFIX}{hashlib.sha256(place.encode()).hexdigest()[:16]}-{server}"

    def save(self) -> None:
        """Write the record durably: a lost password would lock us out of the cluster."""
        target = self.path / "embedded.json"
        draft = self.path / "embedded.json.new"
        # A start as root must not take the file away from the folder's owner.
        entry = self.path.stat()
        owner = Account(entry.st_uid, entry.st_gid, switch=os.geteuid() == 0)
        text = msgspec.json.format(msgspec.json.encode(self.record)).decode()
        write_private(draft, text, owner)
        draft.replace(target)
        sync_folder(self.path)

    def _lock(self, folder: Path) -> None:
        lock = FolderLock(folder)
        lock.acquire()
        self._locks.append(lock)

    def _load(self) -> Record:
        target = self.path / "embedded.json"
        try:
            return msgspec.json.decode(target.read_bytes(), type=Record)
        except FileNotFoundError:
            if (self.path / "postgres").exists():
                message = (
                    f"{self.path} holds a database, but its passwords in {target.name} are gone: "
                    "bring that file back, or remove the folder to begin anew."
                )
                raise EmbeddedServerError(message) from None
        except msgspec.DecodeError as problem:
            message = (
                f"{target} cannot be read ({problem}): bring it back, or remove the folder "
                f"{self.path} to begin anew."
            )
            raise EmbeddedServerError(message) from problem
        self.record = Record(
            instance=secrets.token_hex(16),
            postgres_password=secrets.token_hex(16),
            valkey_password=secrets.token_hex(16),
        )
        self.save()
        return self.record

    def _check_recorded_home(self) -> None:
        if not self.home.exists():
            message = (
                f"The database of {self.path} was kept in {self.home}, which is gone: bring it "
                f"back, or remove {self.path} to begin anew."
            )
            raise EmbeddedServerError(message)

    def _move_home(self) -> None:
        """Keep the servers' files in the state folder, since their account cannot reach ours."""
        if (self.path / "postgres").exists():
            message = (
                f"The database in {self.path} cannot be reached by the user with id "
                f"{self.account.uid}, as which PostgreSQL has to run: a folder above it is closed "
                "to others. Open it (chmod o+x), or start as the folder's owner."
            )
            raise EmbeddedServerError(message)
        home = self._state / "instances" / self.record.instance
        make_open_folder(home)
        if not reachable(home, self.account):
            message = (
                f"PostgreSQL has to run as the user with id {self.account.uid}, who can reach "
                f"neither {self.path} nor {home}: choose a data folder whose parents are open to "
                "others (chmod o+x), or start as an ordinary user."
            )
            raise EmbeddedServerError(message)
        self.home = home
        self.record.home = str(home)
        self.save()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable (files are synced by whoever writes them)."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
