"""What everything with an identity has in common."""

import strawberry

from ordering_graphql.reading import identity

__all__ = ["Node"]


@strawberry.interface(description="Anything with an identity that is unique over all types.")
class Node:
    """An object that clients can keep by its id."""

    id: strawberry.ID = identity()
