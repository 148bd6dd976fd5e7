"""How much a document may ask for, found out before anything costly is done with it.

A short document can have fragments that spread each other so often that walking them takes for
ever. Here each fragment is measured once; and it happens before validation, whose time grows with
the square of the fields.
"""

from collections.abc import Iterable
from typing import NamedTuple, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
)

__all__ = [
    "MAX_ALIASES",
    "MAX_BODY_BYTES",
    "MAX_DEPTH",
    "MAX_DIRECTIVES",
    "MAX_FIELDS",
    "MAX_TOKENS",
    "measure",
]

MAX_BODY_BYTES = 64 * 1024
MAX_TOKENS = 2_000
#: Six levels of line items within each other, and what is below them.
MAX_DEPTH = 16
MAX_ALIASES = 30
MAX_DIRECTIVES = 50
MAX_FIELDS = 500


def measure(document: DocumentNode) -> list[GraphQLError]:
    """Tell in which ways a document asks for too much."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    measured = _Measure(document)
    sizes = [measured.of(node.selection_set.selections) for node in operations]
    return [
        GraphQLError(f"The document has too many {what}; allowed are {most}")
        for what, most, found in (
            ("levels", MAX_DEPTH, max((size.depth for size in sizes), default=0)),
            ("aliases", MAX_ALIASES, sum(size.aliases for size in sizes)),
            ("fields", MAX_FIELDS, sum(size.fields for size in sizes)),
            ("directives", MAX_DIRECTIVES, sum(size.directives for size in sizes)),
        )
        if found > most
    ]


class _Size(NamedTuple):
    """Of a selection with its fragments put in: fields, spreads and inline fragments are levels."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0


class _Measure:
    """Measures selections, and each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def of(self, selections: Iterable[SelectionNode]) -> _Size:
        """Measure selections."""
        sizes = [self._of_one(selection) for selection in selections]
        return _Size(
            max((size.depth for size in sizes), default=0),
            sum(size.aliases for size in sizes),
            sum(size.fields for size in sizes),
            sum(size.directives for size in sizes),
        )

    def _of_one(self, node: SelectionNode) -> _Size:
        directives = len(node.directives or ())
        if isinstance(node, FragmentSpreadNode):
            below = self._of_fragment(node.name.value)
        else:
            inner = cast("FieldNode | InlineFragmentNode", node).selection_set
            below = self.of(inner.selections) if inner else _Size()
        if not isinstance(node, FieldNode):
            return below._replace(depth=1 + below.depth, directives=directives + below.directives)
        return _Size(
            # What the schema says of itself nests deeply, and is read from memory.
            depth=0 if node.name.value.startswith("__") else 1 + below.depth,
            aliases=below.aliases + (node.alias is not None),
            fields=below.fields + 1,
            directives=below.directives + directives,
        )

    def _of_fragment(self, name: str) -> _Size:
        if name not in self._known:
            # Unknown fragments and those within themselves are told by the validation.
            self._known[name] = _Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self.of(fragment.selection_set.selections)
        return self._known[name]
