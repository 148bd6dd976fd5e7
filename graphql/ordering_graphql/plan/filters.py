"""Conditions out of filters: every member must fit; `and`, `or` and `not` join filters."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from graphql import GraphQLInputObjectType

from ordering.domain import messages
from ordering_graphql.plan.binding import ArgumentError, Parameters
from ordering_graphql.plan.finding import MOST_FINDERS, MOST_FOUND
from ordering_graphql.plan.kinds import Kind, named, type_of
from ordering_graphql.plan.scope import Aliases, fill
from ordering_graphql.plan.values import Given, Value
from ordering_graphql.reading import Condition, Operand, Within, asking_of

__all__ = ["MOST_CONDITIONS", "MOST_LEVELS", "Filters", "size_fault"]

MOST_LEVELS = 8
MOST_CONDITIONS = 50


class Filters:
    """Writes the filters of a statement."""

    def __init__(self, parameters: Parameters, aliases: Aliases) -> None:
        self._parameters = parameters
        self._aliases = aliases

    def write(self, given: Given, kind: Kind, row: str) -> str:
        """Write the condition that a row fits."""
        members = cast("dict[str, Given]", given)
        return self._all(members, cast("GraphQLInputObjectType", named(kind)), row)

    def _all(self, members: Mapping[str, Given], kind: GraphQLInputObjectType, row: str) -> str:
        parts = [self._member(name, given, kind, row) for name, given in members.items()]
        return _joined(parts, "AND", "true")

    def _member(self, name: str, given: Given, kind: GraphQLInputObjectType, row: str) -> str:
        field = kind.fields[name]
        inner = cast("GraphQLInputObjectType", named(type_of(field)))
        asking = asking_of(field)
        if asking is None:
            return self._joining(name, given, inner, row)
        if isinstance(asking, Condition):
            return self._condition(asking, given, row=row)
        if isinstance(asking, Operand):
            return self._operators(asking, given, inner, row=row)
        return self._within(asking, given, inner, row)

    def _joining(self, name: str, given: Given, kind: GraphQLInputObjectType, row: str) -> str:
        if name == "not":
            # Without a value there a condition is neither true nor false, and does not fit.
            return f"({self._all(cast('dict[str, Given]', given), kind, row)}) IS NOT TRUE"
        elements = [] if isinstance(given, Value) else cast("list[dict[str, Given]]", given)
        parts = [self._all(each, kind, row) for each in elements]
        return _joined(parts, "OR", "false") if name == "or" else _joined(parts, "AND", "true")

    def _operators(
        self,
        asked: Operand,
        given: Given,
        kind: GraphQLInputObjectType,
        *,
        row: str,
        finding: bool = False,
    ) -> str:
        operand = fill(asked.sql, row=row)
        parts: list[str] = []
        for name, value in cast("dict[str, Given]", given).items():
            condition = cast("Condition", asking_of(kind.fields[name]))
            if finding and condition.finder:
                condition = Condition(condition.finder, condition.kind)
            parts.append(self._condition(condition, value, operand=operand))
        return _joined(parts, "AND", "true")

    def _condition(self, condition: Condition, given: Given, **places: str) -> str:
        value = self._parameters.add(cast("Value", given), condition.kind)
        return fill(condition.sql, value=value, **places)

    def _within(
        self, within: Within, given: Given, kind: GraphQLInputObjectType, parent: str
    ) -> str:
        row = self._aliases.new()
        where = fill(within.where, row=row, parent=parent)
        fits = self._all(cast("dict[str, Given]", given), kind, row)
        return f"EXISTS (SELECT FROM {within.source.table} {row} WHERE {where} AND {fits})"

    def finders(self, given: Given, kind: Kind, most: int = MOST_FINDERS) -> list[str]:
        """Write the queries for the ids of all that may fit, of the first members that have one.

        What stands in `or` and `not` need not fit by itself, and finds nothing.
        """
        inputs = cast("GraphQLInputObjectType", named(kind))
        found: list[str] = []
        for name, member in cast("dict[str, Given]", given).items():
            asking = asking_of(inputs.fields[name])
            inner = type_of(inputs.fields[name])
            if isinstance(asking, Within):
                found += self.finders(member, inner, most - len(found))
            elif asking is not None and asking.finder and len(found) < most:
                found.append(self._finder(asking, member, inner))
            elif name == "and" and not isinstance(member, Value):
                for each in cast("list[Given]", member):
                    found += self.finders(each, inner, most - len(found))
        return found

    def _finder(self, asking: Condition | Operand, given: Given, kind: Kind) -> str:
        row, most = self._aliases.new(), str(MOST_FOUND + 1)
        if isinstance(asking, Operand):
            inputs = cast("GraphQLInputObjectType", named(kind))
            near = self._operators(asking, given, inputs, row=row, finding=True)
            fits = self._operators(asking, given, inputs, row=row)
            return fill(asking.finder, row=row, near=near, fits=fits, most=most)
        near = self._condition(asking, given, row=row)
        value = self._parameters.add(cast("Value", given), asking.kind)
        return fill(asking.finder, row=row, near=near, value=value, most=most)


def size_fault(given: Given, path: Sequence[str]) -> ArgumentError | None:
    """Tell if a filter is too large: a variable may be, however small the document is."""
    if _levels(given) <= MOST_LEVELS and _conditions(given) <= MOST_CONDITIONS:
        return None
    return ArgumentError(
        messages.FILTER_TOO_LARGE, path, levels=MOST_LEVELS, conditions=MOST_CONDITIONS
    )


def _joined(parts: Sequence[str], word: str, none: str) -> str:
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return none
    return f"({f' {word} '.join(parts)})"


def _levels(given: Any) -> int:
    """Count how deep objects are in one another."""
    if isinstance(given, dict):
        members = cast("dict[str, Any]", given).values()
        return 1 + max((_levels(each) for each in members), default=0)
    if isinstance(given, list):
        return max((_levels(each) for each in cast("list[Any]", given)), default=0)
    return 0


def _conditions(given: Any) -> int:
    """Count the values."""
    if isinstance(given, dict):
        return sum(_conditions(each) for each in cast("dict[str, Any]", given).values())
    if isinstance(given, list):
        return sum(_conditions(each) for each in cast("list[Any]", given))
    return 1
