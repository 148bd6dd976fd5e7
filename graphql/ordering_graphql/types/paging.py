"""The arguments that every connection has."""

from strawberry.types.arguments import StrawberryArgument

from ordering_graphql.reading import argument

__all__ = ["DEFAULT_PAGE", "MOST_PER_PAGE", "page_arguments"]

#: For lists that may be of any length; lists within an order have limits of their own.
MOST_PER_PAGE = 100
DEFAULT_PAGE = 20


def page_arguments(most: int) -> list[StrawberryArgument]:
    """Declare `first` and `after`, `last` and `before`."""
    return [
        argument(
            "first",
            int | None,
            f"How many from the beginning, or after `after`: 1 to {most}; {DEFAULT_PAGE} if"
            " neither `first` nor `last` is given.",
        ),
        argument("after", str | None, "A cursor of this list; those behind it are meant."),
        argument("last", int | None, f"How many from the end, or before `before`: 1 to {most}."),
        argument("before", str | None, "A cursor of this list; those ahead of it are meant."),
    ]
