"""Connections: a page of rows by their keys, read once, whatever is asked about it.

All that a connection shows of its rows is an aggregate over them. Where it is asked whether another
page follows, one row more is read, and the rows are numbered `nth` to leave it out again.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple, cast

from graphql import FieldNode, GraphQLObjectType

from ordering.db.json_text import Pieces, aggregated, chain, constant, join, json_array, sql
from ordering.domain import messages
from ordering_graphql.plan.binding import ArgumentError, CursorKey, Parameters
from ordering_graphql.plan.collect import Collector
from ordering_graphql.plan.cursors import cursor_sql
from ordering_graphql.plan.finding import Rows
from ordering_graphql.plan.kinds import named, type_of
from ordering_graphql.plan.scope import Scope, fill
from ordering_graphql.plan.values import Given, Value
from ordering_graphql.reading import Paged, Part, Sort, reading_of

__all__ = ["Page", "Window", "asks_what_follows", "read_window"]


class Window(NamedTuple):
    """Which part of a list: how many, in which order, from where on, in which direction."""

    size: int
    name: str
    sort: Sort
    cursor: Value | None
    backward: bool
    path: tuple[str, ...]

    @property
    def onward(self) -> Part:
        """What is asked to know whether another page follows in this direction."""
        return Part.HAS_PREVIOUS if self.backward else Part.HAS_NEXT


def read_window(
    reading: Paged, given: dict[str, Given], path: Sequence[str]
) -> tuple[Window, list[ArgumentError]]:
    """Read the arguments of a connection, and tell what is wrong with them."""
    values = {name: cast("Value", value) for name, value in given.items() if name != "filter"}
    wrong: list[ArgumentError] = []
    backward = "last" in values or ("before" in values and "first" not in values)
    size_name, cursor_name = ("last", "before") if backward else ("first", "after")
    for one, other in (
        ("first", "last"),
        ("after", "before"),
        ("first", "before"),
        ("last", "after"),
    ):
        if one in values and other in values:
            wrong.append(ArgumentError(messages.PAGE_BOTH_ENDS, (*path, one), one=one, other=other))
    size = int(values[size_name].sample) if size_name in values else reading.default
    if not 1 <= size <= reading.most:
        wrong.append(
            ArgumentError(
                messages.PAGE_INVALID, (*path, size_name), name=size_name, limit=reading.most
            )
        )
    name = next(iter(reading.sorts))
    if "orderBy" in values:
        name = cast("Enum", values["orderBy"].sample).value
    window = Window(
        size=size,
        name=name,
        sort=reading.sorts[name],
        cursor=values.get(cursor_name),
        backward=backward,
        path=(*path, cursor_name),
    )
    return window, wrong


def asks_what_follows(
    collector: Collector, kind: GraphQLObjectType, nodes: Sequence[FieldNode], window: Window
) -> bool:
    """Tell whether it is asked if another page follows a window, by a connection's fields."""
    for selected in collector.collect(kind, [node.selection_set for node in nodes]).values():
        field = kind.fields.get(selected[0].name.value)
        reading = field and reading_of(field)
        if reading is window.onward:
            return True
        if field and reading is Part.PAGE_INFO:
            info = cast("GraphQLObjectType", named(type_of(field)))
            if asks_what_follows(collector, info, selected, window):
                return True
    return False


