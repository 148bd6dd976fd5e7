"""The report for people: one row per comparison, failures in red."""

from rich.console import Console
from rich.table import Table

from ordering_app.bench.report import ContenderResult, Report, Row, Spread

__all__ = ["print_report"]


def print_report(report: Report, console: Console) -> None:
    """Print the table, then every contender whose requests failed."""
    machine = report.machine
    table = Table(
        title=f"{report.rounds} round(s) of {report.seconds:g} s; {machine.processors} × "
        f"{machine.processor_model}, {machine.memory_gib:g} GiB, Python {machine.python}, "
        f"PostgreSQL {machine.postgres}",
        show_lines=True,
    )
    for name in ("path", "ceiling"):
        table.add_column(name, overflow="fold")
    for name in ("path: median (range)", "ceiling: median (range)", "ratio (range)", "goal"):
        table.add_column(name, justify="right")
    table.add_column("failed", justify="right")
    for row in report.rows:
        table.add_row(*_cells(row, report))
    console.print(table)
    for result in report.contenders.values():
        if result.refused:
            console.print(
                f"FAILED: {result.title}: {result.refused} times, first: {result.complaint}",
                style="bold red",
                markup=False,
            )


def _cells(row: Row, report: Report) -> list[str]:
    path, ceiling = report.contenders[row.path], report.contenders[row.ceiling]
    refused = path.refused + ceiling.refused
    verdict = "[green]reached[/]" if row.reached else "[yellow]missed[/]"
    return [
        path.title,
        ceiling.title,
        _figures(path, row),
        _figures(ceiling, row),
        _spread(row.ratio, "{:.2f}"),
        f"{row.goal}\n{verdict}",
        f"[bold red]{refused}[/]" if refused else "0",
    ]


def _figures(result: ContenderResult, row: Row) -> str:
    latencies = [
        f"{name} {_spread(spread, '{:.1f}')} ms"
        for name, spread in (("p50", result.p50_ms), ("p99", result.p99_ms))
        if spread is not None
    ]
    if row.by == "p99_ms":
        return "\n".join(latencies)
    return "\n".join([f"{_spread(result.per_s, '{:,.0f}')} /s", *latencies])


def _spread(spread: Spread, form: str) -> str:
    least, most = form.format(spread.least), form.format(spread.most)
    return f"{form.format(spread.median)} ({least}–{most})"
