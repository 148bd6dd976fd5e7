"""How much a document may ask for, found out before it is validated.

A short document can have fragments that spread each other so often that walking them takes for
ever. Here each fragment is measured once; those that no operation spreads are refused, since they
would be validated as well. The time of validation grows with the square of the fields that have the
same name in the answer, so that square is bounded.
"""

from collections import Counter
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
    Visitor,
    visit,
)

__all__ = [
    "MAX_ALIASES",
    "MAX_ALIAS_LETTERS",
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
#: Letters of an alias, which is written into the answer as often as there are rows.
MAX_ALIAS_LETTERS = 64
#: Pairs of fields with one name in the answer, as they are written in the document.
MAX_PAIRS = 5_000


def measure(document: DocumentNode) -> list[GraphQLError]:
    """Tell in which ways a document asks for too much, and which fragments it does not use."""
    operations = [
        node for node in document.definitions if isinstance(node, OperationDefinitionNode)
    ]
    measured = _Measure(document)
    sizes = [measured.of(node.selection_set.selections) for node in operations]
    written = _Written()
    visit(document, written)
    return _too_many(sizes) or written.faults() or measured.unused()


def _too_many(sizes: list["_Size"]) -> list[GraphQLError]:
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


class _Written(Visitor):
    """The fields as they are written, whether or not an operation has them."""

    def __init__(self) -> None:
        super().__init__()
        self._names: Counter[str] = Counter()

    def enter_field(self, node: FieldNode, *_: object) -> None:
        """Count a field by its name in the answer."""
        self._names[(node.alias or node.name).value] += 1

    def faults(self) -> list[GraphQLError]:
        """Tell of names that are too long or too many."""
        faults: list[GraphQLError] = []
        if any(len(name) > MAX_ALIAS_LETTERS for name in self._names):
            faults.append(
                GraphQLError(f"An alias may have {MAX_ALIAS_LETTERS} letters, and one has more")
            )
        if sum(found * found for found in self._names.values()) > MAX_PAIRS:
            faults.append(GraphQLError("The document has too many fields of the same name"))
        return faults


class _Measure:
    """Measures selections, and each fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        self._known: dict[str, _Size] = {}

    def unused(self) -> list[GraphQLError]:
        """Tell which fragments no operation that was measured spreads."""
        return [
            GraphQLError(f"Fragment '{name}' is never used.", node)
            for name, node in self._fragments.items()
            if name not in self._known
        ]

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
