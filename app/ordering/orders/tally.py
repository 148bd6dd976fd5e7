"""How many orders there are, by state: the rows of `order_tally` add up to it.

Triggers add rows, one for each state that a statement creates or deletes orders in, two for each
order that changes its state, in the transaction that does so; hence a total is exact, of the same
snapshot as what is read beside it, and nobody waits for another. Rows that have been added up are
replaced by their sums (docs/decisions/0029-totals.md).
"""

from ordering.db.advisory import Turn
from ordering.db.connection import Connection

__all__ = ["TOTAL", "fold"]

#: How many orders there are in all, or in a state if that condition follows.
TOTAL = "SELECT coalesce(sum(orders), 0)::bigint AS total FROM order_tally"

#: As long as there are so few rows, they are not worth a write.
_FEW = 100

#: So many are folded in some tenths of a second, however many there came to be without a worker.
_PORTION = 100_000

# A row is deleted once, whoever else deletes them at the same time, and who deleted it adds it to a
# sum; readers see the rows or their sums. States without orders are left out. Nothing would be lost
# without the lock: it keeps workers from waiting for the one that folds.
_FOLD = """
WITH portion AS MATERIALIZED (
    SELECT id FROM order_tally ORDER BY id LIMIT $3
), folded AS (
    DELETE FROM order_tally
    WHERE id = ANY (ARRAY(SELECT id FROM portion))
      AND (SELECT count(*) FROM portion) > $2 AND (SELECT pg_try_advisory_xact_lock($1))
    RETURNING state, orders
), sums AS (
    INSERT INTO order_tally (state, orders)
    SELECT state, sum(orders) FROM folded GROUP BY state HAVING sum(orders) <> 0
)
SELECT count(*) FROM folded
"""


async def fold(connection: Connection) -> int:
    """Replace the rows by their sums, unless they are few or somebody else does; returns how many.

    By portions, each by a statement of its own. A transaction around them must be READ COMMITTED,
    and short: its locks are held until its end.
    """
    folded, portion = 0, _PORTION
    while portion == _PORTION:
        portion = await connection.fetchval(_FOLD, Turn.FOLDING, _FEW, _PORTION)
        folded += portion
    return folded
