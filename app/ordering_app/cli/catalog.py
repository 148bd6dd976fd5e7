"""`ordering catalog load`: reference data from files."""

import click

__all__ = ["catalog"]


@click.group()
def catalog() -> None:
    """Manage the reference data that orders point at."""
