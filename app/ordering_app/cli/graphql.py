"""`ordering graphql schema`: the schema that portals are written against."""

import click

__all__ = ["graphql"]


@click.group()
def graphql() -> None:
    """Tell about the GraphQL face."""


@graphql.command()
def schema() -> None:
    """Print the schema as SDL; `graphql/schema.graphql` is kept from it."""
    from ordering_graphql.schema import print_sdl

    click.echo(print_sdl(), nl=False)
