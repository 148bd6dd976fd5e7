"""`ordering bench`: how near to the limits this installation is."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import click

from ordering_app.bench import PATHS
from ordering_app.cli.common import fail, read_settings, run

__all__ = ["bench"]

Measured = TypeVar("Measured")

#: What a plot can be written as.
_DRAWN = (".svg", ".png")


def _read_plot(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
    if file is not None and file.suffix.lower() not in _DRAWN:
        raise click.BadParameter(f"must end in {' or '.join(_DRAWN)}")
    return file


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
    "--plot",
    "plot_file",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=_read_plot,
    help="Draw throughput and latency into this file, .svg or .png; needs the extra `bench`.",
)
@click.option(
    "--growth",
    is_flag=True,
    help="Instead of comparing: measure with ever more stored orders, and ever longer ones.",
)
@click.option(
    "--stored",
    multiple=True,
    type=click.IntRange(min=10),
    help="With --growth: so many stored orders; repeatable.  [default: 1000, 100000, 1000000]",
)
@click.option(
    "--lines",
    multiple=True,
    type=click.IntRange(1, 5_000),
    help="With --growth: orders of so many lines; repeatable.  [default: 1, 10, 100, 1000, 5000]",
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
    plot_file: Path | None,
    growth: bool,
    stored: tuple[int, ...],
    lines: tuple[int, ...],
    writes_allowed: bool,
) -> None:
    """Measure each path through the service beside its ceiling, in one run, and compare.

    Starts a PostgreSQL and a Valkey of its own in a temporary folder. Ends with exit code 1 when
    a request failed.
    """
    from rich.console import Console

    from ordering_app.bench.growth.model import Sizes
    from ordering_app.bench.growth.run import run_growth
    from ordering_app.bench.growth.table import print_growth
    from ordering_app.bench.plot import draw_growth, draw_report
    from ordering_app.bench.run import Options, run_bench
    from ordering_app.bench.table import print_report

    if ((stored or lines) and not growth) or (only and growth):
        raise click.UsageError("--stored and --lines go with --growth, --only without it")
    settings = read_settings()
    console = Console(width=None if sys.stdout.isatty() else 160)
    if growth:
        # Whoever names sizes of one kind wants no others.
        default = Sizes() if not (stored or lines) else Sizes(stored=(), lines=())
        sizes = Sizes(stored=stored or default.stored, lines=lines or default.lines)
        grown = _measure(
            run_growth(settings, sizes, seconds=seconds, writes_allowed=writes_allowed, say=_say),
            plot_file,
        )
        _write(grown, json_file)
        print_growth(grown, console)
        if plot_file is not None:
            draw_growth(grown, plot_file)
        refused = grown.refused
    else:
        options = Options(seconds=seconds, rounds=rounds, only=only, writes_allowed=writes_allowed)
        report = _measure(run_bench(settings, options, _say), plot_file)
        _write(report, json_file)
        print_report(report, console)
        if plot_file is not None:
            draw_report(report, plot_file)
        refused = report.refused
    if refused:
        fail(f"{refused} requests or records failed")


def _say(line: str) -> None:
    click.echo(line, err=True)


def _write(measured: object, file: Path | None) -> None:
    import msgspec

    if file is not None:
        file.write_bytes(msgspec.json.format(msgspec.json.encode(measured), indent=2) + b"\n")


def _measure(measuring: Coroutine[Any, Any, Measured], plot_file: Path | None) -> Measured:
    """Run a measurement, or end the command telling why it cannot be."""
    from ordering.db.failures import DATABASE_AWAY
    from ordering.db.migrate import MigrationError
    from ordering_app.bench.model import BenchError
    from ordering_app.bench.plot import require_plotting
    from ordering_app.embedded import EmbeddedServerError
    from ordering_app.supervisor import SupervisorError

    async def measure() -> Measured:
        # SIGTERM as Ctrl-C: what was started is stopped.
        task = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, lambda: task and task.cancel()
        )
        return await measuring

    try:
        if plot_file is not None:
            require_plotting()
        return run(measure())
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
    finally:
        measuring.close()
