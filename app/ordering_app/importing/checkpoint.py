"""How far an import is, kept beside the file so that the next run goes on from there.

Written after each block whose results are known, whole or not at all. What was sent and not noted
is sent again under the key that it had, and is answered, not done again.
"""

import hashlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

__all__ = [
    "Checkpoint",
    "CheckpointError",
    "Digest",
    "load_checkpoint",
    "save_checkpoint",
    "skip_done",
]

_PIECE = 1024 * 1024


class CheckpointError(Exception):
    """The checkpoint is about another file or service, or cannot be read."""


class Digest(Protocol):
    """A hash of the bytes that are done; hashlib names no public type for it."""

    def update(self, data: bytes, /) -> None:
        """Add further bytes."""
        ...

    def hexdigest(self) -> str:
        """Tell the hash so far."""
        ...


class Checkpoint(msgspec.Struct, kw_only=True):
    """How far an import is: bytes and lines that are done, and what became of the lines.

    `failed_bytes` is the length of the file of failures at this point; `sha256` that of the bytes
    that are done, which must not change between runs.
    """

    url: str
    user: str
    key: str
    offset: int = 0
    lines: int = 0
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    failed_bytes: int = 0
    sha256: str = hashlib.sha256().hexdigest()
    finished: bool = False


def load_checkpoint(path: Path, url: str, user: str) -> Checkpoint:
    """Load a checkpoint, or begin a new one. Raises `CheckpointError`."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return Checkpoint(url=url, user=user, key=secrets.token_hex(16))
    try:
        found = msgspec.json.decode(content, type=Checkpoint)
    except msgspec.DecodeError as error:
        raise CheckpointError(f"{path} is no checkpoint: {error}") from error
    if (found.url, found.user) != (url, user):
        raise CheckpointError(
            f"the import was begun at {found.url} as {found.user}; to begin anew, delete {path}"
        )
    return found


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Save a checkpoint durably."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(checkpoint)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def skip_done(file: BinaryIO, checkpoint: Checkpoint, path: Path) -> Digest:
    """Go to where an import stopped; returns the hash of what is before.

    Raises `CheckpointError` if that is not what was imported.
    """
    digest = hashlib.sha256()
    left = checkpoint.offset
    while left and (piece := file.read(min(left, _PIECE))):
        digest.update(piece)
        left -= len(piece)
    if digest.hexdigest() != checkpoint.sha256:
        raise CheckpointError(
            f"the first {checkpoint.offset} bytes of the file are not those that were imported; "
            f"to import it from its beginning, delete {path}"
        )
    return digest