class Page:
    """Writes the page of a connection, of the rows that fit.

    `numbered` tells that it is asked whether another page follows.
    """

    def __init__(
        self,
        scope: Scope,
        window: Window,
        parameters: Parameters,
        rows: Rows,
        *,
        numbered: bool,
    ) -> None:
        self._scope = scope
        self._row = scope.row
        self._window = window
        self._rows = rows
        self._numbered = numbered
        self._cursor = _cursor_keys(window, parameters)
        self._is_read = False

    def rows(self, of: Pieces) -> Pieces:
        """Write a JSON array with an element for each row."""
        return json_array(of, self._order(), only=self._within())

    @property
    def cursor(self) -> Pieces:
        """The cursor of a row, as JSON."""
        return join((constant('"'), sql(self._cursor_of_row()), constant('"')))

    def info(self, part: Part) -> Pieces:
        """Write what a page says of itself."""
        if part in (Part.START, Part.END):
            order = self._order(reverse=part is Part.END)
            found = f"array_agg({self._cursor_of_row()} ORDER BY {order})"
            if within := self._within():
                found = f"{found} FILTER (WHERE {within})"
            return sql(f"coalesce('\"' || ({found})[1] || '\"', 'null')", filled=True)
        if part is self._window.onward:
            self._is_read = True
            return sql(f"(count({self._row}.nth) > {self._window.size})::text", filled=True)
        if not self._cursor:
            return constant("false")
        # Behind the beginning: the row that the cursor came from, if it is still there, and others.
        # The nearest is asked for, since EXISTS would not see that an index leads to it.
        row = f"{self._row}b"
        beyond = self._beyond(row, opposite=True)
        tail = f" ORDER BY {self._sorted(row, falling=not self._falls)} LIMIT 1"
        nearest = f"SELECT 'true' FROM {self._rows.read(row, beyond, tail)}{tail}"
        return sql(f"coalesce(({nearest}), 'false')", filled=True)

    def total(self) -> Pieces:
        """Count the rows on all pages."""
        row = f"{self._row}c"
        return sql(f"({self._rows.count(row)})::text", filled=True)

    def whole(self, of: Pieces) -> Pieces:
        """Write the connection, whose fields have been written."""
        if not self._is_read:
            return of
        row, window = self._row, self._window
        order = self._sorted(row, falling=self._falls)
        tail = f" ORDER BY {order} LIMIT {window.size + self._numbered}"
        wanted = self._rows.read(row, self._beyond(row) if self._cursor else "", tail)
        nth = f", row_number() OVER (ORDER BY {order}) AS nth" if self._numbered else ""
        joins = self._scope.joins
        # What is sorted is copied, column by column, those that nobody asked for as well.
        used = re.findall(rf"\b{row}\.(?!nth\b)\w+", f"{chain(of)}{joins} {order}")
        read = f"SELECT {', '.join(dict.fromkeys(used))}{nth} FROM {wanted}{tail}"
        return aggregated(of, f"({read}) AS {row}{joins}")

    def _within(self) -> str | None:
        self._is_read = True
        return f"{self._row}.nth <= {self._window.size}" if self._numbered else None

    def _order(self, *, reverse: bool = False) -> str:
        self._is_read = True
        turned = self._window.backward != reverse
        if self._numbered:
            return f"{self._row}.nth{' DESC' if turned else ''}"
        return self._sorted(self._row, falling=self._falls != turned)

    def _keys(self, row: str) -> list[str]:
        return [fill(key, row=row) for key in self._window.sort.keys]

    def _cursor_of_row(self) -> str:
        return cursor_sql(self._window.name, self._keys(self._row))

    @property
    def _falls(self) -> bool:
        return self._window.sort.descending != self._window.backward

    def _sorted(self, row: str, *, falling: bool) -> str:
        return ", ".join(f"{key}{' DESC' if falling else ''}" for key in self._keys(row))

    def _beyond(self, row: str, *, opposite: bool = False) -> str:
        """Compare the keys of a row with those of the cursor."""
        operator = "<" if self._falls != opposite else ">"
        return (
            f"({', '.join(self._keys(row))}) {operator}{'=' if opposite else ''}"
            f" ({', '.join(self._cursor)})"
        )


def _cursor_keys(window: Window, parameters: Parameters) -> list[str]:
    """Add the keys of the cursor to the parameters."""
    if window.cursor is None:
        return []
    kinds = tuple(window.sort.keys.values())
    return [
        parameters.bind(
            (window.cursor.read, number),
            kind,
            CursorKey(window.cursor, window.name, kinds, number, window.path).bind,
        )
        for number, kind in enumerate(kinds)
    ]
