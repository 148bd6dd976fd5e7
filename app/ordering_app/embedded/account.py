"""Who the servers run as, and which folders that user can reach.

PostgreSQL refuses to run as root. When we are root, both servers run as an account without
rights, and everything they open has to be reachable for it.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from ordering_app.embedded.errors import EmbeddedServerError

# Present on practically every Unix; both are there to own nothing of value.
UNPRIVILEGED = ("nobody", "daemon")


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group of the servers; `switch` when they differ from our own (we are root)."""

    uid: int
    gid: int
    switch: bool

    @property
    def user(self) -> int | None:
        """What `subprocess` takes as `user`: None keeps ours."""
        return self.uid if self.switch else None

    @property
    def group(self) -> int | None:
        """What `subprocess` takes as `group`: None keeps ours."""
        return self.gid if self.switch else None

    @property
    def extra_groups(self) -> list[int] | None:
        """What `subprocess` takes as `extra_groups`: root's groups are dropped with root."""
        return [] if self.switch else None

    def own(self, path: Path, mode: int) -> None:
        """Give a file or folder to the account, with exactly this mode whatever the umask is."""
        if self.switch:
            os.chown(path, self.uid, self.gid)
        path.chmod(mode)


def server_account(existing: Path) -> Account:
    """Choose the account: ourselves, or when we are root the owner of an existing cluster.

    A cluster that an ordinary user made is served as that user, so that a single start as root
    does not lock its owner out. Raises EmbeddedServerError when root has nobody to become.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    if existing.exists():
        owner = existing.stat()
        if owner.st_uid != 0:
            return Account(owner.st_uid, owner.st_gid, switch=True)
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    message = (
        "PostgreSQL does not run as root, and this system has no user "
        f"{' or '.join(UNPRIVILEGED)} to run it as: start as an ordinary user."
    )
    raise EmbeddedServerError(message)


def reachable(path: Path, account: Account) -> bool:
    """Tell whether the account may pass every folder down to `path` and enter or execute it.

    Judged by the mode bits. Access lists are not looked at: where they deny more, the server's
    own message tells.
    """
    resolved = path.resolve()
    return all(_may_pass(step.stat(), account) for step in (resolved, *resolved.parents))


def write_private(path: Path, text: str, account: Account) -> None:
    """Write a new file that the account alone may read, durably; an old one is replaced.

    Never through a link or into a file that is there: as root that would be somebody's lever.
    """
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        if account.switch:
            os.fchown(descriptor, account.uid, account.gid)
        file.write(text)
        file.flush()
        os.fsync(descriptor)


def make_open_folder(path: Path) -> None:
    """Create a folder and its missing parents so that everybody may pass, whatever the umask is.

    Folders that exist keep their mode: it is somebody's decision.
    """
    for step in (*reversed(path.parents), path):
        if not step.exists():
            step.mkdir()
            step.chmod(0o755)


def _may_pass(entry: os.stat_result, account: Account) -> bool:
    if entry.st_uid == account.uid:
        return bool(entry.st_mode & stat.S_IXUSR)
    if entry.st_gid == account.gid:
        return bool(entry.st_mode & stat.S_IXGRP)
    return bool(entry.st_mode & stat.S_IXOTH)
