"""Which fields are selected, as the GraphQL specification's CollectFields has it."""

from collections.abc import Iterable, Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLAbstractType,
    GraphQLIncludeDirective,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLSkipDirective,
    InlineFragmentNode,
    NamedTypeNode,
    SelectionNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_directive_values

__all__ = ["Collected", "Collector"]

#: The nodes of each selected field by its name in the answer, in the answer's order.
Collected = Mapping[str, list[FieldNode]]


class Collector:
    """Collects the fields of an object's selections, for one set of variables."""

    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: VariableValues
    ) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            node.name.value: node
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }

    def collect(
        self, kind: GraphQLObjectType, selections: Iterable[SelectionSetNode | None]
    ) -> Collected:
        """Collect the fields of an object of a type, those of several selections merged."""
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in selections:
            if selection_set is not None:
                self._collect(kind, selection_set.selections, found, seen)
        return found

    def _collect(
        self,
        kind: GraphQLObjectType,
        selections: Iterable[SelectionNode],
        found: dict[str, list[FieldNode]],
        seen: set[str],
    ) -> None:
        for node in selections:
            if not self._included(node):
                continue
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                found.setdefault(name, []).append(node)
            elif isinstance(node, InlineFragmentNode):
                if self._fits(kind, node.type_condition):
                    self._collect(kind, node.selection_set.selections, found, seen)
            else:
                self._spread(kind, node, found, seen)

    def _spread(
        self,
        kind: GraphQLObjectType,
        node: Any,
        found: dict[str, list[FieldNode]],
        seen: set[str],
    ) -> None:
        """Collect from a fragment, each once."""
        name: str = node.name.value
        if name in seen:
            return
        seen.add(name)
        fragment = self._fragments[name]
        if self._fits(kind, fragment.type_condition):
            self._collect(kind, fragment.selection_set.selections, found, seen)

    def _included(self, node: SelectionNode) -> bool:
        if not node.directives:
            return True
        skip = get_directive_values(GraphQLSkipDirective, node, self._variables)
        if skip is not None and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self._variables)
        return include is None or bool(include["if"])

    def _fits(self, kind: GraphQLObjectType, condition: NamedTypeNode | None) -> bool:
        if condition is None or condition.name.value == kind.name:
            return True
        abstract = self._schema.type_map[condition.name.value]
        return isinstance(abstract, GraphQLAbstractType) and self._schema.is_sub_type(
            abstract, kind
        )
