"""The command `ordering`. Each group of commands has a module; heavy imports wait for their use."""

import sys

import click

from ordering_app.cli.bench import bench
from ordering_app.cli.catalog import catalog
from ordering_app.cli.client import client
from ordering_app.cli.graphql import graphql
from ordering_app.cli.imports import import_
from ordering_app.cli.queue import queue
from ordering_app.cli.serve import api, migrate, settings, worker
from ordering_app.cli.up import demo, up

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="product-ordering")
def ordering() -> None:
    """Capture product orders: over REST and GraphQL, at once or through the inbound queue."""


for _command in (
    up,
    demo,
    api,
    worker,
    migrate,
    catalog,
    client,
    graphql,
    import_,
    queue,
    settings,
    bench,
):
    ordering.add_command(_command)


def main() -> None:
    """Run the command line; errors that people can mend are told without a trace."""
    sys.exit(ordering(prog_name="ordering", standalone_mode=True))
