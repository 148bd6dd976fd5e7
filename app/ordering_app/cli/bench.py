"""`ordering bench`: how near to the limits this installation is."""

import asyncio
import signal
import sys
from pathlib import Path

import click

from ordering_app.bench import PATHS
from ordering_app.cli.common import fail, read_settings, run

__all__ = ["bench"]


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1),
    default=5.0,
    show_default=True,
    help="Length of one measurement.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often everything is measured, in turn.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write everything that was measured to this file.",
)
@click.option(
    "--only", multiple=True, type=click.Choice(PATHS), help="Measure this path; repeatable."
)
@click.option(
    "--i-know-this-writes",
    "writes_allowed",
    is_flag=True,
    help="Use ORDERING_DATABASE_URL and ORDERING_REDIS_URL: fills and empties their tables.",
)
def bench(
    *,
    seconds: float,
    rounds: int,
    json_file: Path | None,
    only: tuple[str, ...],
    writes_allowed: bool,
) -> None:
    """Measure each path through the service beside its ceiling, in one run, and compare.

    Starts a PostgreSQL and a Valkey of its own in a temporary folder. Ends with exit code 1 when
    a request failed.
    """
    import msgspec
    from rich.console import Console

    from ordering.db.failures import DATABASE_AWAY
    from ordering.db.migrate import MigrationError
    from ordering_app.bench.model import BenchError
    from ordering_app.bench.report import Report
    from ordering_app.bench.run import Options, run_bench
    from ordering_app.bench.table import print_report
    from ordering_app.embedded import EmbeddedServerError
    from ordering_app.supervisor import SupervisorError

    options = Options(seconds=seconds, rounds=rounds, only=only, writes_allowed=writes_allowed)
    settings = read_settings()

    async def measure() -> Report:
        # SIGTERM as Ctrl-C: what was started is stopped.
        task = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, lambda: task and task.cancel()
        )
        return await run_bench(settings, options, lambda line: click.echo(line, err=True))

    try:
        report = run(measure())
    except (
        BenchError,
        EmbeddedServerError,
        MigrationError,
        SupervisorError,
        *DATABASE_AWAY,
    ) as error:
        fail(str(error))
    except asyncio.CancelledError:
        fail("stopped")
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    print_report(report, Console(width=None if sys.stdout.isatty() else 160))
    if report.refused:
        fail(f"{report.refused} requests or records failed")
