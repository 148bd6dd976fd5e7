"""Log files of child processes: one file per process and run, and the end of it for messages."""

import os
from pathlib import Path
from typing import BinaryIO

TAIL_LINES = 12
TAIL_BYTES = 8_192


def open_log(path: Path, *, fresh: bool) -> BinaryIO:
    """Open a log for appending; `fresh` first puts the previous run's log aside as `<name>.1`.

    At most two runs are kept, so that the folder does not grow with the number of starts.
    """
    if fresh and path.exists():
        path.replace(path.with_name(f"{path.name}.1"))
    # Statements in PostgreSQL's log hold customers' data: for our eyes only.
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    return os.fdopen(descriptor, "ab")


def last_lines(path: Path) -> str:
    """Return the last lines of a log, indented for use inside a message; never raises OSError."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return "    (no log)"
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:]) or "    (the log is empty)"
