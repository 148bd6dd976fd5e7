"""Few or many: rows that a filter fits are read from what an index finds, or in their order.

A page of those that fit is either found first and sorted then, which is right for few, or put
together on a walk in the order of the list, which is right for many: the page is full soon. The
planner cannot know which they are: a party's names stand in another table, and after some calls
PostgreSQL plans without a look at the values. So the statement finds out itself. Members of a
filter that an index serves have a *finder*, a query for the ids of all rows that may fit; it is
read until there are more than a thousand. If one of them finds fewer, the rows are those of the
shortest; if not, the list is walked. Whichever branch is not taken is not begun.

A finder has `{row}` as an alias of its own, `{near}` as the condition of its member that an index
knows, `{fits}` as that of an operand in full, and `{most}` for limits within it. What it reads is
in the order of a btree, which holds the planner to it: a limit makes it think that anything is
found soon on the way through the table.
"""

from collections.abc import Callable, Iterator, Sequence

from ordering_graphql.plan.scope import fill, where
from ordering_graphql.reading import Tally

__all__ = ["MOST_FINDERS", "MOST_FOUND", "Rows", "shortest"]

#: To read as many one by one takes a few milliseconds. If more fit, so does one of a thousand in a
#: million, and a walk is not long.
MOST_FOUND = 1_000

#: Each takes time to plan and to read, and any of them may be left out.
MOST_FINDERS = 4


def shortest(name: str, finders: Sequence[str]) -> str:
    """Write the common table expression `name`: the fewest ids found; no row if all are many."""
    found = " UNION ALL ".join(f"SELECT ARRAY({each} LIMIT {MOST_FOUND + 1})" for each in finders)
    # OFFSET keeps the planner from reading the ids once for each place that they are named in.
    return (
        f"{name} AS MATERIALIZED (SELECT ids FROM ({found} OFFSET 0) AS found (ids)"
        f" WHERE cardinality(ids) <= {MOST_FOUND} ORDER BY cardinality(ids) LIMIT 1)"
    )


class Rows:
    """Rows of a table that fit: those found if they are few, or those of all.

    `found` is the name of the ids found, empty if nothing finds any; `fits` writes the condition.
    With a `tally` they need not be counted.
    """

    def __init__(
        self, table: str, found: str, fits: Callable[[str], str], tally: Tally | None = None
    ) -> None:
        self._table = table
        self._found = found
        self._fits = fits
        self._tally = tally

    def read(self, row: str, beyond: str, tail: str) -> str:
        """Write the rows, to stand behind FROM, that fit another condition, too.

        `tail` is the order and limit of the page, which either branch needs to know.
        """
        if not self._found:
            return f"{self._table} {row}{where(self._fits(row), beyond)}"
        branches = (f"({each}{tail})" for each in self._branches(row, f"{row}.*", beyond))
        return f"({' UNION ALL '.join(branches)}) {row}"

    def count(self, row: str) -> str:
        """Write how many rows there are."""
        if self._tally is not None:
            total = fill(self._tally.total, row=row)
            return f"SELECT {total} FROM {self._tally.table} {row}{where(self._fits(row))}"
        if not self._found:
            return f"SELECT count(*) FROM {self._table} {row}{where(self._fits(row))}"
        # In each branch, since all rows would have to come through both.
        branches = self._branches(row, "count(*) AS counted", "")
        return f"SELECT sum(counted) FROM ({' UNION ALL '.join(branches)}) {row}"

    def _branches(self, row: str, wanted: str, beyond: str) -> Iterator[str]:
        # OFFSET keeps the planner from walking the list for them, of which it thinks there are ten.
        few = f"id = ANY ((SELECT ids FROM {self._found})::uuid[])"
        those = f"(SELECT * FROM {self._table} those{where(few)} OFFSET 0)"
        many = f"NOT EXISTS (SELECT FROM {self._found})"
        for rows, branch in ((those, ""), (self._table, many)):
            condition = where(branch, self._fits(row), beyond)
            yield f"SELECT {wanted} FROM {rows} {row}{condition}"
