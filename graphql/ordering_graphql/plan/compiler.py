"""From an operation to its plan: one walk over the selected fields puts the statement together."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
)
from graphql.execution.values import VariableValues

from ordering.access.roles import Permission
from ordering.db.json_text import Pieces, chain, constant, join, json_rows, sql, text_of
from ordering.domain import messages
from ordering_graphql.plan.binding import (
    ArgumentError,
    Asker,
    Binder,
    NodeKey,
    Parameters,
    lacking,
)
from ordering_graphql.plan.collect import Collector
from ordering_graphql.plan.emptiness import emptiness_faults
from ordering_graphql.plan.filters import Filters, size_fault
from ordering_graphql.plan.finding import Rows, shortest
from ordering_graphql.plan.forms import show
from ordering_graphql.plan.kinds import Kind, named, type_of
from ordering_graphql.plan.pages import Page, asks_what_follows, read_window
from ordering_graphql.plan.scope import Aliases, Scope, all_of, fill, where
from ordering_graphql.plan.values import Given, Value, read_arguments
from ordering_graphql.reading import (
    AnyNode,
    Embedded,
    Leaf,
    Many,
    NodeSource,
    One,
    Paged,
    Part,
    Reading,
    Related,
    reading_of,
)

__all__ = ["Need", "Plan", "compile_operation"]

#: Rows that counting is charged for: the rows of an object; all there are; those that fit a filter.
_COST_OF_TOTAL = 10
_COST_OF_WHOLE_TOTAL = 1_000
_COST_OF_FILTERED_TOTAL = 5_000
#: How many times the usual number of lines is charged for a list that many lines list again: those
#: of an order or line that was stepped up to, and what lines require that others require.
_COST_OF_AGAIN = 100

Path = tuple[str, ...]


class Need(NamedTuple):
    """A permission that a field needs, and not only the object that it belongs to."""

    permission: Permission
    path: Path


class Plan(msgspec.Struct, frozen=True):
    """What answers an operation.

    Either `text`, which needs no database, or a statement whose one value is the JSON of `data`.
    `faults` are what is wrong with arguments whatever their values; `cost` is how many rows are
    charged. With `introspects` it is the schema that is asked about, and nothing else is answered.
    """

    sql: str
    text: str | None
    binders: Sequence[Binder]
    faults: Sequence[ArgumentError]
    needs: Sequence[Need]
    cost: int
    introspects: bool

    def bind(self, asker: Asker) -> tuple[list[object], list[ArgumentError]]:
        """Read the values of the parameters, and tell everything that is wrong."""
        values: list[object] = []
        wrong = list(self.faults)
        wrong += [
            lacking(need.permission, need.path)
            for need in self.needs
            if need.permission not in asker.permissions
        ]
        for binder in self.binders:
            try:
                values.append(binder(asker))
            except ArgumentError as error:
                if all(error.path != other.path for other in wrong):
                    wrong.append(error)
        return values, wrong


def compile_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: VariableValues,
    sources: Mapping[str, NodeSource],
) -> Plan:
    """Make the plan of an operation for all variables of the same shape.

    The document must be valid for the schema.
    """
    compiler = _Compiler(schema, Collector(schema, document, variables), variables, sources)
    root = cast("GraphQLObjectType", schema.get_root_type(operation.operation))
    written = compiler.object(root, [operation], Scope(), ())
    text = text_of(written.pieces)
    statement = f"SELECT {chain(written.pieces)}"
    if compiler.found:
        statement = f"WITH {', '.join(compiler.found)} {statement}"
    return Plan(
        sql="" if text is not None else statement + compiler.parameters.idle_in(statement),
        text=text,
        binders=compiler.parameters.binders,
        faults=compiler.faults,
        needs=compiler.needs,
        cost=written.cost,
        introspects=compiler.introspects,
    )


class _Written(NamedTuple):
    """JSON as SQL, and how many rows it is charged for."""

    pieces: Pieces
    cost: int = 0

    def times(self, rows: int) -> int:
        """Charge rows, each with what belongs to it."""
        return rows * (1 + self.cost)


class _At(NamedTuple):
    """A field where it is selected: its nodes, the row of its object, its path in the answer."""

    field: GraphQLField
    nodes: Sequence[FieldNode]
    scope: Scope
    path: Path

    @property
    def kind(self) -> GraphQLObjectType:
        """The type of the objects that the field answers."""
        return cast("GraphQLObjectType", named(type_of(self.field)))


class _Rows(NamedTuple):
    """Which rows: of which table, under which name, on which condition."""

    table: str
    scope: Scope
    condition: str

    @property
    def clause(self) -> str:
        """What stands behind FROM; to be asked for when the fields have been written."""
        return f"{self.table} {self.scope.row}{self.scope.joins}{where(self.condition)}"


class _Compiler:
    """The walk. It notes parameters, permissions and faults on its way."""

    def __init__(
        self,
        schema: GraphQLSchema,
        collector: Collector,
        variables: VariableValues,
        sources: Mapping[str, NodeSource],
    ) -> None:
        self._schema = schema
        self._collector = collector
        self._variables = variables
        self._sources = sources
        self._aliases = Aliases()
        self.parameters = Parameters()
        self._filters = Filters(self.parameters, self._aliases)
        self.faults: list[ArgumentError] = []
        self.needs: list[Need] = []
        self.introspects = False
        #: What is found first, as common table expressions of the statement.
        self.found: list[str] = []

    def object(
        self,
        kind: GraphQLObjectType,
        nodes: Sequence[FieldNode | OperationDefinitionNode],
        scope: Scope,
        path: Path,
    ) -> _Written:
        """Write the selected fields of an object as a JSON object."""
        return self._members(kind, nodes, scope, path, self._field)

    def _members(
        self,
        kind: GraphQLObjectType,
        nodes: Sequence[FieldNode | OperationDefinitionNode],
        scope: Scope,
        path: Path,
        write: Callable[[_At], _Written],
    ) -> _Written:
        """Write an object, each of its fields by `write`."""
        parts: list[Pieces] = []
        cost = 0
        selections = [node.selection_set for node in nodes]
        for name, selected in self._collector.collect(kind, selections).items():
            parts.append(constant(f'{"," if parts else "{"}"{name}":'))
            field_name = selected[0].name.value
            if field_name.startswith("__"):
                self.introspects |= field_name != "__typename"
                parts.append(constant(f'"{kind.name}"'))
                continue
            written = write(_At(kind.fields[field_name], selected, scope, (*path, name)))
            parts.append(written.pieces)
            cost += written.cost
        return _Written(join((*parts, constant("}" if parts else "{}"))), cost)

    def _field(self, at: _At) -> _Written:
        """Write a field's value."""
        reading: Reading = reading_of(at.field)
        match reading:
            case Leaf():
                return _Written(show(fill(reading.sql, row=at.scope.row), type_of(at.field)))
            case Embedded():
                return self._embedded(reading, at)
            case Paged():
                return self._paged(reading, at)
            case One():
                return self._one(reading, at)
            case Many():
                return self._many(reading, at)
            case AnyNode():
                return self._node(at)
            case Part():
                raise TypeError("a part of a page is not written outside of a page")

    def _embedded(self, reading: Embedded, at: _At) -> _Written:
        """Write an object that is in the row of its parent."""
        if reading.value is None:
            return self.object(at.kind, at.nodes, at.scope, at.path)
        value = fill(reading.value, row=at.scope.row)
        written = self.object(at.kind, at.nodes, Scope(value), at.path)
        whole = f"CASE WHEN {value} IS NULL THEN 'null' ELSE {chain(written.pieces)} END"
        return _Written(sql(whole, filled=True), written.cost)

    def _one(self, reading: One, at: _At) -> _Written:
        """Write the object of a row, or null."""
        rows = self._rows(reading, at, self._arguments(at))
        if at.scope.listed and reading.source.order is not None:
            rows = rows._replace(scope=rows.scope._replace(climbed=True))
        query, cost = self._row(reading, at, at.kind, rows)
        return _Written(sql(f"coalesce({query}, 'null')", filled=True), cost)

    def _row(self, reading: One, at: _At, kind: GraphQLObjectType, rows: _Rows) -> tuple[str, int]:
        """Write a query for the object of a row, and its cost."""
        written = self.object(kind, at.nodes, rows.scope, at.path)
        query = f"SELECT {chain(written.pieces)} FROM {rows.clause}"
        if reading.order_by:
            query += f" ORDER BY {fill(reading.order_by, row=rows.scope.row)} LIMIT 1"
        return f"({query})", written.times(reading.cost)

    def _many(self, reading: Many, at: _At) -> _Written:
        """Write the objects of all rows."""
        rows = self._rows(reading, at, self._arguments(at))
        again = 1
        if reading.source.order is not None:
            shared = at.scope.shared
            again = _COST_OF_AGAIN if at.scope.climbed or (shared and reading.shared) else 1
            scope = rows.scope._replace(listed=True, climbed=False, shared=shared or reading.shared)
            rows = rows._replace(scope=scope)
        inner = Scope(f"{rows.scope.row}.value") if reading.source.json else rows.scope
        written = self.object(at.kind, at.nodes, inner, at.path)
        order = fill(reading.order_by, row=rows.scope.row)
        array = json_rows(written.pieces, order, rows.clause)
        return _Written(array, written.times(reading.cost * again))

    def _node(self, at: _At) -> _Written:
        """Write the object with an id: of each type the one row that may have it."""
        value = cast("Value", self._arguments(at)["id"])
        queries: list[str] = []
        cost = 0
        for name, source in self._sources.items():
            key = NodeKey(value, source, (*at.path, "id"))
            rows = self._rows(source, at, {})
            placed = self.parameters.bind((value.read, name), source.kind, key.bind)
            rows = rows._replace(condition=fill(rows.condition, value=placed))
            kind = cast("GraphQLObjectType", self._schema.type_map[name])
            query, charged = self._row(source, at, kind, rows)
            queries.append(query)
            cost = max(cost, charged)
        return _Written(sql(f"coalesce({', '.join(queries)}, 'null')", filled=True), cost)

    def _rows(self, reading: Related, at: _At, given: Mapping[str, Given]) -> _Rows:
        """Step to the rows of a field, and say which they are."""
        scope = at.scope.enter(reading.source, self._aliases)
        places = {"row": scope.row, "parent": at.scope.row}
        if reading.map is not None and at.scope.anchor is not None:
            places["map"] = at.scope.anchor.look_up(reading.map)
        parts = [fill(reading.where, **places)]
        for name, condition in reading.narrow.items():
            if name in given:
                value = self.parameters.add(cast("Value", given[name]), condition.kind)
                parts.append(fill(condition.sql, value=value, **places))
        if reading.exactly_one and sum(name in given for name in reading.narrow) != 1:
            names = ", ".join(reading.narrow)
            self.faults.append(ArgumentError(messages.EXACTLY_ONE, at.path, names=names))
        return _Rows(fill(reading.source.table, **places), scope, all_of(parts))

    def _arguments(self, at: _At) -> dict[str, Given]:
        """Read what the field is given, and note what it needs."""
        reading = reading_of(at.field)
        if isinstance(reading, Related):
            needs = reading.source.needs
            if needs is not None and needs is not at.scope.needs:
                self.needs.append(Need(needs, at.path))
        return read_arguments(at.field, at.nodes[0], self._variables.coerced)

    def _paged(self, reading: Paged, at: _At) -> _Written:
        """Write a connection."""
        given = self._arguments(at)
        window, wrong = read_window(reading, given, at.path)
        wanted = cast("dict[str, Given] | None", given.get("filter"))
        if wanted is not None and (fault := size_fault(wanted, (*at.path, "filter"))):
            wrong.append(fault)
            wanted = None
        wrong += emptiness_faults(wanted or {}, (*at.path, "filter"))
        self.faults.extend(wrong)

        found = ""
        # Below the root the rows are those of one order.
        if wanted is not None and not at.scope.row:
            found = self._find(wanted, type_of(at.field.args["filter"]))

        def fits(row: str) -> str:
            condition = fill(reading.where, row=row, parent=at.scope.row)
            if wanted is None:
                return condition
            kind = type_of(at.field.args["filter"])
            return all_of((condition, self._filters.write(wanted, kind, row)))

        scope = at.scope.enter(reading.source, self._aliases)
        scope = scope._replace(listed=at.scope.anchor is not None)
        rows = Rows(reading.source.table, found, fits, reading.tally_of(wanted or ()))
        numbered = asks_what_follows(self._collector, at.kind, at.nodes, window)
        page = Page(scope, window, self.parameters, rows, numbered=numbered)

        total = _COST_OF_TOTAL
        if not at.scope.row:
            total = _COST_OF_WHOLE_TOTAL if wanted is None else _COST_OF_FILTERED_TOTAL

        def write(part: _At) -> _Written:
            if reading_of(part.field) is Part.TOTAL_COUNT:
                return _Written(page.total(), total)
            return self._part(part, page, window.size, write)

        written = self._members(at.kind, at.nodes, scope, at.path, write)
        return _Written(page.whole(written.pieces), written.cost)

    def _find(self, wanted: Given, kind: Kind) -> str:
        """Write what finds the rows that fit a filter; returns its name, empty if nothing does."""
        finders = self._filters.finders(wanted, kind)
        if not finders:
            return ""
        name = self._aliases.new()
        self.found.append(shortest(name, finders))
        return name

    def _part(self, at: _At, page: Page, size: int, write: Callable[[_At], _Written]) -> _Written:
        """Write a field of a connection, of an edge or of what a page says of itself."""
        match reading_of(at.field):
            case Part.NODES:
                node = self.object(at.kind, at.nodes, at.scope, at.path)
                return _Written(page.rows(node.pieces), node.times(size))
            case Part.EDGES:
                edge = self._members(at.kind, at.nodes, at.scope, at.path, write)
                return _Written(page.rows(edge.pieces), edge.times(size))
            case Part.NODE:
                return self.object(at.kind, at.nodes, at.scope, at.path)
            case Part.CURSOR:
                return _Written(page.cursor)
            case Part.PAGE_INFO:
                return self._members(at.kind, at.nodes, at.scope, at.path, write)
            case Part() as part:
                return _Written(page.info(part))
            case _:
                raise TypeError("a connection has parts only")
