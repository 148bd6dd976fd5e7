"""`ordering catalog load`: reference data from files."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from ordering.catalog.loading import CatalogError, LoadSummary, load_file
from ordering.db.engine import Database
from ordering.domain.errors import RetryableError
from ordering_app.cli.common import fail, read_settings, require_database, run

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Manage the reference data that orders point at."""


@catalog.command()
@click.argument(
    "paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
def load(paths: tuple[Path, ...]) -> None:
    """Load YAML, JSON or NDJSON files, each wholly or not at all.

    The format is in docs/catalog-format.md. A file with problems is not loaded, its problems are
    listed with their places, and the files after it are not tried.
    """
    url = require_database(read_settings())
    try:
        run(_load(url, paths))
    except (CatalogError, RetryableError, OSError) as error:
        fail(str(error))


async def _load(url: str, paths: tuple[Path, ...]) -> None:
    database = Database(url, pool_size=1)
    await database.open()
    try:
        for path in paths:
            click.echo(_show(path, await _load_one(database, path)))
    finally:
        await database.close()


async def _load_one(database: Database, path: Path) -> LoadSummary:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(file=sys.stderr)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(path.name, total=None)

        def on_progress(done: int, size: int) -> None:
            bar.update(task, completed=done, total=size)

        return await load_file(database, path, on_progress)


def _show(path: Path, summary: LoadSummary) -> str:
    counts = ", ".join(
        f"{kind} {count.created} new, {count.updated} replaced"
        for kind, count in summary.kinds.items()
    )
    return f"{path}: {counts or 'nothing'}; catalog revision {summary.revision}"
