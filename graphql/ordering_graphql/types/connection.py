"""Pages, as Relay describes connections, with `nodes` as a shorter way."""

from typing import Generic, TypeVar

import strawberry

from ordering_graphql.reading import Part, declare

__all__ = ["Connection", "Edge", "PageInfo"]

NodeType = TypeVar("NodeType")


@strawberry.type(description="Where a page begins and ends, and what lies beyond.")
class PageInfo:
    """Where a page is."""

    has_next_page: bool = declare("Whether a page follows.", Part.HAS_NEXT)
    has_previous_page: bool = declare("Whether a page precedes.", Part.HAS_PREVIOUS)
    start_cursor: str | None = declare("Cursor of the first node of the page.", Part.START)
    end_cursor: str | None = declare("Cursor of the last node of the page.", Part.END)


@strawberry.type(description="A node of a page, and where it is.")
class Edge(Generic[NodeType]):
    """A node with its cursor."""

    cursor: str = declare("Where the node is in this order; for `after` and `before`.", Part.CURSOR)
    node: NodeType = declare("The node.", Part.NODE)


@strawberry.type(description="A page.")
class Connection(Generic[NodeType]):
    """A page of nodes."""

    edges: list[Edge[NodeType]] = declare("The nodes of this page with cursors.", Part.EDGES)
    nodes: list[NodeType] = declare("The nodes of this page.", Part.NODES)
    page_info: PageInfo = declare("Where this page is.", Part.PAGE_INFO)
    total_count: int = declare("How many there are on all pages together.", Part.TOTAL_COUNT)
