"""An import from its beginning, or from where the last run stopped, to its end."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import httpx
import msgspec

from ordering_app.importing.blocks import Block, read_blocks
from ordering_app.importing.checkpoint import (
    Checkpoint,
    CheckpointError,
    Digest,
    load_checkpoint,
    save_checkpoint,
    skip_done,
)
from ordering_app.importing.sending import Sender

__all__ = ["Files", "import_file", "import_stream"]

OnProgress = Callable[[Checkpoint], None]


class Files(msgspec.Struct, frozen=True):
    """The file of an import, and what is written beside it."""

    source: Path

    @property
    def checkpoint(self) -> Path:
        """How far the import is."""
        return self.source.with_name(self.source.name + ".import.json")

    @property
    def failed(self) -> Path:
        """The lines that were refused: `orders.ndjson.failed.ndjson`."""
        return self.source.with_name(self.source.name + ".failed.ndjson")


def import_file(
    files: Files, http: httpx.Client, user: str, say: Callable[[str], None], on_progress: OnProgress
) -> Checkpoint:
    """Import a file; returns where the import stands at its end.

    Raises `CheckpointError`, `LineTooLongError`, `RefusedError`, `UnreachableError` or `OSError`;
    then the checkpoint tells from where to go on.
    """
    with files.source.open("rb") as source:
        _lock(source, files.source)
        checkpoint = load_checkpoint(files.checkpoint, str(http.base_url), user)
        digest = skip_done(source, checkpoint, files.checkpoint)
        _pass_end(source, checkpoint, digest)
        on_progress(checkpoint)
        if checkpoint.finished and checkpoint.offset == os.fstat(source.fileno()).st_size:
            return checkpoint
        checkpoint.finished = False
        with files.failed.open("r+b" if files.failed.exists() else "x+b") as failed:
            if failed.seek(0, os.SEEK_END) < checkpoint.failed_bytes:
                raise CheckpointError(
                    f"{files.failed} is not whole; put it back, or delete {files.checkpoint}"
                )
            # What lies behind was noted by a run that was killed before its checkpoint.
            failed.seek(checkpoint.failed_bytes)
            failed.truncate()
            save_checkpoint(files.checkpoint, checkpoint)
            sender = Sender(http, failed, say)
            for block in read_blocks(source):
                _send(sender, block, checkpoint)
                failed.flush()
                os.fsync(failed.fileno())
                digest.update(block)
                checkpoint.failed_bytes = failed.tell()
                checkpoint.sha256 = digest.hexdigest()
                save_checkpoint(files.checkpoint, checkpoint)
                on_progress(checkpoint)
    checkpoint.finished = True
    save_checkpoint(files.checkpoint, checkpoint)
    return checkpoint


def import_stream(
    source: BinaryIO,
    failed: BinaryIO,
    http: httpx.Client,
    say: Callable[[str], None],
    on_progress: OnProgress,
) -> Checkpoint:
    """Import what cannot be read twice; raises as `import_file` does, and nothing goes on."""
    checkpoint = Checkpoint(url="", user="", key=os.urandom(16).hex())
    sender = Sender(http, failed, say)
    for block in read_blocks(source):
        _send(sender, block, checkpoint)
        on_progress(checkpoint)
    checkpoint.finished = True
    return checkpoint


def _send(sender: Sender, block: Block, checkpoint: Checkpoint) -> None:
    """Send a block under the key of its place, and count it."""
    counts = sender.send(block, f"{checkpoint.key}-{checkpoint.offset}", checkpoint.lines + 1)
    checkpoint.offset += len(block)
    checkpoint.lines += block.lines
    checkpoint.accepted += counts.accepted
    checkpoint.duplicates += counts.duplicates
    checkpoint.refused += counts.refused


def _pass_end(source: BinaryIO, checkpoint: Checkpoint, digest: Digest) -> None:
    """Pass the end of the last line that is done, if it was written later than the line.

    Raises `CheckpointError` if the line itself is longer now: it is an order as it was.
    """
    if checkpoint.offset == 0:
        return
    source.seek(checkpoint.offset - 1)
    if source.read(1) == b"\n":
        return
    following = source.read(1)
    if following not in (b"", b"\n"):
        raise CheckpointError(f"line {checkpoint.lines} was imported, and goes on now")
    digest.update(following)
    checkpoint.offset += len(following)
    checkpoint.sha256 = digest.hexdigest()


def _lock(source: BinaryIO, path: Path) -> None:
    """Keep the file to this run: two would write the same checkpoint."""
    try:
        fcntl.flock(source, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CheckpointError(f"{path} is being imported by another process") from error
