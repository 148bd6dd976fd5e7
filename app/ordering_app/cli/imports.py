"""`ordering import`: orders from a file, sent to a running service."""

import os
import sys
from pathlib import Path

import click
import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ordering.settings import IMPORT_PASSWORD
from ordering_app.cli.common import fail
from ordering_app.importing.blocks import LineTooLongError
from ordering_app.importing.checkpoint import Checkpoint, CheckpointError
from ordering_app.importing.run import Files, import_file, import_stream
from ordering_app.importing.sending import RefusedError, UnreachableError

__all__ = ["import_"]

_INTERRUPTED = 130

#: What ends an import with a sentence.
_TOLD = (CheckpointError, LineTooLongError, RefusedError, UnreachableError, OSError)

#: Where the refused lines of standard input are noted.
_STREAM_FAILED = Path("stdin.failed.ndjson")

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    DownloadColumn(),
    TextColumn("{task.fields[orders]} orders, {task.fields[rate]}/s, {task.fields[failed]} failed"),
    TimeRemainingColumn(),
)


class _Display:
    """Shows on standard error how far an import is, and what it has to say meanwhile."""

    def __init__(self, file: Path, size: int | None) -> None:
        self._console = Console(file=sys.stderr)
        # Elsewhere than on a terminal a bar would be no more than an empty line.
        hidden = not self._console.is_terminal
        self.bar = Progress(*_COLUMNS, console=self._console, transient=True, disable=hidden)
        self._task = self.bar.add_task(file.name, total=size, orders=0, rate=0, failed=0)
        self._before: int | None = None

    def show(self, now: Checkpoint) -> None:
        """Show how far the import is; the rate is that of this run."""
        orders = now.accepted + now.duplicates + now.refused
        if self._before is None:
            self._before = orders
        elapsed_s = self.bar.tasks[self._task].elapsed
        rate = round((orders - self._before) / elapsed_s) if elapsed_s else 0
        self.bar.update(
            self._task, completed=now.offset, orders=orders, rate=rate, failed=now.refused
        )

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True, dir_okay=False))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The service.")
@click.option("--user", required=True, help="The client to call it as.")
def import_(file: Path, url: str, user: str) -> None:
    """Have the orders of FILE accepted, one per line; `-` reads standard input.

    The client's password is read from ORDERING_IMPORT_PASSWORD, else asked for. Lines that are
    refused are noted in FILE.failed.ndjson. After an interruption the same command goes on where
    it stopped, by FILE.import.json. Exit code 0 means that every line is an order or waits to be
    one.
    """
    is_stream = str(file) == "-"
    if not is_stream and not file.exists():
        fail(f"there is no file {file}")
    password = os.environ.get(IMPORT_PASSWORD) or _ask()
    display = _Display(file, None if is_stream else file.stat().st_size)
    with httpx.Client(base_url=url, auth=httpx.BasicAuth(user, password)) as http, display.bar:
        try:
            if is_stream:
                with _STREAM_FAILED.open("w+b") as failed:
                    source = sys.stdin.buffer
                    done = import_stream(source, failed, http, display.say, display.show)
            else:
                done = import_file(Files(file), http, user, display.say, display.show)
        except KeyboardInterrupt:
            display.say("interrupted" if is_stream else "interrupted; the same command goes on")
            raise click.exceptions.Exit(_INTERRUPTED) from None
        except _TOLD as error:
            fail(str(error))
    counts = f"{done.accepted} accepted, {done.duplicates} duplicates, {done.refused} refused"
    click.echo(f"{file}: {counts}")
    if done.refused:
        raise click.exceptions.Exit(1)


def _ask() -> str:
    return click.prompt("Password", hide_input=True, err=True)
