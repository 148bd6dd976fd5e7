"""Documents: parsed, validated, measured and compiled once, and kept for the next time."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any, cast

import graphql
import msgspec
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_operation_ast,
    get_variable_values,
    parse,
    validate,
)
from graphql.execution.values import VariableValues
from graphql.validation import NoSchemaIntrospectionCustomRule, specified_rules

from ordering_graphql import limits
from ordering_graphql.plan.collect import Collector
from ordering_graphql.plan.compiler import Plan, compile_operation
from ordering_graphql.plan.kinds import type_of
from ordering_graphql.plan.values import Given, read_arguments, shape_of
from ordering_graphql.reading import NodeSource
from ordering_graphql.recent import Recent

__all__ = ["Documents", "Operation", "RefusedError"]

_DOCUMENTS = 512
_PLANS = 2_048
#: Letters of what is kept: of documents, which take some 40 to 110 times as many bytes when they
#: are parsed; of what is told of those with errors; of statements, each parameter counting as 500.
_LETTERS_OF_DOCUMENTS = 500_000
_LETTERS_OF_REFUSALS = 500_000
_LETTERS_OF_PLANS = 8_000_000
_LETTERS_OF_PARAMETER = 500
#: Errors in a document, or in its variables, that are told of, and the letters of each.
_MOST_ERRORS = 20
_MOST_LETTERS = 300

_core = cast("Any", graphql)  # its annotations leave much unknown


class RefusedError(Exception):
    """The document, or its variables, cannot be executed; `errors` say why."""

    def __init__(self, errors: Iterable[GraphQLError]) -> None:
        self.errors = [_told(error) for error in errors]
        super().__init__(self.errors[0].message)


class Operation(msgspec.Struct, frozen=True):
    """An operation of a valid document."""

    document: DocumentNode
    node: OperationDefinitionNode
    key: tuple[bytes, str | None]


def _told(error: GraphQLError) -> GraphQLError:
    """Return an error as it is told and kept: short, without the document, without our code.

    A message of graphql-core repeats what was sent, and may quote what Python says of it.
    """
    message = error.message
    cause = error.original_error
    if cause is not None and not isinstance(cause, GraphQLError):
        message = message.replace(str(cause), "not readable")
    if len(message) > _MOST_LETTERS:
        message = message[:_MOST_LETTERS] + "…"
    told = GraphQLError(message)
    told.locations = error.locations
    return told


def _no_operation(name: str | None) -> str:
    """Tell why no operation of a valid document could be chosen."""
    if name is not None:
        return f'The document has no operation "{name}"'
    return "The document has several operations: say which"


class Documents:
    """The operations of a schema and their plans.

    `introspection` is for development: with it what the schema says of itself may be asked, and
    errors suggest names. Documents are kept by their SHA-256; of those with errors, the errors are.
    """

    def __init__(
        self, schema: GraphQLSchema, sources: Mapping[str, NodeSource], *, introspection: bool
    ) -> None:
        self._schema = schema
        self._sources = sources
        self._introspection = introspection
        self._rules = list(specified_rules)
        if not introspection:
            self._rules.append(NoSchemaIntrospectionCustomRule)
        self._operations: Recent[tuple[bytes, str | None], Operation] = Recent(
            _DOCUMENTS, _LETTERS_OF_DOCUMENTS
        )
        self._refused: Recent[bytes, list[GraphQLError]] = Recent(_DOCUMENTS, _LETTERS_OF_REFUSALS)
        self._plans: Recent[object, Plan] = Recent(_PLANS, _LETTERS_OF_PLANS)

    def operation(self, query: str, name: str | None = None) -> Operation:
        """Read a document and choose its operation. Raises `RefusedError` for one with errors."""
        key = (sha256(query.encode("utf-8", "surrogatepass")).digest(), name)
        known = self._operations.find(key)
        if known is None:
            known = self._read(query, key)
            self._operations.keep(key, known, len(query))
        return known

    def check(self, query: str) -> None:
        """Parse, measure and validate a document. Raises `RefusedError` for one with errors."""
        try:
            document = parse(query, max_tokens=limits.MAX_TOKENS)
        except GraphQLError as error:
            raise RefusedError([error]) from None
        # Measured before it is validated: the time of that grows with the square of the fields.
        errors = limits.measure(document) or validate(
            self._schema,
            document,
            self._rules,
            max_errors=_MOST_ERRORS,
            hide_suggestions=not self._introspection,
        )
        if errors:
            raise RefusedError(errors)

    def _read(self, query: str, key: tuple[bytes, str | None]) -> Operation:
        identity, name = key
        if (known := self._refused.find(identity)) is not None:
            raise RefusedError(known)
        try:
            self.check(query)
        except RefusedError as error:
            weight = sum(len(each.message) for each in error.errors)
            self._refused.keep(identity, error.errors, weight)
            raise
        # What is kept needs no places in the text, nor the text itself.
        document = parse(query, no_location=True)
        node = get_operation_ast(document, name)
        if node is None:
            raise RefusedError([GraphQLError(_no_operation(name))])
        return Operation(document, node, key)

    def variables(self, operation: Operation, sent: Mapping[str, Any]) -> VariableValues:
        """Read the variables of an operation. Raises `RefusedError` if they do not fit it."""
        values = get_variable_values(
            self._schema,
            operation.node.variable_definitions or (),
            dict(sent),
            max_errors=_MOST_ERRORS,
            hide_suggestions=not self._introspection,
        )
        if isinstance(values, list):
            raise RefusedError(values)
        return values

    def plan(self, operation: Operation, variables: VariableValues) -> Plan:
        """Look up or make the plan of an operation for variables of this shape.

        Raises `RefusedError` for a variable that is null where nothing may be.
        """
        shape = tuple(
            (name, shape_of(value, type_of(variables.sources[name])))
            for name, value in variables.coerced.items()
        )
        key = (operation.key, shape)
        plan = self._plans.find(key)
        if plan is None:
            try:
                plan = compile_operation(
                    self._schema, operation.document, operation.node, variables, self._sources
                )
            except GraphQLError as error:
                raise RefusedError([error]) from None
            weight = len(plan.sql) + len(plan.binders) * _LETTERS_OF_PARAMETER
            self._plans.keep(key, plan, weight)
        return plan

    def root_field(
        self, operation: Operation, variables: VariableValues
    ) -> tuple[str, str, dict[str, Given]]:
        """Return the only root field of a subscription: name, name in the answer, arguments."""
        root = cast("GraphQLObjectType", self._schema.get_root_type(operation.node.operation))
        collector = Collector(self._schema, operation.document, variables)
        ((answered, nodes),) = collector.collect(root, [operation.node.selection_set]).items()
        name = nodes[0].name.value
        return name, answered, read_arguments(root.fields[name], nodes[0], variables.coerced)

    def introspect(self, operation: Operation, sent: Mapping[str, Any]) -> ExecutionResult:
        """Answer what the schema says of itself; variables are read again, from what was sent."""
        return _core.execute_sync(
            self._schema,
            operation.document,
            variable_values=dict(sent),
            operation_name=operation.node.name.value if operation.node.name else None,
        )
