"""A process that starts the servers, tells what it did, and holds them until it is killed.

Usage: holder.py DATA STATE [USER], the last one to become that user first (from root).
"""

import codecs
import os
import pwd
import sys
from pathlib import Path

import msgspec

from ordering_app.embedded import Embedded
from ordering_app.embedded.account import Account
from ordering_app.embedded.binaries import find_binaries


def main(data: Path, state: Path, user: str | None = None) -> None:
    """Start the servers, print them as JSON, stop them when the input ends."""
    binaries = find_binaries()
    if user:
        # Sockets load it late, when its folder may be out of reach.
        codecs.lookup("idna")
        entry = pwd.getpwnam(user)
        account = Account(entry.pw_uid, entry.pw_gid, switch=True)
        binaries = binaries.for_account(account, state)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    with Embedded(data, state=state, binaries=binaries) as servers:
        sys.stdout.write(msgspec.json.encode(servers).decode() + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
