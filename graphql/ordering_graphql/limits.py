"""How much a document may ask for, found out before anything costly is done with it.

Strawberry's own limiters walk a fragment once for each of its spreads, which a short document can
make take for ever, as it can the reading of selections afterwards. Here each fragment is measured
once; and it happens before validation, whose time grows with the square of the fields.
"""

from collections.abc import Generator, Iterable
from typing import NamedTuple

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
from strawberry.extensions import SchemaExtension

from ordering_graphql.context import Context

__all__ = ["MAX_ALIASES", "MAX_BODY_BYTES", "MAX_DEPTH", "MAX_FIELDS", "MAX_TOKENS", "Limits"]

MAX_BODY_BYTES = 64 * 1024
MAX_TOKENS = 2_000
MAX_DEPTH = 10
MAX_ALIASES = 15
MAX_FIELDS = 500


class Limits(SchemaExtension):
    """Refuses documents that ask for too much, and those that do not say what to run."""

    def on_operation(self) -> Generator[None]:
        """Let the parser stop at the last token allowed."""
        self.execution_context.parse_options["max_tokens"] = MAX_TOKENS
        yield

    def on_validate(self) -> Generator[None]:
        """Refuse a document; Strawberry then leaves its validation out."""
        document = self.execution_context.graphql_document
        if document is not None:
            errors = [GraphQLError(message) for message in self._faults(document)]
            self.execution_context.pre_execution_errors = errors or None
        yield

    def _faults(self, document: DocumentNode) -> Iterable[str]:
        operations = [
            node for node in document.definitions if isinstance(node, OperationDefinitionNode)
        ]
        context = self.execution_context.context
        named = isinstance(context, Context) and context.operation_name is not None
        if len(operations) > 1 and not named:
            # Strawberry would run the first: to it, a name left out is that of the first.
            yield "Must provide operation name if query contains multiple operations."
        measure = _Measure(document)
        sizes = [measure.of(node.selection_set.selections) for node in operations]
        for what, most, found in (
            ("levels", MAX_DEPTH, max((size.depth for size in sizes), default=0)),
            ("aliases", MAX_ALIASES, sum(size.aliases for size in sizes)),
            ("fields", MAX_FIELDS, sum(size.fields for size in sizes)),
        ):
            if found > most:
                yield f"The document has too many {what}; allowed are {most}"


class _Size(NamedTuple):
    """Of a selection with its fragments put in: fields, spreads and inline fragments are levels."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0


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
        )

    def _of_one(self, node: SelectionNode) -> _Size:
        if isinstance(node, FragmentSpreadNode):
            depth, aliases, fields = self._of_fragment(node.name.value)
            return _Size(1 + depth, aliases, fields)
        if isinstance(node, InlineFragmentNode):
            depth, aliases, fields = self.of(node.selection_set.selections)
            return _Size(1 + depth, aliases, fields)
        if not isinstance(node, FieldNode):
            return _Size()
        below = self.of(node.selection_set.selections) if node.selection_set else _Size()
        # What the schema says of itself nests deeply, and is read from memory.
        depth = 0 if node.name.value.startswith("__") else 1 + below.depth
        return _Size(depth, below.aliases + (node.alias is not None), below.fields + 1)

    def _of_fragment(self, name: str) -> _Size:
        if name not in self._known:
            # Unknown fragments and those within themselves are told by the validation.
            self._known[name] = _Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                self._known[name] = self.of(fragment.selection_set.selections)
        return self._known[name]
